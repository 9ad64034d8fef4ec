"""A whole run that reaches too little of the shop fails, and says what it did not reach."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.processes import ROOT

FILES = {
    "pyproject.toml": """
[tool.coverage.run]
branch = true
source = ["webapp", "bot"]
[tool.coverage.report]
show_missing = true
skip_covered = true
""",
    "bot.py": "def poll(): return 1\n",
    "webapp/__init__.py": "",
    "webapp/domain/__init__.py": "",
    "webapp/domain/refunds.py": "def refund(stars):\n    if stars:\n        stars -= 1\n    return stars\n",
    "webapp/pages.py": "def page(error):\n    if error:\n        return error\n    return 'page'\n",
    "test_shop.py": """
import bot
from webapp import pages
from webapp.domain import refunds

def test_refunds():
    assert refunds.refund(1) == refunds.refund(0) == 0

def test_pages():
    assert pages.page('') == 'page'
    assert pages.page('no') == 'no'
    assert bot.poll() == 1
""",
}
ALL = "Reached 100 % of the domain.\nReached 100 % of everything else in webapp and bot.py.\n"


def ran(folder: Path, *options: str, without: str = "nothing") -> subprocess.CompletedProcess[str]:
    """Run the tests of a small shop, from which one thing that they do is taken."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.replace(without, ""))
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.covered", "--cov", "--cov-report=", *options],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_44_a_run_that_reaches_everything_says_so(tmp_path):
    ended = ran(tmp_path)
    assert ended.returncode == 0, ended.stdout
    assert ALL in ended.stdout


@pytest.mark.parametrize(
    ("without", "said"),
    [
        (" == refunds.refund(0)", "Reached 83.3 % of the domain, less than 100 %:"),
        ("    assert pages.page('no') == 'no'\n", "of everything else in webapp and bot.py, less than 97 %:"),
    ],
    ids=["domain", "elsewhere"],
)
def test_44_a_branch_that_nothing_reaches_fails_the_run(tmp_path, without, said):
    ended = ran(tmp_path, "--numprocesses=2", without=without)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout
    assert said in ended.stdout
    assert ("refunds.py" if "domain" in said else "pages.py") in ended.stdout


def test_44_a_part_of_the_tests_has_to_reach_nothing(tmp_path):
    ended = ran(tmp_path, "-k", "refunds")
    assert ended.returncode == 0, ended.stdout
    assert "Reached" not in ended.stdout
