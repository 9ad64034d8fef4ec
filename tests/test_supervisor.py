"""Web and bot under one supervisor: ``python -m webapp``."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.covered import measured
from tests.kit.played import ALICE
from tests.kit.processes import ROOT, Shopper, Stage, eventually
from webapp.serving import supervisor
from webapp.serving.supervisor import Child
from webapp.version import __version__

ALL = "python -m webapp"
NAMES = {"web": "webapp.serving", "bot": "bot.py", "release": "release"}
# A container's first process inherits the children of those that die; so does this one.
AS_FIRST = """
import ctypes, runpy
ctypes.CDLL(None).prctl(36, 1)
runpy.run_module("webapp", run_name="__main__")
"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A shop of which nothing is there yet but Telegram."""
    one = Stage(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}", **measured()).play()
    one.environment["TELEGRAM_PUBLIC_KEYS"] = one.state()["ed25519_public_key"]
    yield one
    one.close()


def parts(of: int) -> dict[int, list[str]]:
    """Return the processes right below one, each with its state and what it was started with."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(maxsplit=3) for line in listed.stdout.splitlines()]
    return {int(row[0]): row[2:] for row in rows if int(row[1]) == of}


def pid_of(stage: Stage, name: str) -> int:
    below = parts(stage.processes["all"].pid)
    return next((pid for pid, row in below.items() if NAMES[name] in row[-1]), 0)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").exists() and ") Z " in Path(f"/proc/{pid}/stat").read_text()


def open_shop(stage: Stage, command: str = ALL) -> None:
    stage.start("all", command)
    eventually(lambda: stage.answers(f"{stage.web}/healthz"))
    eventually(lambda: '"event": "polls"' in stage.output("all"))


def opens(person: Shopper, path: str) -> bool:
    """Tell whether a page is open; a worker whose master was killed hangs up when it notices."""
    try:
        return person.has(path)
    except httpx.TransportError:
        return False


@pytest.mark.proves("F11")
def test_one_command_sells_whatever_dies_in_the_middle(stage):
    """From an empty folder: it releases, sells, and starts again what is killed in the middle of a sale."""
    open_shop(stage, shlex.join([sys.executable, "-c", AS_FIRST]))
    assert "Released as @starfront_demo_bot." in stage.output("all")
    # Whose signs they see, web and bot know to be on one disk; all of it is for this user's eyes only.
    files = {file.name: file.stat().st_mode & 0o777 for file in stage.folder.glob("shop.db*")}
    assert set(files) >= {"shop.db", "shop.db.releases", "shop.db.web", "shop.db.bot"}
    assert set(files.values()) == {0o600}
    alice = Shopper(stage, ALICE).sign_in()
    link = alice.order("deep-sky-atlas")["link"]
    for name in ("bot", "web"):
        killed = pid_of(stage, name)
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: pid_of(stage, name) not in {0, killed})  # noqa: B023 - used at once
    assert f"bot ended with status {128 + signal.SIGKILL} and is started again." in stage.output("all")
    eventually(lambda: alice.pay(link)["status"] == "paid")
    eventually(lambda: stage.answers(f"{stage.web}/healthz"))
    os.kill(pid_of(stage, "bot"), signal.SIGKILL)
    eventually(lambda: opens(alice, "/pages/atlas"))
    # Of the web process that was killed nothing is left, neither a worker nor a zombie.
    if sys.platform == "linux":
        below = stage.processes["all"].pid
        eventually(lambda: not [row for row in parts(below).values() if row[0].startswith("Z")])
    running = list(parts(stage.processes["all"].pid))
    assert stage.stop("all") == 0
    eventually(lambda: all(is_gone(pid) for pid in running))


def test_told_to_end_while_it_releases_it_ends(stage):
    stage.control("PUT", "troubles", api={"getMe": {"latency_seconds": 60}})
    stage.start("all", ALL)
    eventually(lambda: pid_of(stage, "release"))
    eventually(lambda: "Running upgrade 0004 -> 0005" in stage.output("all"))
    assert stage.stop("all") == 0


@pytest.mark.proves("F11")
def test_its_parts_end_with_it_even_if_it_is_killed(stage):
    open_shop(stage)
    below = [pid_of(stage, "web"), pid_of(stage, "bot")]
    assert all(below)
    process = stage.processes.pop("all")
    process.kill()
    process.wait(10)
    try:
        if sys.platform == "linux":
            eventually(lambda: all(is_gone(pid) for pid in below))
            open_shop(stage)
    finally:
        for pid in below:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def test_what_stops_web_or_bot_from_starting_stops_it_with_the_same_sentence(stage):
    good = stage.environment
    for words, changes in {
        "BOT_TOKEN is missing": {"BOT_TOKEN": ""},
        "Error: Telegram does not know this BOT_TOKEN": {
            "BOT_TOKEN": "7000000002:AAF-another-token_0123456789abcd"
        },
    }.items():
        stage.environment = {**good, **changes}
        assert stage.run("all", ALL) == 1
        assert words in stage.output("all").strip().splitlines()[-1]
    assert "Traceback" not in stage.output("all")


def test_without_the_release_a_shop_that_was_never_released_says_so(stage):
    assert stage.run("all", f"{ALL} --no-release") == 1
    assert "run flask --app webapp release first" in stage.output("all")


def test_a_shop_opens_while_telegram_is_away_and_is_released_later(stage):
    stage.control("PUT", "troubles", api={"getMe": {"status": 502}})
    stage.start("all", ALL)
    eventually(lambda: stage.answers(f"{stage.web}/healthz"))
    eventually(lambda: "release ended with status 75 and is started again." in stage.output("all"))
    stage.control("PUT", "troubles", api={})
    eventually(lambda: "Released as" in stage.output("all"))
    eventually(lambda: '"event": "polls"' in stage.output("all"))
    assert stage.stop("all") == 0


@pytest.mark.parametrize(("argument", "code"), [("--version", 0), ("--help", 0), ("--realease", 2)])
def test_what_it_understands_is_told_without_settings(argument, code):
    command = [sys.executable, "-m", "webapp", argument]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={"PATH": os.defpath})
    assert told.returncode == code
    assert f"Starfront {__version__}\n" == told.stdout or "--no-release" in told.stdout + told.stderr


# When to give up


@pytest.fixture
def child() -> Child:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return Child("bot", ended, started_at=0.0)


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> supervisor.Supervisor:
    monkeypatch.setattr(supervisor.Supervisor, "_start", lambda *args: pytest.fail("started"))
    return supervisor.Supervisor({})


@pytest.mark.parametrize(
    ("code", "after", "refused"),
    [(1, 2.0, True), (3, 2.0, True), (1, 60.0, False), (-9, 2.0, False), (0, 2.0, False)],
)
def test_only_a_reason_given_at_once_is_final(child, code, after, refused):
    assert child.refused(code, after) == refused


def test_who_dies_again_and_again_is_given_up(keeper, child):
    told = [
        keeper._replace(child, -signal.SIGSEGV, now=float(now)) for now in range(1, supervisor.DEATHS + 1)
    ]
    assert told == [0] * (supervisor.DEATHS - 1) + [128 + signal.SIGSEGV]


def test_deaths_long_ago_do_not_count(keeper, child):
    apart = supervisor.DEATHS_SECONDS / 2
    assert not any(keeper._replace(child, 1, now=100 + apart * number) for number in range(20))


def test_each_start_waits_longer_than_the_last_and_never_long(child):
    pauses = []
    for _ in range(20):
        child.note_death(100.0)
        pauses.append(child.start_at - 100.0)
    assert pauses[0] <= 1.0
    assert pauses[3] >= 4.0
    assert max(pauses) <= supervisor.LONGEST_PAUSE_SECONDS


def test_web_has_one_worker_unless_told():
    told = [{}, {"WEB_CONCURRENCY": " "}, {"WEB_CONCURRENCY": "3"}]
    assert [supervisor.Supervisor(one).environ["WEB_CONCURRENCY"] for one in told] == ["1", "1", "3"]
