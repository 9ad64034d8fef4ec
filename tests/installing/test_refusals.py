"""What keeps an installation from its end is said in one sentence, and the next one can go on."""

import errno
import os
import re
import sys

import pytest

from sandbox import environment
from sandbox.environment import pip
from tests.installing.index import file_name
from tests.kit.processes import ROOT, free_port


@pytest.mark.parametrize("version", ["(2, 7, 18)", "(3, 6, 15)", "(3, 9, 18)", "(3, 10, 13)"])
def test_an_old_python_hears_what_is_needed(clone, version):
    old = f"import sys; sys.version_info = {version}; sys.version = '{version} of old'; import sandbox.up"
    ended = clone.run("-c", old)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.fullmatch(r"Starfront needs Python 3\.11 or newer, and \S+ is \(\S+\.\n", ended.stderr), ended
    source = (ROOT / "sandbox" / "__init__.py").read_text(encoding="ascii")
    assert not re.search(r"\bf['\"]|:=|->|: str\b", source), "an old Python could not read it"


def test_windows_hears_of_wsl(clone):
    ended = clone.run("-c", "import os; os.name = 'nt'; import sandbox.up")
    assert ended.returncode == 1
    assert ended.stderr == "Starfront runs on Linux and macOS. On Windows, run it in WSL: wsl --install\n"


def test_make_without_any_python_says_so(clone, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    make = next(p for folder in os.get_exec_path() if os.access(p := f"{folder}/make", os.X_OK))
    (tools / "make").symlink_to(make)
    ended = clone.run(str(tools / "make"), "run", PATH=str(tools))
    assert ended.returncode == 2
    assert "Starfront needs Python 3.11 or newer, and there is none." in ended.stderr


def test_a_python_without_venv_hears_which_package_to_install(clone):
    hide = "import sys; sys.modules['ensurepip'] = None; from sandbox import environment"
    hidden = f"{hide}; environment.ensure('run')"
    ended = clone.run("-c", hidden)
    assert ended.returncode == 1
    assert "has no ensurepip" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
def test_a_half_written_lock_is_noticed_before_anything_changes(clone, share):
    lock = clone.folder / "sandbox" / "requirements.txt"
    text = lock.read_text(encoding="utf-8")
    lock.write_text(text[: int(len(text) * share)].rstrip("\n"), encoding="utf-8")
    said = clone.refusal()
    assert said.startswith("sandbox/requirements.txt is damaged: ")
    assert said.endswith(". Bring it back: git checkout -- sandbox/requirements.txt")
    assert not (clone.folder / ".venv").exists()


def test_a_lock_that_ends_too_early_is_noticed_afterwards(bare):
    lock = bare.folder / "requirements.txt"
    lock.write_text(lock.read_text(encoding="utf-8").partition("werkzeug==")[0], encoding="utf-8")
    assert re.match(
        r"The locks are not whole: \S+ .* requires werkzeug, which is not installed\.", bare.refusal()
    )


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n", "flask\n", "flask==3.1.3\n", "-e .\n", "flask>=3\n"])
def test_a_lock_that_pip_would_resolve_is_refused(clone, text):
    lock = clone.folder / "requirements.txt"
    lock.write_text(lock.read_text(encoding="utf-8") + text, encoding="utf-8")
    assert clone.refusal().startswith("requirements.txt is damaged: ")


def test_a_missing_lock_is_named(clone):
    (clone.folder / "requirements.txt").unlink()
    assert clone.refusal() == (
        "requirements.txt cannot be read. Bring it back: git checkout -- requirements.txt"
    )


def test_an_index_without_one_wheel_is_named_and_tried_again(bare):
    version = re.search(r"(?m)^flask==(\S+)", bare.index.lock("requirements.txt"))[1]
    bare.index.missing.add(file_name("flask", version))
    wheel = re.escape(f"{bare.index.address}/{file_name('flask', version)}")
    assert re.fullmatch(rf"The package index answers 404 for {wheel}\. Try again later\.", bare.refusal())
    bare.index.missing.clear()
    assert bare.install("run").returncode == 0


def test_an_index_that_never_heard_of_a_package_is_named(bare):
    lock = bare.folder / "requirements.txt"
    lock.write_text(lock.read_text(encoding="utf-8").replace("flask==", "flusk=="), encoding="utf-8")
    assert bare.refusal() == f"The package index answers 404 for {bare.index.url}/flusk/. Try again later."


def test_a_machine_that_nothing_was_built_for_is_named(bare):
    lock = bare.folder / "requirements.txt"
    lock.write_text(
        re.sub("(?m)^flask==.*? ", "flask==7.0 ", lock.read_text(encoding="utf-8")), encoding="utf-8"
    )
    assert re.fullmatch(
        r"The package index has no flask==7\.0 for Python 3\.\d+\.\S+ on \w+\.", bare.refusal()
    )


def test_without_a_network_one_sentence_says_so(bare):
    nobody = f"http://127.0.0.1:{free_port()}/simple"
    assert bare.refusal(PIP_INDEX_URL=nobody) == "The package index cannot be reached. Is there a network?"


@pytest.mark.parametrize(
    ("name", "address"),
    [("HTTPS_PROXY", "https://packages.test/simple"), ("ALL_PROXY", "https://packages.test/simple")],
    ids=["https", "all"],
)
def test_a_proxy_that_refuses_is_named(bare, name, address):
    said = bare.refusal(PIP_INDEX_URL=address, **{name: f"http://127.0.0.1:{free_port()}"})
    assert said == "The proxy in HTTPS_PROXY or ALL_PROXY refuses, or its address is wrong."


def test_a_proxy_for_socks_is_named(bare):
    said = bare.refusal(PIP_INDEX_URL="https://packages.test/simple", ALL_PROXY="socks5://127.0.0.1:9")
    assert said.startswith("pip cannot use the SOCKS proxy in ALL_PROXY.")


def test_packages_come_through_a_proxy(bare):
    index = {"PIP_INDEX_URL": "http://packages.test/simple", "PIP_TRUSTED_HOST": "packages.test"}
    ended = bare.install("run", **index, ALL_PROXY=bare.index.address)
    assert ended.returncode == 0, ended
    assert bare.index.asked[0].startswith("http://packages.test/simple/")


def test_a_folder_of_somebody_else_is_named(clone):
    """Root is anybody here: it may write wherever it likes otherwise."""
    clone.folder.chmod(0o555)
    command = ("-m", "sandbox.environment", "run")
    ended = clone.run(sys.executable, str(ROOT / "tests" / "kit" / "unprivileged.py"), clone.python, *command)
    clone.folder.chmod(0o755)
    assert ended.returncode == 1
    assert (
        ended.stderr
        == f"{clone.folder}/.venv cannot be written to. Make the folder yours, then start again.\n"
    )


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named(number):
    error = OSError(number, os.strerror(number))
    assert environment._sentence(error) == "The disk is full. Make room, then start again."
    said = f"ERROR: Could not install packages due to an OSError: {error}\n"
    assert pip._reason(said) == "The disk is full. Make room, then start again."
