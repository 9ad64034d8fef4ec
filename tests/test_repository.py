"""What the repository promises about itself: its pins, its example, and nothing of any one machine."""

import ast
import hashlib
import math
import re
import subprocess
import tomllib
from base64 import b64encode

import pytest

from tests.kit.factories import BOT_TOKEN, SECRET_KEY
from tests.kit.processes import ROOT
from webapp import __version__, config

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SHOP = PYPROJECT["project"]["dependencies"]
GROUPS = PYPROJECT["dependency-groups"]
SANDBOX = GROUPS["sandbox"]
DEV = [one for one in GROUPS["dev"] if isinstance(one, str)]
# Every requirements file, and what it is made from.
LOCKS = {
    "requirements.txt": SHOP,
    "sandbox/requirements.txt": SANDBOX,
    "requirements-dev.txt": SHOP + SANDBOX + DEV,
    "tests/mutation/requirements.txt": GROUPS["mutation"],
}
# htmx.org 2.0.11 as npm has it: dist/htmx.min.js.
HTMX = "sha384-2OatzQy1H+Zd/IIrjr1TcuDGqLXeHhbooAyJY1KdQMKnr4LZ22k31GBLdYKHmVjg"
GIT = ROOT / ".git"
# Left unset by the example: what tells platforms apart, Flask's own name for DEBUG, and gunicorn's.
UNLISTED = {"FLASK_DEBUG"}
MACHINES = re.compile(
    r"(?<![\w.])/(?:home|root|opt|work|mnt|srv|Users|private|var/folders)/\w"
    r"|[A-Z]:\\\\Users"
    r"|\b(?:10|169|172|192)\.\d+\.\d+\.\d+:\d{4,5}\b"
    r"|\.(?:internal|lan|corp)\b"
)


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[~>=<! ]", one)[0].lower().replace("_", "-") for one in requirements}


def pins(file: str) -> dict[str, str]:
    """Return every pinned package with the text beneath it: hashes, and who wants it.

    A package with one version for Intel Macs and one for other machines counts with the last.
    """
    text = (ROOT / file).read_text(encoding="utf-8")
    blocks = re.split(r"(?m)^(?=[a-z0-9])", text)
    return {re.split(r"[\[=]", block)[0]: block for block in blocks if "==" in block}


def versions(file: str) -> dict[str, set[str]]:
    """Return the pinned versions of each package, one for each kind of machine."""
    found: dict[str, set[str]] = {}
    text = (ROOT / file).read_text(encoding="utf-8")
    for name, version in re.findall(r"(?m)^([\w.-]+)==([\w.]+)", text):
        found.setdefault(name, set()).add(version)
    return found


@pytest.mark.parametrize("file", LOCKS)
def test_the_pins_are_of_what_is_asked_for(file):
    """``make lock`` notes who wants what; a dependency added or dropped without it shows here."""
    direct = {name for name, block in pins(file).items() if "(pyproject.toml" in block}
    assert direct == names(LOCKS[file])


@pytest.mark.proves("I28", "S64")
@pytest.mark.parametrize("file", LOCKS)
def test_every_pin_is_exact_and_has_its_hashes(file):
    for name, block in pins(file).items():
        assert re.match(r"[\w.-]+==[\w.]+ (; .+ )?\\\n", block), name
        assert "--hash=sha256:" in block, name
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not re.search(r"(?m)^(-i|-e|--index-url|--extra-index-url|--find-links|git\+|https?:)", text)


@pytest.mark.proves("I28", "S64")
def test_developers_run_what_customers_run():
    everything = versions("requirements-dev.txt")
    for file in ("requirements.txt", "sandbox/requirements.txt"):
        ours = versions(file)
        assert {name: everything.get(name) for name in ours} == ours


# Sums that grow while something is counted, and a child process that is watched.
GROWING = {"Child", "Faults", "Gates", "Histogram", "Report", "Sales"}


def test_values_that_travel_are_frozen():
    """What was read once is the same wherever it goes: nobody it is handed to can change it."""
    thawed = set()
    for file in [*(ROOT / "webapp").rglob("*.py"), ROOT / "bot.py"]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            made = [ast.unparse(one) for one in getattr(node, "decorator_list", ())]
            if any(one.startswith("dataclass") and "frozen=True" not in one for one in made):
                thawed.add(node.name)
    assert thawed == GROWING


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_no_test_needs_another_test():
    named = re.compile(
        r"(?m)^\s*(?:from tests[\w.]* import .*\btest_|from tests(?:\.\w+)*\.test_|import tests.*test_).*"
    )
    files = sorted(ROOT.glob("tests/**/*.py"))
    assert {str(file.relative_to(ROOT)) for file in files if named.search(file.read_text("utf-8"))} == set()


def test_the_example_lists_every_setting():
    files = (ROOT / "webapp" / "config").glob("*.py")
    source = "".join(file.read_text(encoding="utf-8") for file in files)
    read = set(re.findall(r'read\.\w+\(\s*"([A-Z_]+)"', source)) | set(
        re.findall(r'environ\.get\("([A-Z_]+)"', source)
    )
    server = (ROOT / "webapp" / "gunicorn.py").read_text(encoding="utf-8")
    read |= set(re.findall(r'environ\.get\(["\']([A-Z_]+)', server))
    assert set(example()) == read - UNLISTED


def test_the_example_has_a_line_on_every_setting():
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line and not line.startswith("#"):
            before = lines[number - 1]
            assert before.startswith("#") or before.partition("=")[0] in {"WEB_CONCURRENCY"}, line


def test_the_example_needs_three_values_and_changes_nothing_else():
    needed = {"BOT_TOKEN": BOT_TOKEN, "PUBLIC_URL": "https://shop.test", "SECRET_KEY": SECRET_KEY}
    assert {name for name in needed if not example()[name]} == set(needed)
    assert config.load({**example(), **needed}) == config.load(needed)


def test_the_version_is_the_same_wherever_it_stands():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"(?m)^## \[?(\d[\w.]*)", changes)
    assert newest
    assert __version__ == PYPROJECT["project"]["version"] == newest[1]


@pytest.mark.proves("S64")
def test_htmx_is_the_one_that_was_published():
    digest = hashlib.sha384((ROOT / "static" / "htmx.min.js").read_bytes()).digest()
    assert f"sha384-{b64encode(digest).decode()}" == HTMX
    assert "2.0.11" in (ROOT / "static" / "htmx.LICENSE").read_text(encoding="utf-8")


@pytest.mark.skipif(not GIT.exists(), reason="what is tracked is known to git alone")
def test_no_file_knows_the_machine_it_was_written_on():
    found = []
    for name in tracked():
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if name == "tests/test_repository.py":
            continue
        found += [f"{name}: {hit[0]}" for hit in MACHINES.finditer(text)]
    assert found == []


@pytest.mark.skipif(not GIT.exists(), reason="what is tracked is known to git alone")
def test_nothing_is_tracked_that_is_made_anew():
    made = re.compile(
        r"(^|/)(\.venv|var|__pycache__|node_modules|\.env)(/|$)|\.(pyc|db|sqlite3?|log|pem|key)$"
    )
    assert [name for name in tracked() if made.search(name)] == []


@pytest.mark.skipif(not GIT.exists(), reason="what is tracked is known to git alone")
def test_every_text_ends_with_a_line():
    for name in tracked():
        if (
            name.endswith((".py", ".md", ".toml", ".txt", ".html", ".css", ".js", ".svg"))
            and ".min." not in name
        ):
            text = (ROOT / name).read_bytes()
            assert not text or text.endswith(b"\n"), name
            assert b"\r" not in text, name


def test_nothing_outgrows_its_subject():
    """CONTRIBUTING: a module has 250 lines at most, a class 150, a function 51."""
    most = {ast.Module: 250, ast.ClassDef: 150, ast.FunctionDef: 51, ast.AsyncFunctionDef: 51}
    grown = []
    for file in [*sorted((ROOT / "webapp").rglob("*.py")), ROOT / "bot.py"]:
        text = file.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", text.count("\n"))
            if last - first + 1 > most.get(type(node), math.inf):
                grown.append(f"{file.relative_to(ROOT)}: {getattr(node, 'name', 'the module')}")
    assert grown == []
