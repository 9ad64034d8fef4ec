"""Updates pushed to the bot's webhook: in order within a queue, again until they are taken."""

import asyncio
import contextlib
import json
import math
import random
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from sandbox.clock import Clock
from sandbox.updates import Queued, Updates

ANSWER_SECONDS = 60
LONGEST_PAUSE_SECONDS = (60, 120)
LONGEST_RETRY_AFTER_SECONDS = 3600
PORTS = {443, 80, 88, 8443}
# telegram-bot-api: these are not carried out when a webhook's answer asks for them.
IGNORED_IN_REPLY = ("get", "setwebhook", "deletewebhook", "close", "logout")
Call = Callable[[str, dict[str, Any]], Awaitable[Any]]


class Webhook:
    """Where updates are pushed to, if anywhere."""

    def __init__(self, clock: Clock, updates: Updates) -> None:
        self.clock = clock
        self.updates = updates
        self.url = ""
        self.secret = ""
        self.connections = 40
        self.set_at = -math.inf
        self.last_error: tuple[int, str] | None = None
        self.busy: dict[str, asyncio.Task[None]] = {}
        self.call: Call | None = None
        self.session: aiohttp.ClientSession | None = None
        updates.on_arrival = self.wake

    def accepts(self, url: str) -> bool:
        """Tell whether an address may be a webhook: https on four ports, or this machine itself."""
        address = urlsplit(url)
        if address.hostname in {"127.0.0.1", "localhost", "::1"}:
            return address.scheme in {"http", "https"}
        return address.scheme == "https" and (address.port or 443) in PORTS

    def set(self, url: str, secret: str, connections: int) -> None:
        """Push to an address from now on, or nowhere."""
        if (url, secret) != (self.url, self.secret):
            # What is in flight, or waits to be tried again, is the new address's affair.
            for task in self.busy.values():
                task.cancel()
            self.busy.clear()
        self.url, self.secret, self.connections = url, secret, connections
        self.set_at = self.clock.elapsed() if url else self.set_at
        self.last_error = None
        self.wake()

    def info(self) -> dict[str, Any]:
        """Return WebhookInfo."""
        told: dict[str, Any] = {
            "url": self.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self.updates.pending()),
        }
        if self.url:
            told |= {"max_connections": self.connections, "ip_address": "127.0.0.1"}
        if self.last_error:
            told |= {"last_error_date": self.last_error[0], "last_error_message": self.last_error[1]}
        if self.updates.allowed:
            told["allowed_updates"] = self.updates.allowed
        return told

    def wake(self) -> None:
        """Have every queue with something in it worked on."""
        if not self.url:
            return
        for queued in self.updates.pending():
            task = self.busy.get(queued.queue)
            if task is None or task.done():
                self.busy[queued.queue] = asyncio.ensure_future(self._deliver(queued.queue))

    async def close(self) -> None:
        for task in self.busy.values():
            task.cancel()
        if self.session:
            await self.session.close()

    async def _deliver(self, queue: str) -> None:
        failures = 0
        while self.url:
            queued = next((one for one in self.updates.pending() if one.queue == queue), None)
            if queued is None:
                return
            await self.clock.sleep(queued.ready_at - self.clock.elapsed())
            pause = await self._push(queued, failures)
            if pause is None:
                failures = 0
                self.updates.confirm(queued)
            else:
                failures += 1
                await self.clock.sleep(pause)

    async def _push(self, queued: Queued, failures: int) -> float | None:
        """Push once; None when it was taken, else the seconds to wait."""
        if self.session is None:
            self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        headers = {"Content-Type": "application/json"}
        headers |= {"X-Telegram-Bot-Api-Secret-Token": self.secret} if self.secret else {}
        try:
            async with self.session.post(
                self.url,
                data=json.dumps(queued.body),
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            ) as answer:
                body = await answer.read()
                if answer.status // 100 == 2:
                    await self._carry_out(body)
                    return None
                problem = f"Wrong response from the webhook: {answer.status} {answer.reason}"
                asked = answer.headers.get("Retry-After", "")
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            problem, asked = f"Connection failed: {type(error).__name__}", ""
        self.last_error = (self.clock.seconds(), problem)
        if asked.isdigit():
            return float(min(int(asked), LONGEST_RETRY_AFTER_SECONDS))
        # The first time again at once, then twice as long each time.
        return (
            0.0 if failures == 0 else float(min(2 ** (failures - 1), random.randint(*LONGEST_PAUSE_SECONDS)))
        )

    async def _carry_out(self, body: bytes) -> None:
        """Do what the answer's body asks for, as Telegram does with any bot's."""
        with contextlib.suppress(ValueError, AttributeError, UnicodeDecodeError):
            wanted = json.loads(body)
            method = str(wanted.pop("method")) if isinstance(wanted, dict) and "method" in wanted else ""
            if method and self.call and not method.lower().startswith(IGNORED_IN_REPLY):
                await self.call(method, wanted)
