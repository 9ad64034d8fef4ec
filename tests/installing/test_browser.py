"""A browser for the tests: found, fetched, or missed in one sentence."""

import os
import subprocess
import sys
from pathlib import Path

from tests.kit import browser
from tests.kit.processes import ROOT


def look(tmp_path: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    env = {"PATH": str(tmp_path), "HOME": str(tmp_path), **settings}
    return subprocess.run(
        [sys.executable, "-m", "tests.kit.browser"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )


def program(path: Path, code: int) -> Path:
    path.write_text(f"#!/bin/sh\nexit {code}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_the_systems_chromium_is_taken(tmp_path):
    path = program(tmp_path / "chromium", 0)
    assert look(tmp_path).stdout == f"Chromium: {path}\n"


def test_one_without_windows_comes_first(tmp_path):
    program(tmp_path / "chromium", 0)
    path = program(tmp_path / "chromium-headless-shell", 0)
    assert look(tmp_path).stdout == f"Chromium: {path}\n"


def test_the_one_that_is_named_is_taken(tmp_path):
    path = program(tmp_path / "mine", 0)
    program(tmp_path / "chromium", 0)
    assert look(tmp_path, CHROMIUM=str(path)).stdout == f"Chromium: {path}\n"


def test_one_that_does_not_start_is_refused_in_a_sentence(tmp_path):
    path = program(tmp_path / "chromium", 127)
    ended = look(tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"{path} does not start; as root, ")
    assert ended.stderr.count("\n") == 1


def test_without_any_it_says_what_it_fetches_and_that_it_failed(tmp_path):
    """Nobody's root here: no packages of the system, and a proxy that leads nowhere."""
    ended = look(tmp_path, HTTPS_PROXY="http://127.0.0.1:9", PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT="2000")
    assert ended.returncode == 1
    assert "Fetching playwright's Chromium" in ended.stdout
    last = ended.stderr.splitlines()[-1]
    assert last == "No Chromium could be found or fetched. Install one, or name one in CHROMIUM."


def test_what_was_found_is_what_the_tests_use():
    path = browser.find()
    assert path
    assert os.access(path, os.X_OK)
