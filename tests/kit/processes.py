"""The shop as it really runs: a sandbox, the web process and the bot, each a process that can be killed."""

import os
import random
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import httpx
from flask import Flask

from tests.kit import forks
from tests.kit.factories import METRICS_TOKEN, SECRET_KEY, SHOP, TERMS_VERSION, WEBHOOK_SECRET, opened
from tests.kit.forks import ROOT, Process
from webapp import config, create_app
from webapp.bot_api import client as bot_api

# Two web processes on one port, which no owner can start.
SHARED_PORT = shlex.join(["gunicorn", "-c", "python:tests.kit.shared_port", "webapp:create_app()"])
TOKEN = "7000000002:AAF-made-up-for-tests_0123456789abc"
PATIENCE_SECONDS = 40.0
PORTS = (10_000, 32_000)  # below those that Linux gives to outgoing connections, and macOS too
# Every database with every mode of the bot; a short run meets each of them once.
EVERY_STAGE = [(database, mode) for database in ("sqlite", "postgresql") for mode in ("polling", "webhook")]
SHORT_STAGES = [EVERY_STAGE[0], EVERY_STAGE[3]]
Found = TypeVar("Found")


def free_port() -> int:
    """Return a port that nobody listens on, and that no outgoing connection will take meanwhile."""
    while True:
        port = random.randrange(*PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def eventually(look: Callable[[], Found], *, seconds: float = PATIENCE_SECONDS) -> Found:
    """Return the first thing found that is true, or fail after a while."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"still nothing after {seconds} s"
        time.sleep(0.05)


class Stage:
    """A shop on a database of its own, with Telegram played beside it."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        *,
        bin_folder: Path | None = None,
        is_cold: bool = False,
        **settings: str,
    ) -> None:
        """Have a stage that nobody is on yet.

        :param bin_folder: programs of another environment than the tests'
        :param is_cold: whether each process begins with nothing imported, as it does in production
        """
        self.folder = folder
        self.is_cold = is_cold or bin_folder is not None
        self.root = ROOT  # where the shop's processes run
        self.commands: dict[str, str] = {}  # instead of the Procfile's
        self.bin = bin_folder or Path(sys.executable).parent
        self.sandbox_port, self.web_port = free_port(), free_port()
        self.sandbox = f"http://127.0.0.1:{self.sandbox_port}"
        self.web = f"http://localhost:{self.web_port}"
        self.processes: dict[str, Process] = {}
        self.clients: list[httpx.Client] = []
        self.http = self.client()
        self.environment = {
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/"),
            "PYTHONUNBUFFERED": "1",
            "FLASK_SKIP_DOTENV": "1",  # whose .env is beside the code is none of this shop's business
            "BOT_TOKEN": TOKEN,
            "SECRET_KEY": SECRET_KEY,
            "WEBHOOK_SECRET": WEBHOOK_SECRET,
            "METRICS_TOKEN": METRICS_TOKEN,
            "PUBLIC_URL": self.web,
            "PORT": str(self.web_port),
            "DATABASE_URL": database_url,
            "BOT_API_URL": f"{self.sandbox}/bot",
            "TELEGRAM_JS_URL": f"{self.sandbox}/telegram-web-app.js",
            "FRAME_ANCESTORS": self.sandbox,
            "APP_ENV": "development",
            "LOG_FORMAT": "json",  # tests read it
            "OWNER_IDS": "5000000103",
            "SHOP_DIR": str(SHOP.path),
            "OWNER_NOTICES": "none",  # who never wrote to the bot cannot hear of sales
            **settings,
        }

    def play(self, *options: str) -> "Stage":
        """Have Telegram up, and nothing else."""
        with self._closed_if_it_fails():
            self.start("sandbox", shlex.join([*self.command("sandbox"), *options]))
            eventually(lambda: self.answers(f"{self.sandbox}/sandbox/state"))
        return self

    def open(self, *names: str) -> "Stage":
        """Have Telegram, the release and these processes up; web and bot unless told."""
        if "sandbox" not in self.processes:
            self.play()
        with self._closed_if_it_fails():
            self.environment["TELEGRAM_PUBLIC_KEYS"] = self.state()["ed25519_public_key"]
            assert self.run("release") == 0, self.output("release")
            for name in names or ("web", "bot"):
                self.start(name)
            if "web" in (names or ("web",)):
                eventually(lambda: self.answers(f"{self.web}/healthz"))
        return self

    @contextmanager
    def _closed_if_it_fails(self) -> Iterator[None]:
        """Leave no process and no connection of a stage that its test never got."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def start(self, name: str, command: str = "") -> Process:
        """Start the sandbox, a process of the Procfile or a command; what it says goes to a file."""
        words = shlex.split(command) or self.command(name)
        with open(self.folder / f"{name}.log", "ab") as log:
            if not self.is_cold and self.root == ROOT and forks.can_start(words, self.environment):
                self.processes[name] = forks.start(words, self.environment, log)
            else:
                self.processes[name] = subprocess.Popen(
                    words,
                    cwd=ROOT if name == "sandbox" else self.root,
                    env=self.environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        return self.processes[name]

    def run(self, name: str, command: str = "") -> int:
        """Run a process to its end, and return its exit code."""
        return self.start(name, command).wait(PATIENCE_SECONDS)

    def kill(self, name: str) -> None:
        """End a process and its children at once, as a platform or the kernel may."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):  # it ended before
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def stop(self, name: str) -> int:
        """Ask a process to end, and return its exit code."""
        process = self.processes.pop(name)
        process.terminate()
        return process.wait(15)

    def close(self) -> None:
        for name in list(self.processes):
            if self.processes[name].poll() is None:
                self._end(name)
        for client in (*self.clients, bot_api.get_client(f"{self.sandbox}/bot", TOKEN)):
            client.close()

    def _end(self, name: str) -> None:
        """End a process, at once unless it is measured (tests/covered.py) and writes down what it reached."""
        if "COVERAGE_PROCESS_START" in self.environment:
            self.processes[name].terminate()
            with suppress(subprocess.TimeoutExpired):
                self.processes[name].wait(15)
        self.kill(name)

    @contextmanager
    def inside(self, **settings: str) -> Iterator[Flask]:
        """Be one more process of this shop, its context open."""
        with opened(create_app(config.load({**self.environment, **settings}))) as app:
            yield app

    def client(self, **options: Any) -> httpx.Client:
        """Return an HTTP client that is closed together with the stage."""
        self.clients.append(httpx.Client(timeout=30, verify=_trust(), **options))
        return self.clients[-1]

    def output(self, name: str) -> str:
        """Return everything a process said."""
        file = self.folder / f"{name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.control("GET", "state")
        return state

    def control(self, method: str, path: str, **body: Any) -> Any:
        """Do something in Telegram's place."""
        answer = self.http.request(method, f"{self.sandbox}/sandbox/{path}", json=body or None)
        answer.raise_for_status()
        return answer.json()

    def calls(self, method: str) -> list[dict[str, Any]]:
        """Return the calls of the Bot API that were made."""
        calls: list[dict[str, Any]] = self.control("GET", f"calls?method={method}")
        return calls

    def messages(self, person: int) -> list[dict[str, Any]]:
        """Return what a person's chat with the bot shows."""
        messages: list[dict[str, Any]] = self.control("GET", f"people/{person}/chat")
        return messages

    def command(self, name: str) -> list[str]:
        if name == "sandbox":
            told = ["--port", str(self.sandbox_port), "--token", TOKEN, "--web-app", self.web]
            return [sys.executable, "-m", "sandbox", *told]
        base = name.partition("-")[0]  # web-2 is another web
        if instead := self.commands.get(name) or self.commands.get(base):
            return shlex.split(instead)
        lines = (ROOT / "Procfile").read_text().splitlines()
        commands = {key: command for key, _, command in (line.partition(":") for line in lines)}
        return shlex.split(commands[base])

    def answers(self, address: str) -> bool:
        try:
            return self.http.get(address).is_success
        except httpx.HTTPError:
            return False


@cache
def _trust() -> ssl.SSLContext:
    """Return what every client trusts: to read it takes longer than most of what a client does here."""
    return ssl.create_default_context()


class ShiftedStage(Stage):
    """A shop on machines whose clocks can be set: one for web, and one for each bot."""

    def __init__(self, folder: Path, database_url: str, **settings: str) -> None:
        super().__init__(folder, database_url, **settings)
        for name in ("web", "bot", "bot-2"):
            command = shlex.join(self.command(name))
            self.set_clock(name, 0)
            file = shlex.quote(str(self._file(name)))
            self.commands[name] = f"python -m tests.kit.shifted {file} {command}"

    def set_clock(self, name: str, seconds: float) -> None:
        """Have a machine's clock so many seconds ahead of Telegram's, or behind it if negative."""
        half = self._file(name).with_suffix(".half")
        half.write_text(str(seconds))
        half.replace(self._file(name))

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.clock"


class Shopper:
    """A person who uses the shop over HTTP as the page does."""

    def __init__(self, stage: Stage, telegram_id: int, *, terms: str = TERMS_VERSION) -> None:
        self.stage = stage
        self.id = telegram_id
        self.terms = terms
        self.http = stage.client(base_url=stage.web)
        self.token = ""

    def sign_in(self) -> "Shopper":
        launch = self.stage.control("POST", f"people/{self.id}/launch", **{"from": "menu"})
        answer = self.http.post("/session", json={"init_data": launch["init_data"]})
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["token"]
        return self

    def request(self, method: str, path: str, **form: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", "HX-Request": "true"}
        return self.http.request(method, path, data=form or None, headers=headers)

    def order(self, slug: str) -> dict[str, str]:
        """Tap Buy, and return the order and the link of its invoice."""
        answer = self.request("POST", "/orders", product=slug, terms=self.terms)
        assert answer.status_code == 200, answer.text
        opened: dict[str, str] = httpx.Response(200, text=answer.headers["HX-Trigger"]).json()["order:opened"]
        return opened

    def pay(self, link: str) -> dict[str, Any]:
        """Confirm an invoice in Telegram, and return what the client is told."""
        slug = link.rpartition("$")[2]
        result: dict[str, Any] = self.stage.control("POST", f"invoices/{slug}/pay", person=self.id)
        return result

    def has(self, path: str) -> bool:
        """Tell whether a gated page is open to this person."""
        page = self.request("GET", path)
        assert page.status_code == 200, page.text
        return "Unlock this page" not in page.text
