"""Where the phone's client script comes from: Telegram, npm, a copy, or else a stand-in; never a wait."""

import hashlib
import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit import npm
from tests.kit.processes import ROOT, Stage, eventually

STAND_IN = (ROOT / "sandbox" / "static" / "stand-in.js").read_bytes()
PACKAGE = "@twa-dev/sdk@8.0.2"
INSIDE = "dist/telegram-web-apps.js"
DAY_SECONDS = 24 * 3600
NOWHERE = "http://127.0.0.1:1"  # a proxy that refuses: telegram.org cannot be reached

Play = Callable[..., Stage]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """A way to start a sandbox without the internet, and with the npm that a test gives it."""
    stage = Stage(tmp_path, "sqlite:///unused.db")
    (tmp_path / "bin").mkdir()
    stage.environment |= {"PATH": str(tmp_path / "bin"), "HTTPS_PROXY": NOWHERE}
    stage.environment["NPM_CONFIG_REGISTRY"] = "https://registry.test"

    def start(npm_script: str = "", proxy: str = NOWHERE) -> Stage:
        if npm_script:
            program = tmp_path / "bin" / "npm"
            program.write_text(f"#!{sys.executable}\nimport shutil, sys, time, pathlib, os\n{npm_script}\n")
            program.chmod(0o755)
        stage.environment["HTTPS_PROXY"] = proxy
        return stage.play("--script-copy", str(copy_in(tmp_path)))

    yield start
    stage.close()


def copy_in(folder: Path) -> Path:
    return folder / "kept" / "telegram-web-app.js"


def keep_copy(folder: Path, content: bytes, *, days_old: float = 0, **wrong: Any) -> None:
    """Leave a copy as an earlier run would have left it."""
    file = copy_in(folder)
    file.parent.mkdir()
    file.write_bytes(content)
    digest, found_at = hashlib.sha256(content).hexdigest(), time.time() - days_old * DAY_SECONDS
    note = {"sha256": digest, "source": "telegram.org", "found_at": found_at, **wrong}
    file.with_suffix(".json").write_text(json.dumps(note))


def served(stage: Stage) -> bytes:
    return stage.http.get(f"{stage.sandbox}/telegram-web-app.js").content


def settled(stage: Stage) -> dict[str, Any]:
    """Return what is said of the script once the search is over."""

    def look() -> dict[str, Any] | None:
        told: dict[str, Any] = stage.state()["client_script"]
        return told if told["is_settled"] else None

    found = eventually(look)
    assert found
    return found


def test_without_internet_and_npm_the_stand_in_plays_and_the_box_says_so(play):
    stage = play()
    assert served(stage) == STAND_IN
    told = settled(stage)
    assert told["is_stand_in"] is True
    said = "A stand-in plays Telegram's client script: the real one cannot be fetched right now."
    assert told["said"] == said
    eventually(lambda: told["said"] in stage.output("sandbox"))
    answer = stage.http.get(f"{stage.sandbox}/telegram-web-app.js")
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_phone_does_not_wait_for_a_network_that_says_nothing(play, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy = f"http://127.0.0.1:{silent.getsockname()[1]}"
        stage = play("time.sleep(3600)", proxy)  # longer than any test waits
        connection, _address = silent.accept()  # asked, it never answers
        with connection:
            assert served(stage) == STAND_IN
            assert stage.state()["client_script"]["is_settled"] is False


def test_telegrams_own_script_takes_over_as_soon_as_it_is_found(play, tmp_path):
    stage = play(f"""
while not pathlib.Path({str(tmp_path / "go")!r}).exists():
    time.sleep(0.01)
shutil.copy({str(npm.archive(PACKAGE))!r}, "twa-dev-sdk-8.0.2.tgz")""")
    assert served(stage) == STAND_IN
    (tmp_path / "go").touch()
    assert settled(stage)["said"] == (f"Telegram's client script is here, from the npm package {PACKAGE}.")
    assert served(stage) == npm.read(PACKAGE, INSIDE)


def test_a_package_that_is_not_the_one_we_know_is_not_served(play, tmp_path):
    stage = play(f"""
whole = pathlib.Path({str(npm.archive(PACKAGE))!r}).read_bytes()
pathlib.Path("twa-dev-sdk-8.0.2.tgz").write_bytes(whole + b"more")""")
    assert settled(stage)["is_stand_in"] is True
    assert served(stage) == STAND_IN
    assert not copy_in(tmp_path).exists()


def test_a_fresh_copy_is_served_and_nobody_is_asked(play, tmp_path):
    keep_copy(tmp_path, b"Telegram.WebApp = 1", days_old=6.9)
    stage = play(f"pathlib.Path({str(tmp_path / 'asked')!r}).touch()")
    assert settled(stage)["said"].endswith("from telegram.org, 6 days ago.")
    assert served(stage) == b"Telegram.WebApp = 1"
    assert not (tmp_path / "asked").exists()


@pytest.mark.parametrize("days", [7.5, -1], ids=["old", "from the future"])
def test_an_old_copy_is_looked_for_again_and_serves_meanwhile(play, tmp_path, days):
    keep_copy(tmp_path, b"Telegram.WebApp = 1", days_old=days)
    stage = play(f"pathlib.Path({str(tmp_path / 'asked')!r}).touch()")
    assert settled(stage)["is_stand_in"] is False
    assert served(stage) == b"Telegram.WebApp = 1"
    assert (tmp_path / "asked").exists()


def test_an_old_copy_says_how_old_it_is(play, tmp_path):
    keep_copy(tmp_path, b"Telegram.WebApp = 1", days_old=400)
    assert settled(play())["said"].endswith("from telegram.org, 400 days ago.")


@pytest.mark.parametrize(
    "note",
    [{"sha256": "0" * 64}, {"found_at": "yesterday"}, {"more": 1}],
    ids=["another digest", "no time", "a field nobody knows"],
)
def test_a_copy_that_somebody_changed_is_not_served(play, tmp_path, note):
    keep_copy(tmp_path, b"Telegram.WebApp = stolen", **note)
    stage = play()
    assert settled(stage)["is_stand_in"] is True
    assert served(stage) == STAND_IN


def test_a_copy_cut_short_or_without_its_note_is_not_served(play, tmp_path):
    keep_copy(tmp_path, b"Telegram.WebApp = 1")
    copy_in(tmp_path).with_suffix(".json").write_text('{"sha256"')
    assert served(play()) == STAND_IN


def test_a_folder_that_cannot_be_written_means_asking_again_next_time(play, tmp_path):
    (tmp_path / "kept").touch()  # a file where the folder would be
    stage = play(f'shutil.copy({str(npm.archive(PACKAGE))!r}, "twa-dev-sdk-8.0.2.tgz")')
    assert settled(stage)["is_stand_in"] is False
    assert served(stage) == npm.read(PACKAGE, INSIDE)
