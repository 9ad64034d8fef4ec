"""The shop with a link that can be troubled between every two of its parts, and a witness at Telegram."""

import contextlib
import json
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.kit.processes import Process, Stage
from tests.kit.proxy import SOUND, Proxy


class LinkedStage(Stage):
    """A shop whose processes reach each other, Telegram and PostgreSQL through proxies only."""

    def __init__(self, folder: Path, database_url: str, *, seed: int, **settings: str) -> None:
        super().__init__(folder, database_url, **settings)
        self.seed = seed
        self.links: dict[str, Proxy] = {}
        self.addresses: dict[str, dict[str, str]] = {"web": {}, "bot": {}}
        self.environment["PUBLIC_URL"] = f"http://127.0.0.1:{self._link('telegram-web', self.web_port)}"
        for side, addresses in self.addresses.items():
            port = self._link(f"{side}-telegram", self.sandbox_port)
            addresses["BOT_API_URL"] = f"http://127.0.0.1:{port}/bot"
            if database_url.startswith("postgres"):
                port = self._link(f"{side}-database", socket_of(database_url))
                addresses["DATABASE_URL"] = database_at(database_url, port)

    def start(self, name: str, command: str = "") -> Process:
        """Start a process; web and bot have links of their own, and everybody else the straight way."""
        straight = dict(self.environment)
        self.environment |= self.addresses.get(name.partition("-")[0], {})
        try:
            return super().start(name, command)
        finally:
            self.environment = straight

    def close(self) -> None:
        super().close()
        for link in self.links.values():
            link.close()

    def mend(self) -> None:
        """Have every link sound."""
        for link in self.links.values():
            link.fault = SOUND

    def _link(self, name: str, server: int | str) -> int:
        address = ("127.0.0.1", server) if isinstance(server, int) else server
        # Telegram itself waits a minute for a webhook that is silent; a campaign cannot.
        silent_seconds = 5.0 if name == "telegram-web" else None
        self.links[name] = Proxy(address, seed=self.seed, silent_seconds=silent_seconds)
        return self.links[name].port


def socket_of(database_url: str) -> str:
    """Return the Unix socket of a test's PostgreSQL; libpq's addresses name its folder."""
    [folder] = parse_qs(urlsplit(database_url).query)["host"]
    return f"{folder}/.s.PGSQL.5432"


def database_at(database_url: str, port: int) -> str:
    """Return the address of the same database behind a port."""
    return f"postgres://postgres:@127.0.0.1:{port}{urlsplit(database_url).path}"


class Witness:
    """Writes down everything that happens at Telegram, where old events are soon forgotten."""

    def __init__(self, stage: Stage) -> None:
        self.address = f"{stage.sandbox}/sandbox/events"
        self.events: list[dict[str, Any]] = []
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def updates(self, kind: str) -> list[dict[str, Any]]:
        """Return the updates of a kind that Telegram has had for the bot."""
        return [event["data"] for event in self.events if event["type"] == "update" and kind in event["data"]]

    def calls(self, method: str = "") -> list[dict[str, Any]]:
        """Return the calls of a method, or of all of them."""
        calls = [event["data"] for event in self.events if event["type"] == "call"]
        return [call for call in calls if method in ("", call["method"])]

    def _listen(self) -> None:
        # It ends with the sandbox.
        with (
            contextlib.suppress(httpx.TransportError),
            httpx.stream("GET", self.address, timeout=60) as lines,
        ):
            for line in lines.iter_lines():
                if line.startswith("data: "):
                    self.events.append(json.loads(line.removeprefix("data: ")))
