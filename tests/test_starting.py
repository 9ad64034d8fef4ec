"""What keeps a process from starting is said in one sentence, and a port is one shop's alone."""

import os
import shlex
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.covered import measured
from tests.kit.processes import Stage, eventually

CANNOT_START = "The web process cannot start. "


@pytest.fixture
def stage(tmp_path: Path, sqlite_url: str) -> Iterator[Stage]:
    one = Stage(tmp_path, sqlite_url, **measured())
    yield one
    one.close()


def is_open(stage: Stage, host: str = "localhost") -> bool:
    return stage.answers(f"http://{host}:{stage.web_port}/healthz")


def last_line(stage: Stage, name: str) -> str:
    return stage.output(name).splitlines()[-1]


def test_two_shops_cannot_share_a_port(stage):
    stage.start("web")
    eventually(lambda: is_open(stage))
    assert stage.run("second", shlex.join(stage.command("web"))) == 1
    assert last_line(stage, "second") == (
        f"{CANNOT_START}Port {stage.web_port} is taken: another program listens there. "
        "Stop it, or set PORT to another."
    )
    # What was there goes on, also when it is told to read its code again.
    os.kill(stage.processes["web"].pid, signal.SIGHUP)
    eventually(lambda: "Hang up" in stage.output("web"))
    eventually(lambda: is_open(stage))
    assert stage.stop("web") == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_that_another_program_has_is_refused(stage, host):
    with socket.create_server((host, stage.web_port)):
        assert stage.run("web") == 1
    assert last_line(stage, "web").startswith(f"{CANNOT_START}Port {stage.web_port} is taken")
    assert "Traceback" not in stage.output("web")


def test_a_shop_listens_on_every_address_of_both_kinds(stage):
    stage.environment["BIND_HOST"] = "::"
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:  # this machine has no such addresses
        assert stage.run("web") == 1
        assert last_line(stage, "web").startswith(CANNOT_START)
        return
    stage.start("web")
    eventually(lambda: is_open(stage, "[::1]"))


@pytest.mark.parametrize("name", ["WEB_THREADS", "BIND_HOST", "CATALOGUE"])
def test_an_empty_setting_is_none(stage, name):
    stage.environment[name] = ""
    stage.start("web")
    eventually(lambda: is_open(stage))


def test_every_missing_setting_is_named_once_by_every_process(stage):
    stage.environment |= {"BOT_TOKEN": "", "SECRET_KEY": "", "PORT": "x"}
    for name in ("web", "bot", "release"):
        assert stage.run(name) == 1, name
        said = stage.output(name).splitlines()
        assert said[0].removeprefix("Error: ") == "The shop cannot start."
        assert [line.split()[0] for line in said[1:]] == ["PORT", "BOT_TOKEN", "SECRET_KEY"], said


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9"])
def test_no_proxy_comes_between_processes_of_one_machine(stage, proxy):
    """A proxy that is away shows whether anybody asks it."""
    stage.play()
    stage.environment |= {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy}
    assert stage.run("release") == 0, stage.output("release")
    stage.start("bot")
    eventually(lambda: "at work" in stage.output("bot"))
    assert stage.stop("bot") == 0


def test_a_proxy_that_is_away_is_no_traceback(stage):
    stage.environment |= {"BOT_API_URL": "https://telegram.invalid/bot", "ALL_PROXY": "socks5://127.0.0.1:9"}
    assert stage.run("release") != 0
    assert "Traceback" not in stage.output("release")


@pytest.mark.parametrize(
    ("workers", "code", "said"),
    [("", 0, ""), (" ", 0, ""), ("two", 1, "The shop cannot start. WEB_CONCURRENCY must be a whole number")],
)
def test_gunicorn_leaves_the_number_of_workers_to_our_settings(stage, workers, code, said):
    stage.is_cold = True  # gunicorn reads it when it is imported
    stage.environment["WEB_CONCURRENCY"] = workers
    assert stage.run("web", shlex.join([*stage.command("web"), "--check-config"])) == code
    assert stage.output("web").startswith(said)
    assert "Traceback" not in stage.output("web")
