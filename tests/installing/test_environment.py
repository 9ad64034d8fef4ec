"""An environment that makes and mends itself, and stays out of the way when nothing has to be done."""

import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from tests.installing.conftest import FEW, Clone, surroundings
from tests.installing.index import NEWER, digest, file_name
from tests.kit.processes import eventually


@pytest.fixture
def ready(bare: Clone) -> Clone:
    """A clone in which everything that running needs was installed."""
    ended = bare.install("run")
    assert ended.returncode == 0, ended
    bare.index.asked.clear()
    return bare


def test_a_python_without_anything_gets_what_running_needs(whole):
    ended = whole.install("run")
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    found = whole.installed()
    assert {"flask", "aiohttp", "gunicorn", "python-telegram-bot"} <= found.keys()
    assert found.keys().isdisjoint({"pytest", "playwright", "uv", "mypy", "hypothesis", "ruff"})


def test_installing_twice_says_and_asks_nothing(ready):
    for python in (ready.python, ".venv/bin/python"):
        ended = ready.run(python, "-m", "sandbox.environment", "run")
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert ready.index.asked == []


def test_what_the_tests_need_comes_on_top(ready):
    before = (ready.folder / ".venv/lib").stat().st_ino
    assert ready.install("test").returncode == 0
    assert "pytest" in ready.installed()
    assert ready.install("run").stdout == ""
    assert (ready.folder / ".venv/lib").stat().st_ino == before


def test_a_command_goes_on_inside_with_its_arguments(bare):
    (bare.folder / "sandbox/probe.py").write_text(
        "import sys\nfrom sandbox import environment\nenvironment.ensure('run')\n"
        "import flask\nprint('inside', flask.VERSION, sys.argv[1:])\n",
        encoding="utf-8",
    )
    ended = bare.run("-m", "sandbox.probe", "a b", "--c=d")
    assert ended.returncode == 0, ended
    assert ended.stdout.splitlines()[-1].endswith("['a b', '--c=d']")


def test_a_changed_lock_is_installed_and_what_it_dropped_is_removed(ready):
    """As after git pull: one package is newer, and one is needed no more."""
    lock = ready.folder / "requirements.txt"
    newer = (
        f"certifi=={NEWER} \\\n    --hash=sha256:{digest(ready.index.folder / file_name('certifi', NEWER))}\n"
    )
    lock.write_text(ready.index.lock("requirements.txt", FEW - {"certifi"}) + newer, encoding="utf-8")
    for file in ("sandbox/requirements.txt", "requirements-dev.txt"):
        (ready.folder / file).write_text(ready.index.lock(file, FEW - {"yarl", "certifi"}), encoding="utf-8")
    ended = ready.install("run")
    assert ended.returncode == 0, ended
    assert ready.installed()["certifi"] == NEWER
    assert "yarl" not in ready.installed()
    assert ready.install("run").stdout == ""


def test_a_folder_that_moved_is_mended_without_the_network(ready):
    moved = ready.folder.rename(ready.folder.with_name("elsewhere"))
    ready.folder = moved
    assert subprocess.run([moved / ".venv/bin/flask-version"], capture_output=True).returncode == 0
    assert ready.install("run", PIP_INDEX_URL="http://127.0.0.1:9/").returncode == 0
    assert json.loads((moved / ".venv/starfront.json").read_text())["folder"] == str(moved / ".venv")
    assert str(moved) in (moved / ".venv/bin/activate").read_text(encoding="utf-8")


def test_packages_for_another_python_are_thrown_away(ready):
    stamp = ready.folder / ".venv/starfront.json"
    stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "python": "cpython-310 vax"}))
    ended = ready.install("run")
    assert ended.returncode == 0, ended
    assert "Installing" in ended.stdout
    assert json.loads(stamp.read_text())["python"] != "cpython-310 vax"


def test_a_python_that_is_gone_is_replaced(ready):
    python = ready.folder / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python")
    ended = ready.install("run")
    assert ended.returncode == 0, ended
    assert ready.run(".venv/bin/python", "-c", "import flask").returncode == 0


def test_an_installation_that_was_killed_begins_anew(bare):
    """A package that is half there would count as installed to pip."""
    bare.index.held.clear()
    process = start(bare)
    eventually(lambda: bare.index.asked)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    bare.index.held.set()
    half = next(bare.folder.glob(".venv/lib/python*/site-packages")) / "flask-3.0.dist-info"
    half.mkdir()
    ended = bare.install("run")
    assert ended.returncode == 0, ended
    assert not half.exists()
    assert bare.install("run").stdout == ""


def test_two_at_once_install_once(bare):
    bare.index.held.clear()
    first = start(bare)
    eventually(lambda: bare.index.asked)
    second = start(bare)
    assert "Waiting for it" in second.stdout.readline()
    bare.index.held.set()
    said = [process.communicate(timeout=120)[0] for process in (first, second)]
    assert [process.returncode for process in (first, second)] == [0, 0]
    assert (said[0].count("Installed."), said[1]) == (1, "")


def start(clone: Clone) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [clone.python, "-m", "sandbox.environment", "run"],
        cwd=clone.folder,
        env={**surroundings(), "PIP_INDEX_URL": clone.index.url},
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def test_an_environment_of_somebody_else_is_left_alone(ready, tmp_path):
    """A .venv that is a link is used when all is there, and never written to."""
    shared = shutil.move(ready.folder / ".venv", tmp_path / "shared")
    (ready.folder / ".venv").symlink_to(shared)
    (tmp_path / "shared" / "starfront.json").unlink()
    assert ready.install("run").stdout == ""
    assert "is a link to" in ready.refusal("test")
    assert not (tmp_path / "shared" / "starfront.json").exists()


def test_settings_of_a_persons_pip_lead_nowhere_else(bare):
    ended = bare.install("run", PIP_USER="1", PIP_TARGET="elsewhere", PIP_QUIET="3")
    assert ended.returncode == 0, ended
    assert "flask" in bare.installed()
    assert not (bare.folder / "elsewhere").exists()


def test_whoever_waits_is_told_what_goes_on(bare):
    """Every few seconds, from what pip says, which is not to be had from a pip that is quiet."""
    bare.index.held.clear()
    process = start(bare)
    said = [process.stdout.readline(), process.stdout.readline()]
    bare.index.held.set()
    process.communicate(timeout=120)
    assert re.fullmatch(r"Installing \d+ packages into \.venv\. The first time, .*\n", said[0])
    assert re.fullmatch(r" +\d+ s  (looking the packages up|fetching \S+, package \d+)\n", said[1])
