"""The locks are the whole truth for every pip: newer releases of everything change nothing."""

import re
import sys

import pytest

from tests.installing.conftest import PIPS, Clone, installed, make_environment
from tests.installing.index import LOCKS, NEWER, PIN


def pinned(clone: Clone, *files: str) -> dict[str, str]:
    """Return what locks name for any machine."""
    texts = "".join((clone.folder / file).read_text(encoding="utf-8") for file in files)
    return {name: version for name, version, marker in PIN.findall(texts) if not marker}


@pytest.mark.proves("I28", "F64", "T35")
@pytest.mark.parametrize("pip", [PIPS[0], PIPS[-1]])
def test_the_oldest_pip_and_the_newest_install_what_the_locks_name(whole, pips, pip):
    make_environment(whole.folder / ".venv", pips[pip])
    ended = whole.install("test")
    assert ended.returncode == 0, ended
    found, wanted = whole.installed(), {**pinned(whole, *LOCKS)}
    wanted.pop("pip")
    assert found.items() >= wanted.items()
    assert NEWER not in found.values()


@pytest.mark.proves("T35")
@pytest.mark.parametrize("pip", PIPS[1:-1])
def test_every_pip_between_does_not_look_behind_extras(clone, pips, pip):
    make_environment(clone.folder / ".venv", pips[pip])
    ended = clone.install("test")
    assert ended.returncode == 0, ended
    assert clone.installed().items() >= pinned(clone, *LOCKS).items()


@pytest.mark.proves("F64")
@pytest.mark.parametrize("pip", PIPS)
def test_every_platform_installs_what_the_shop_needs(whole, pips, pip, tmp_path):
    """As Heroku and its like do it, with the pip they have and no option of ours."""
    python = make_environment(tmp_path / "platform", pips[pip])
    ended = whole.run(str(python), "-m", "pip", "install", "--no-compile", "-r", "requirements.txt")
    assert ended.returncode == 0, ended
    found = installed(tmp_path / "platform")
    assert found.items() >= pinned(whole, "requirements.txt").items()
    assert NEWER not in found.values()


@pytest.mark.proves("F64", "T35")
def test_uv_installs_what_the_shop_needs(whole, pips, tmp_path):
    python = make_environment(tmp_path / "platform", pips[""])
    options = ("--python", str(python), "--index-url", whole.index.url, "--no-cache")
    ended = whole.run(sys.executable, "-m", "uv", "pip", "install", *options, "-r", "requirements.txt")
    assert ended.returncode == 0, ended
    assert installed(tmp_path / "platform").items() >= pinned(whole, "requirements.txt").items()


def test_a_newer_release_behind_an_extra_is_what_pip_trips_over(clone, pips, tmp_path):
    """This is what the tests above would see without --no-deps: pytest-cov asks for coverage[toml]."""
    python = make_environment(tmp_path / "platform", pips["==23.2.1"])
    ended = clone.run(str(python), "-m", "pip", "install", "--require-hashes", "-r", "requirements-dev.txt")
    assert ended.returncode == 1
    assert re.search(r"must have their versions pinned with ==[\s\S]*coverage\[toml\]", ended.stderr)


@pytest.mark.proves("I28", "F64", "T35")
@pytest.mark.parametrize("pip", [PIPS[0], PIPS[-1]])
def test_a_changed_hash_is_refused_in_a_sentence(clone, pips, pip):
    lock = clone.folder / "requirements.txt"
    text = lock.read_text(encoding="utf-8")
    lock.write_text(re.sub(r"(?<=werkzeug)(==.*\n.*sha256:)\w{4}", r"\g<1>0000", text), encoding="utf-8")
    make_environment(clone.folder / ".venv", pips[pip])
    assert clone.refusal().startswith("The package index sends another werkzeug than the lock names")
    assert clone.installed() == {}
