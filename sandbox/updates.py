"""Updates on their way to the bot: kept in order, polled or pushed, and forgotten when old."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.clock import Clock
from sandbox.errors import conflict
from sandbox.events import Events
from sandbox.troubles import Troubles

LIFE_SECONDS = 24 * 3600  # Bot API: getting updates
# telegram-bot-api: a question that nobody answered is of no use afterwards.
SHORT_LIFE_SECONDS = {"pre_checkout_query": 150, "callback_query": 150}
LONGEST_POLL_SECONDS = 50
NOT_BY_DEFAULT = {"chat_member", "message_reaction", "message_reaction_count"}
WEBHOOK_ACTIVE = (
    "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)
OTHER_POLL = "terminated by other getUpdates request; make sure that only one bot instance is running"


@dataclass
class Queued:
    """An update that the bot has not confirmed."""

    body: dict[str, Any]
    expires_at: float
    ready_at: float
    queue: str

    @property
    def update_id(self) -> int:
        return int(self.body["update_id"])


class Updates:
    """The queue between Telegram and the bot."""

    def __init__(self, clock: Clock, troubles: Troubles, events: Events) -> None:
        self.clock = clock
        self.troubles = troubles
        self.events = events
        self.waiting: list[Queued] = []
        self.next_id = random.randint(100_000_000, 900_000_000)
        self.allowed: list[str] | None = None
        self.arrived = asyncio.Event()
        self.poller: asyncio.Future[None] | None = None
        self.on_arrival: Callable[[], None] = lambda: None

    def add(self, body: dict[str, Any]) -> int | None:
        """Queue an update; None when the bot does not want its kind, or it is lost on the way."""
        kind = next((key for key in body if key != "update_id"), "")
        wanted = kind in self.allowed if self.allowed else kind not in NOT_BY_DEFAULT
        if not wanted:
            return None
        update_id = self.next_id
        self.next_id += 1
        lost = self.troubles.loses()
        told = {"update_id": update_id, **{key: value for key, value in body.items() if key != "update_id"}}
        self.events.add("update", **told, lost=lost) if lost else self.events.add("update", **told)
        if lost:
            return None
        self._queue(told, kind)
        return update_id

    def get(self, offset: int | None, limit: int) -> list[dict[str, Any]]:
        """Return what waits from an offset on, confirming everything below it."""
        self._expire()
        if offset is not None and offset < 0:
            self.waiting = self.waiting[offset:]
        elif offset:
            self.waiting = [one for one in self.waiting if one.update_id >= offset]
        ready = [one.body for one in self.waiting if one.ready_at <= self.clock.now()]
        return ready[:limit]

    async def poll(self, offset: int | None, limit: int, timeout: float) -> list[dict[str, Any]]:
        """Return what waits, or wait for it.

        :raise ApiError: another poll takes over
        """
        if self.poller and not self.poller.done():
            self.poller.set_exception(conflict(OTHER_POLL))
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.poller = mine
        deadline = asyncio.get_running_loop().time() + min(timeout, LONGEST_POLL_SECONDS)
        try:
            while True:
                if mine.done():
                    mine.result()
                found = self.get(offset, limit)
                left = deadline - asyncio.get_running_loop().time()
                if found or left <= 0:
                    return found
                arrival = asyncio.ensure_future(self.arrived.wait())
                # Held-back updates ring no bell, so look now and then.
                await asyncio.wait({arrival, mine}, timeout=min(left, 0.5), return_when="FIRST_COMPLETED")
                arrival.cancel()
        finally:
            if not mine.done():
                mine.cancel()
            elif not mine.cancelled():
                mine.exception()

    def confirm(self, queued: Queued) -> None:
        """Forget an update that the webhook took."""
        self.waiting = [one for one in self.waiting if one is not queued]

    def pending(self) -> list[Queued]:
        self._expire()
        return list(self.waiting)

    def clear(self) -> None:
        self.waiting = []

    def _queue(self, body: dict[str, Any], kind: str) -> None:
        now = self.clock.now()
        one = Queued(
            body,
            expires_at=now + SHORT_LIFE_SECONDS.get(kind, LIFE_SECONDS),
            ready_at=now + self.troubles.now["delay_seconds"],
            queue=_queue_of(body, kind),
        )
        copies = [one] + [
            Queued(body, one.expires_at, one.ready_at, f"{one.queue}:{number}")
            for number in range(int(self.troubles.now["duplicate"]))
        ]
        if self.troubles.now["reorder"]:
            self.waiting[:0] = copies
        else:
            self.waiting.extend(copies)
        self.arrived.set()
        self.arrived = asyncio.Event()
        self.on_arrival()

    def _expire(self) -> None:
        now = self.clock.now()
        self.waiting = [one for one in self.waiting if one.expires_at > now]


def _queue_of(body: dict[str, Any], kind: str) -> str:
    part = body[kind] if isinstance(body.get(kind), dict) else {}
    # Messages wait for each other within a chat, questions within a person; not one for the other.
    where = part.get("chat") or part.get("from") or part.get("user") or {}
    return f"{kind if kind == 'pre_checkout_query' else 'chat'}:{where.get('id', 0)}"
