"""A platform's day: install what is pinned, set some variables, run the Procfile, sell something."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ALICE
from tests.factories import METRICS_TOKEN
from tests.processes import ROOT, Shopper, Stage, eventually

PROCFILE = ("web", "bot", "release")
# What Heroku and its like set beside the owner's own variables.
PLATFORM = {"DYNO": "web.1", "WEB_CONCURRENCY": "2", "APP_ENV": "", "PROXY_HOPS": ""}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new virtual environment with requirements.txt in it, and nothing else."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    options = ["--quiet", "--require-hashes", "--only-binary", ":all:", "--no-deps"]
    pip = [folder / "bin" / "python", "-m", "pip", "install", *options]
    subprocess.run([*pip, "-r", str(ROOT / "requirements.txt")], check=True, timeout=300)
    return folder / "bin"


@pytest.fixture
def stage(installed: Path, tmp_path: Path, request: Any) -> Iterator[Stage]:
    """A shop on a platform, its database not migrated yet and spelt as hosts spell it."""
    postgres = request.getfixturevalue("postgres")
    postgres.psql("CREATE DATABASE platform")
    url = postgres.get_uri("platform").replace("postgresql://", "postgres://")
    one = Stage(tmp_path, url, bin_folder=installed, **PLATFORM)
    yield one
    one.close()
    postgres.psql("DROP DATABASE platform WITH (FORCE)")


def test_what_is_pinned_is_whole_and_nothing_more(installed):
    """pip finds no package missing, and tools for developers are not among them."""
    check = subprocess.run([installed / "python", "-m", "pip", "check"], capture_output=True, text=True)
    assert check.returncode == 0, check.stdout
    for tool in ("pytest", "aiohttp", "playwright", "hypothesis", "ruff"):
        found = subprocess.run([installed / "python", "-c", f"import {tool}"], capture_output=True)
        assert found.returncode == 1, tool


@pytest.mark.parametrize("mode", ["polling", "webhook"])
def test_a_platform_sells_on_its_first_day(stage, mode):
    stage.environment["BOT_MODE"] = mode
    stage.open()
    assert "Released as @starfront_demo_bot." in stage.output("release")
    alice = Shopper(stage, ALICE).sign_in()
    assert not alice.has("/atlas")
    assert alice.pay(alice.order("deep-sky-atlas")["link"])["status"] == "paid"
    eventually(lambda: alice.has("/atlas"), seconds=10)
    eventually(lambda: ready(stage), seconds=10)
    style = stage.http.get(stage.web).text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    if style:
        assert stage.http.get(f"{stage.web}{style}").status_code == 200
    # The next release comes while the shop is open.
    eventually(lambda: stage.run("release") == 0, seconds=10)
    assert alice.has("/atlas")
    assert stage.stop("bot") == 0
    assert stage.stop("web") == 0
    stage.start("web")
    eventually(lambda: stage.answers(f"{stage.web}/healthz"))
    assert Shopper(stage, ALICE).sign_in().has("/atlas")


def ready(stage: Stage) -> bool:
    headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    answer = stage.http.get(f"{stage.web}/readyz", headers=headers)
    return answer.status_code == 200 and set(answer.json()["findings"].values()) == {"ok"}


REFUSED = {
    "BOT_TOKEN is missing": {"BOT_TOKEN": ""},
    "BOT_TOKEN is not a bot token": {"BOT_TOKEN": "123"},
    "PUBLIC_URL is missing": {"PUBLIC_URL": ""},
    "PUBLIC_URL must begin with https://": {"PUBLIC_URL": "http://shop.test"},
    "SECRET_KEY is missing": {"SECRET_KEY": ""},
    "SECRET_KEY looks like a placeholder": {"SECRET_KEY": "change-me-change-me-change-me-change-me"},
    "WEBHOOK_SECRET is missing": {"BOT_MODE": "webhook", "WEBHOOK_SECRET": ""},
    "SQLite on Heroku loses every purchase": {"DATABASE_URL": ""},
    "Debugging is on in production": {"DEBUG": "1"},
    "APP_ENV=development on a server": {"APP_ENV": "development"},
}


@pytest.mark.parametrize("process", PROCFILE)
def test_a_platform_that_is_not_set_up_hears_what_is_missing(stage, process):
    good = stage.environment
    # One process says them all; of the others a few are enough.
    wanted = REFUSED if process == "release" else dict(list(REFUSED.items())[:2])
    for words, changes in wanted.items():
        stage.environment = {**good, **changes}
        assert stage.run(process) == 1, words
        said = stage.output(process).strip().splitlines()[-1]
        assert words in said
    assert "Traceback" not in stage.output(process)
    assert good["SECRET_KEY"] not in stage.output(process)
