"""``make run`` from its first line to its last, in a folder of its own, with every process real."""

import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.kit.factories import SHOP
from tests.kit.processes import PATIENCE_SECONDS, ROOT, Shopper, Stage, eventually, free_port

ALICE = 5000000101
BOT_ID = 7_000_000_001
PARTS = ("webapp", "sandbox", "templates", "static", "migrations", "tests/kit/on_a_terminal.py")
PARTS += ("tests/kit/unprivileged.py", "bot.py", "Procfile", ".env.example")
PARTS += ("Makefile", "requirements.txt")
LAST_LINE = "Stopped. What was bought stays; make run goes on from here."
# No proxy stands before what is on this machine, be it one that cannot even be spoken to.
PROXIES = {
    "HTTP_PROXY": "http://127.0.0.1:1",
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "ALL_PROXY": "socks5://127.0.0.1:1",
}


class Run:
    """One ``make run``, and what it says."""

    def __init__(self, folder: Path, command: list[str], **environment: str) -> None:
        self.folder = folder
        self.ours, terminal = pty.openpty()
        self.said = ""
        settings = {name: text for name, text in os.environ.items() if name.upper() not in PROXIES}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.kit.on_a_terminal", *command],
            cwd=folder,
            env={**settings, "TERM": "xterm", "NO_COLOR": "1", **environment},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        # Linux reports the end of a terminal as an error.
        with suppress(OSError):
            while chunk := os.read(self.ours, 65536):
                self.said += chunk.decode(errors="replace").replace("\r\n", "\n")

    def wait_for(self, text: str) -> None:
        eventually(lambda: text in self.said or self.process.poll() is not None, seconds=2 * PATIENCE_SECONDS)
        assert text in self.said, self.said

    def press_ctrl_c(self) -> None:
        os.write(self.ours, b"\x03")

    def end(self) -> int:
        """Wait for the end, and return the exit code."""
        code = self.process.wait(PATIENCE_SECONDS)
        self.reader.join(PATIENCE_SECONDS)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.press_ctrl_c()
            self.end()
        os.close(self.ours)

    @property
    def noted(self) -> dict[str, Any]:
        noted: dict[str, Any] = json.loads((self.folder / "var" / "running.json").read_text())
        return noted


Start = Callable[..., Run]


def copy_to(folder: Path) -> Path:
    """Copy all that a rehearsal needs."""
    for part in PARTS:
        source, target = ROOT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    shutil.copytree(SHOP.path, folder / "shop", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tests" / "__init__.py").touch()
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy_to(tmp_path / "my shop (1)")


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    runs = []

    def begin(*command: str, **environment: str) -> Run:
        ports = {"PORT": str(free_port()), "SANDBOX_PORT": str(free_port())}
        runs.append(Run(folder, list(command) or ["make", "run"], **{**ports, **environment}))
        return runs[-1]

    yield begin
    for run in runs:
        run.close()


def refused(folder: Path, module: str = "sandbox.up", **environment: str) -> str:
    """Return the one sentence with which a start is refused."""
    ports = {"PORT": str(free_port()), "SANDBOX_PORT": str(free_port())}
    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=folder,
        env={**os.environ, **ports, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 1, done
    assert "Traceback" not in done.stdout + done.stderr
    return done.stderr.strip()


def is_there(pid: int) -> bool:
    # A process that ended may wait for somebody to take note of it.
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.fixture(scope="module")
def open_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = copy_to(tmp_path_factory.mktemp("open") / "my shop (1)")
    ports = {"PORT": str(free_port()), "SANDBOX_PORT": str(free_port())}
    # A real shop's settings may lie beside it; a rehearsal is neither with its bot nor with its database.
    real = "BOT_TOKEN_FILE=/nowhere\nDATABASE_URL_FILE=/nowhere\nPUBLIC_URL=https://shop.test\nSECRET_KEY=\n"
    (folder / ".env").write_text(real)
    empty = {"WEB_THREADS": "", "WEB_CONCURRENCY": " ", "LOG_LEVEL": ""}
    run = Run(folder, ["make", "run"], **ports, **PROXIES, **empty, OWNER_IDS="5000000103")
    run.wait_for("Ctrl-C ends it.")
    yield run
    run.close()


def shop(run: Run, arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "shop", f"ARGS={arguments}"],
        cwd=run.folder,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_SECONDS,
    )


def test_it_says_where_it_is_and_makes_no_noise(open_run: Run) -> None:
    address = open_run.noted["sandbox_port"]
    assert f"    http://127.0.0.1:{address}" in open_run.said
    lines = [line for line in open_run.said.splitlines() if line and not line.startswith(("┌", "│", "└"))]
    known = r"Opening|Still|sandbox  (A stand-in|Telegram.s client)|release  [^{]"  # web and bot say nothing
    assert [line for line in lines if not re.match(known, line.strip())] == []
    assert "\033" not in open_run.said


def test_a_second_run_in_the_folder_is_refused_in_words(open_run: Run) -> None:
    sentence = refused(open_run.folder)
    noted = open_run.noted
    assert f"open already, at http://127.0.0.1:{noted['sandbox_port']} (process {noted['pid']})" in sentence


def test_owners_commands_reach_that_shop(open_run: Run, tmp_path: Path) -> None:
    sandbox = f"http://127.0.0.1:{open_run.noted['sandbox_port']}/sandbox"
    doctor = shop(open_run, "doctor")
    assert "0 problems" in doctor.stdout, doctor
    assert "Nobody hears" not in doctor.stdout  # OWNER_IDS is as make run had it
    charge = buy(open_run, sandbox)
    refund = shop(open_run, f"""refund {charge} --reason "it's a test; touch '{tmp_path}/x'" """)
    assert refund.returncode == 0, refund
    assert not (tmp_path / "x").exists()
    assert httpx.get(f"{sandbox}/state").json()["balance"] == 0
    (tmp_path / "my catalog.toml").write_text(SHOP.catalogue.read_text())
    imported = shop(open_run, f"catalog import '{tmp_path / 'my catalog.toml'}'")
    assert "0 added" in imported.stdout, imported
    news = shop(open_run, "broadcast list")
    assert news.returncode == 0, news
    assert shop(open_run, "no-such-command").returncode == 2
    assert "catalog" in shop(open_run, "").stdout


def buy(run: Run, sandbox: str) -> str:
    """Have Alice buy, and return the charge once the shop knows it."""
    stage = Stage(run.folder, "sqlite:///unused.db")
    stage.sandbox, stage.web = (
        sandbox.removesuffix("/sandbox"),
        f"http://localhost:{run.noted['web_port']}",
    )
    alice = Shopper(stage, ALICE).sign_in()
    assert alice.pay(alice.order("deep-sky-atlas")["link"])["status"] == "paid"
    eventually(lambda: alice.has("/pages/atlas"))
    [charge] = stage.control("GET", "charges")
    stage.close()
    return str(charge["id"])


def test_changed_files_are_told_once_and_what_runs_goes_on(open_run: Run) -> None:
    template = open_run.folder / "templates" / "support.html"  # which nobody has asked for yet
    template.write_text("{% this is no Jinja %}")
    open_run.wait_for("The shop's files have changed.")
    page = httpx.get(f"http://127.0.0.1:{open_run.noted['web_port']}/support")
    assert page.status_code == 200


@pytest.mark.parametrize("moment", ["Opening the shop", "Released as", "Ctrl-C ends it."])
def test_ctrl_c_ends_all_with_one_line_and_status_0(start: Start, moment: str) -> None:
    run = start()
    run.wait_for(moment)
    said_before = len(run.said)
    run.press_ctrl_c()
    assert run.end() == 0, run.said
    after = [line for line in run.said[said_before:].splitlines() if "─" not in line and "│" not in line]
    assert [line.rpartition("\r")[2] for line in after if line.strip("^C")][-1] == LAST_LINE
    assert "Traceback" not in run.said
    assert "make:" not in run.said
    eventually(lambda: not any(is_there(pid) for pid in run.noted["processes"].values()))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_a_request_to_end_and_a_closed_terminal_end_it_as_well(start: Start, number: int) -> None:
    run = start(sys.executable, "-m", "sandbox.up")
    run.wait_for("Opening the shop")
    eventually(lambda: "sandbox" in run.noted["processes"])
    os.kill(run.process.pid, number)
    assert run.end() == 0
    assert LAST_LINE in run.said
    eventually(lambda: not any(is_there(pid) for pid in run.noted["processes"].values()))


def test_a_process_that_dies_is_named_and_the_rest_is_ended(start: Start) -> None:
    run = start()
    run.wait_for("Ctrl-C ends it.")
    os.kill(run.noted["processes"]["bot"], signal.SIGKILL)
    assert run.end() == 2  # make's own, of a command that failed
    assert "bot was ended by SIGKILL, so everything is stopped." in run.said
    assert not any(is_there(pid) for pid in run.noted["processes"].values())


def test_nothing_outlives_a_killed_run_and_the_next_one_works(start: Start) -> None:
    run = start()
    run.wait_for("Ctrl-C ends it.")
    pids = run.noted["processes"]
    assert set(pids) == {"sandbox", "web", "bot"}
    os.kill(run.noted["pid"], signal.SIGKILL)
    eventually(lambda: not any(is_there(pid) for pid in pids.values()))
    again = start()
    again.wait_for("Ctrl-C ends it.")


def test_what_a_killed_run_left_behind_is_named(folder: Path) -> None:
    """Even its guard may have been killed."""
    (folder / "var").mkdir()
    noted = {"pid": 2**22 + 1, "sandbox_port": 1, "web_port": 2, "settings": {}}
    lock = folder / "var" / "running.json"
    lock.touch()
    hold = "import fcntl, sys; it = open(sys.argv[1]); fcntl.flock(it, 2); print(); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    left = subprocess.Popen([sys.executable, "-uc", hold, str(lock)], **pipes)
    try:
        assert left.stdout
        left.stdout.readline()
        lock.write_text(json.dumps({**noted, "processes": {"web": left.pid}}))
        assert refused(folder).endswith(f"left {left.pid} (web) behind. End them: kill {left.pid}")
    finally:
        left.kill()
        left.communicate()


@pytest.mark.parametrize("value", ["abc", "0", "65536", "8080.5", "-1", "٨٠٨٠"])
@pytest.mark.parametrize("name", ["PORT", "SANDBOX_PORT"])
def test_a_port_that_is_none_is_refused(folder: Path, name: str, value: str) -> None:
    assert (
        refused(folder, **{name: value}) == f"{name} must be a whole number from 1 to 65535, not {value!r}."
    )


def test_a_taken_port_is_named_with_one_that_is_free(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        sentence = refused(folder, PORT=str(taken))
    found = re.fullmatch(rf"Port {taken} is taken\. Choose another: make run PORT=(\d+)", sentence)
    assert found, sentence
    assert int(found[1]) != taken


def test_one_port_for_both_is_refused(folder: Path) -> None:
    port = str(free_port())
    assert refused(folder, PORT=port, SANDBOX_PORT=port).startswith("PORT and SANDBOX_PORT must differ")


SECRETS = {
    "bot_token": f"{BOT_ID}:{'a' * 30}",
    "secret_key": "b" * 40,
    "webhook_secret": "c" * 40,
    "metrics_token": "d" * 40,
}


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"bot_token": "700',
        "[]",
        "{}",
        json.dumps({**SECRETS, "secret_key": 7}),
        json.dumps({**SECRETS, "bot_token": f"5:{'a' * 30}"}),
        json.dumps({**SECRETS, "launch_seed": "zz", "launch_key": "00" * 32}),
    ],
    ids=["empty", "cut short", "a list", "nothing in it", "a number", "another bot", "no key"],
)
def test_damaged_secrets_are_named_and_left_alone(folder: Path, content: str) -> None:
    file = folder / "var" / "rehearsal.json"
    file.parent.mkdir()
    file.write_text(content)
    assert refused(folder).startswith(f"{file} is damaged; it holds the made-up secrets")
    assert file.read_text() == content


def test_secrets_of_an_earlier_version_are_completed_and_kept(folder: Path) -> None:
    file = folder / "var" / "rehearsal.json"
    file.parent.mkdir()
    file.write_text(json.dumps(SECRETS))
    assert refused(folder, PORT="abc")
    known = json.loads(file.read_text())
    assert SECRETS.items() < known.items()
    assert file.stat().st_mode & 0o777 == 0o600
    assert refused(folder, PORT="abc")
    assert json.loads(file.read_text()) == known


def test_a_damaged_state_is_named_and_left_alone(start: Start, folder: Path) -> None:
    file = folder / "var" / "sandbox.json"
    file.parent.mkdir()
    file.write_text('{"token": "7000000001:a", "people": [')
    run = start()
    assert run.end() == 2
    assert f"{file} is damaged; it holds the sandbox's people, chats and Stars." in run.said
    assert "sandbox ended by itself with status 1, so everything is stopped." in run.said
    assert "Traceback" not in run.said
    assert file.read_text() == '{"token": "7000000001:a", "people": ['


def test_a_folder_that_cannot_be_written_is_named(folder: Path) -> None:
    (folder / "var").mkdir(mode=0o555)
    done = subprocess.run(
        [sys.executable, "-m", "tests.kit.unprivileged", sys.executable, "-m", "sandbox.up"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == f"{folder / 'var'} cannot be written: permission denied."


def test_a_full_disk_is_named_and_costs_no_secret(folder: Path) -> None:
    (folder / "var").mkdir()
    (folder / "var" / "running.json").symlink_to("/dev/full")
    sentence = refused(folder)
    assert sentence.endswith("cannot be written: no space left on device. Make room on its disk.")


def test_an_owners_command_needs_a_shop(folder: Path) -> None:
    assert refused(folder, "sandbox.shop", ARGS="doctor") == "There is no shop here yet: make run opens one."


def test_a_quote_that_is_not_closed_is_told(folder: Path) -> None:
    sentence = refused(folder, "sandbox.shop", ARGS='refund x --reason "y')
    assert sentence == 'A quote in ARGS is not closed: refund x --reason "y'


def test_new_code_is_released_before_it_runs(start: Start, folder: Path) -> None:
    """The second start need not wait for a release; after a git pull it does, and migrates first."""

    def order(run: Run) -> list[str]:
        run.wait_for("Ctrl-C ends it.")
        run.press_ctrl_c()
        assert run.end() == 0
        words = {"Released as": "release", "Listening at": "web"}
        return [name for line in run.said.splitlines() for word, name in words.items() if word in line]

    assert order(start(LOG_LEVEL="INFO")) == ["release", "web"]
    known = json.loads((folder / "var" / "released.json").read_text())
    migration = max((folder / "migrations" / "versions").glob("0*.py"))
    text = migration.read_text()
    revision = re.search(r'^revision = "(.*)"', text, re.MULTILINE)
    assert revision
    assert known["migration"] == revision[1]
    newest = re.sub(r"(?m)^down_revision = .*", f'down_revision = "{revision[1]}"', text)
    newest = re.sub(r"(?m)^revision = .*", 'revision = "9999"', newest)
    newest = newest[: newest.index("def upgrade")] + "def upgrade() -> None:\n    pass\n"
    (migration.parent / "9999_the_next.py").write_text(newest)
    assert order(start(LOG_LEVEL="INFO")) == ["release", "web"]
    assert json.loads((folder / "var" / "released.json").read_text())["migration"] == "9999"
