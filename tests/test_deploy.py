"""A platform's day: install what is pinned, set some variables, run the Procfile, sell something."""

import random
import shlex
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit import hosts
from tests.kit.factories import METRICS_TOKEN, SHOP
from tests.kit.played import ALICE
from tests.kit.processes import ROOT, Shopper, Stage, eventually

BASE_MEGABYTES = 60  # python:3.11-alpine, unpacked
PROCFILE = ("web", "bot", "release")
# What Heroku and its like set beside the owner's own variables.
PLATFORM = {"DYNO": "web.1", "WEB_CONCURRENCY": "2", "APP_ENV": "", "PROXY_HOPS": ""}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new virtual environment with requirements.txt in it, and nothing else."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    options = ["--quiet", "--require-hashes", "--only-binary", ":all:", "--no-deps"]
    install = [*pip(folder / "bin"), "install", *options, "-r", str(ROOT / "requirements.txt")]
    subprocess.run(install, check=True, timeout=300)
    return folder / "bin"


def pip(programs: Path) -> list[str]:
    """Return the tests' own pip, at work in another environment; to make one more takes three seconds."""
    return [sys.executable, "-m", "pip", "--python", str(programs / "python")]


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
    check = subprocess.run([*pip(installed), "check"], capture_output=True, text=True)
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
    assert not alice.has("/pages/atlas")
    assert alice.pay(alice.order("deep-sky-atlas")["link"])["status"] == "paid"
    eventually(lambda: alice.has("/pages/atlas"))
    eventually(lambda: ready(stage))
    style = stage.http.get(stage.web).text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    if style:
        assert stage.http.get(f"{stage.web}{style}").status_code == 200
    # The next release comes while the shop is open.
    eventually(lambda: stage.run("release") == 0)
    assert alice.has("/pages/atlas")
    assert stage.stop("bot") == 0
    assert stage.stop("web") == 0
    stage.start("web")
    eventually(lambda: stage.answers(f"{stage.web}/healthz"))
    assert Shopper(stage, ALICE).sign_in().has("/pages/atlas")


def ready(stage: Stage) -> bool:
    headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    answer = stage.http.get(f"{stage.web}/readyz", headers=headers)
    return answer.status_code == 200 and set(answer.json()["findings"].values()) == {"ok"}


def lone_token(stage: Stage, **platform: str) -> None:
    """Leave of the owner's settings only the token; the rest is the platform's, and the sandbox's."""
    telegram = {"PATH", "HOME", "BOT_TOKEN", "BOT_API_URL", "TELEGRAM_JS_URL", "FRAME_ANCESTORS"}
    kept = {name: value for name, value in stage.environment.items() if name in telegram}
    generated = b64encode(random.randbytes(32)).decode()
    stage.environment = {**kept, "PORT": str(stage.web_port), "SECRET_KEY": generated, **platform}
    stage.play()
    stage.environment["TELEGRAM_PUBLIC_KEYS"] = stage.state()["ed25519_public_key"]


def sells(stage: Stage) -> None:
    eventually(lambda: stage.answers(f"{stage.web}/healthz"))
    alice = Shopper(stage, ALICE).sign_in()
    link = alice.order("deep-sky-atlas")["link"]
    eventually(lambda: alice.pay(link)["status"] == "paid")
    eventually(lambda: alice.has("/pages/atlas"))


def test_a_token_is_all_that_render_is_told(stage):
    """Its own commands, from render.yaml, with what it sets and draws itself."""
    [service] = hosts.read("render.yaml")["services"]
    database = stage.environment["DATABASE_URL"]
    told = {"RENDER": "true", "RENDER_EXTERNAL_URL": stage.web, "DATABASE_URL": database}
    lone_token(stage, **told, SHOP_DIR=str(SHOP.path))
    assert stage.run("release", service["preDeployCommand"]) == 0, stage.output("release")
    stage.start("all", service["startCommand"])
    sells(stage)
    assert stage.stop("all") == 0


@pytest.fixture
def image(installed: Path, tmp_path: Path) -> Iterator[Stage]:
    """A container of ours, as far as it can be had without one: its files, its programs, a volume."""
    (tmp_path / "data").mkdir()
    one = Stage(tmp_path, "", bin_folder=installed)
    one.root = hosts.build_image(tmp_path / "image")
    # Nobody names an owner's folder that lies where one is looked for.
    shutil.copytree(SHOP.path, one.root / "shop", dirs_exist_ok=True)
    yield one
    one.close()


def test_a_token_is_all_that_fly_is_told(image):
    """The Dockerfile's own command, with what fly.toml sets, and nothing around it but what is copied."""
    told = hosts.read("fly.toml")["env"]
    url = told["DATABASE_URL"].replace("/data/", f"{image.folder}/data/")
    lone_token(image, **{**told, "DATABASE_URL": url}, FLY_APP_NAME="shop")
    image.start("all", hosts.container_command())
    sells(image)
    assert image.run("health", shlex.join(hosts.container_healthcheck())) == 0
    assert image.stop("all") == 0
    assert (image.folder / "data" / "starfront.db").exists()
    assert image.run("health", shlex.join(hosts.container_healthcheck())) != 0


def test_an_image_is_small(installed, tmp_path):
    """Packages and shop as installed here; the base as Docker has it, with pip in it."""
    packages = sum(size(one) for one in installed.parent.glob("lib/python*/site-packages/[!p]*"))
    packages += sum(size(one) for one in installed.parent.glob("lib/python*/site-packages/p[!i]*"))
    assert packages > 50
    assert BASE_MEGABYTES + packages + size(hosts.build_image(tmp_path)) < 200


def size(path: Path) -> float:
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in files) / 1_000_000


REFUSED = {
    "BOT_TOKEN is missing": {"BOT_TOKEN": ""},
    "BOT_TOKEN is not a bot token": {"BOT_TOKEN": "123"},
    "PUBLIC_URL is missing": {"PUBLIC_URL": ""},
    "PUBLIC_URL must start with https://": {"PUBLIC_URL": "http://shop.test"},
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
