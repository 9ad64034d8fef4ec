"""A run of the tests says what it left out, and continuous integration lets nothing be left out."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.processes import ROOT

TESTS = """
import pytest

@pytest.fixture(params=["sqlite", "postgresql"])
def database(request): ...

@pytest.fixture
def browser(): ...

@pytest.mark.skip(reason="no moon")
def test_tides(): ...

def test_sales(database): ...

def test_pages(browser): ...
"""


@pytest.mark.parametrize(("told", "code"), [({}, 0), ({"CI": "true"}, 1)])
@pytest.mark.parametrize(
    ("arguments", "besides"), [([], ""), (["-k", "not moon"], "; what was not asked for")]
)
def test_what_ran_and_what_did_not(tmp_path: Path, told, code, arguments, besides):
    (tmp_path / "test_shop.py").write_text(TESTS)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.closing", *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), **told},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == code
    assert "Ran 3 tests: 1 on SQLite, 1 on PostgreSQL, 1 in Chromium." in ended.stdout
    assert f"Left out: test_shop.py::test_tides (Skipped: no moon){besides}.\n" in ended.stdout


def test_a_file_that_cannot_be_read_is_left_out(tmp_path: Path):
    (tmp_path / "test_shop.py").write_text("import pytest\npytest.fail('No network.', pytrace=False)")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.closing"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert "No network." in ended.stdout
    assert "Ran 0 tests" in ended.stdout
    assert "Left out: test_shop.py (not readable).\n" in ended.stdout
