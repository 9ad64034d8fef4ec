"""Files of the shop: for whose eyes they are, and what a user hears who may not write to them."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.factories import BOT_TOKEN, SECRET_KEY
from tests.kit.processes import ROOT

NOBODY = pwd.getpwnam("nobody")


def run(url: str, *command: str) -> str:
    """Run a command as a user for whom permissions hold, and return what it said."""
    environment = {
        "PATH": os.environ["PATH"],
        "FLASK_SKIP_DOTENV": "1",
        "BOT_TOKEN": BOT_TOKEN,
        "SECRET_KEY": SECRET_KEY,
        "PUBLIC_URL": "https://shop.test",
        "BOT_API_URL": "http://127.0.0.1:9/bot",
        "DATABASE_URL": url,
    }
    words = [sys.executable, "-m", "tests.kit.unprivileged", sys.executable, "-m", "flask", "--app", "webapp"]
    ended = subprocess.run(
        [*words, *command], cwd=ROOT, env=environment, capture_output=True, text=True, umask=0o022
    )
    return ended.stdout + ended.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "of" / "the shop"


def test_what_the_shop_makes_is_for_its_own_user_only(folder):
    run(f"sqlite:///{folder}/shop.db", "db", "upgrade")
    made = {path.name: path.stat().st_mode & 0o777 for path in (folder.parent, *folder.parent.rglob("*"))}
    assert made == {"of": 0o700, "the shop": 0o700, "shop.db": 0o600}


def test_who_may_not_write_to_the_folder_hears_whose_it_is(folder):
    folder.mkdir(parents=True)
    folder.chmod(0o500)
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
    told = run(f"sqlite:///{folder}/shop.db", "release")
    last = told.strip().splitlines()[-1]
    if is_root:
        assert f"{folder} cannot be written: it belongs to nobody, and this runs as root." in last
        assert last.endswith("Run the shop and its commands as nobody.")
    else:
        assert last.endswith(f"{folder} cannot be written: see that its disk and its permissions allow it.")
