"""Updates on their way to the bot: kept in order, polled or pushed, and forgotten when old."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.clock import Clock
from sandbox.errors import ControlError, conflict
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
WEBHOOK_SET = "terminated by setWebhook request"
MOST_REMEMBERED = 2000


@dataclass
class Queued:
    """An update that the bot has not confirmed."""

    body: dict[str, Any]
    expires_at: float  # by the clock's elapsed seconds, as is the next
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
        self.history: dict[int, dict[str, Any]] = {}  # by update_id: what became of each
        self.drops: list[dict[str, Any]] = []
        self.next_id = random.randint(100_000_000, 900_000_000)
        self.allowed: list[str] | None = None
        self.arrived = asyncio.Event()
        self.poller: asyncio.Future[None] | None = None
        self.on_arrival: Callable[[], None] = lambda: None

    def add(self, body: dict[str, Any]) -> int | None:
        """Queue an update; None when the bot does not want its kind, or it is lost on the way."""
        kind = _kind(body)
        wanted = kind in self.allowed if self.allowed else kind not in NOT_BY_DEFAULT
        if not wanted:
            return None
        update_id = self.next_id
        self.next_id += 1
        lost = self.troubles.loses()
        told = {"update_id": update_id, **{key: value for key, value in body.items() if key != "update_id"}}
        self.events.add("update", **told, lost=lost) if lost else self.events.add("update", **told)
        self._remember(told, kind, "lost" if lost else "waiting")
        if lost:
            return None
        self._queue(told, kind)
        return update_id

    def again(self, update_id: int) -> None:
        """Deliver an update once more under the same number, whatever became of it.

        :raise ControlError: there was none of this number
        """
        if update_id not in self.history:
            raise ControlError(f"no update has the number {update_id}", 404)
        told = self.history[update_id]
        told["state"] = "waiting"
        self._queue(told["update"], told["kind"])
        self.events.add("again", update_id=update_id)

    def get(self, offset: int | None, limit: int) -> list[dict[str, Any]]:
        """Return what waits from an offset on, confirming everything below it."""
        self._expire()
        if offset is not None and offset < 0:
            self._keep(self.waiting[offset:], "confirmed")
        elif offset:
            self._keep([one for one in self.waiting if one.update_id >= offset], "confirmed")
        ready = [one.body for one in self.waiting if one.ready_at <= self.clock.elapsed()]
        return ready[:limit]

    async def poll(self, offset: int | None, limit: int, timeout: float) -> list[dict[str, Any]]:
        """Return what waits, or wait for it.

        :raise ApiError: another poll takes over
        """
        self.end_poll(OTHER_POLL)
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

    def end_poll(self, why: str) -> None:
        """Have whoever waits for updates be told that somebody else asks for them now."""
        if self.poller and not self.poller.done():
            self.poller.set_exception(conflict(why))

    def is_polled(self) -> bool:
        """Tell whether somebody waits for updates at this moment."""
        return self.poller is not None and not self.poller.done()

    def confirm(self, queued: Queued) -> None:
        """Forget an update that the webhook took."""
        self._keep([one for one in self.waiting if one is not queued], "confirmed")

    def pending(self) -> list[Queued]:
        self._expire()
        return list(self.waiting)

    def drop(self, method: str) -> None:
        """Forget what waits because the bot asked for that, and remember that it did."""
        self.drops.append({"method": method, "at": self.clock.now(), "count": len(self.pending())})
        self._keep([], "dropped")

    def clear(self) -> None:
        """Forget everything, also that there was anything."""
        self.waiting = []
        self.history.clear()
        self.drops.clear()

    def snapshot(self) -> dict[str, Any]:
        """Return what waits, and until when."""
        ahead = self.clock.now() - self.clock.elapsed()
        pending = [{"update": one.body, "expires_at": one.expires_at + ahead} for one in self.pending()]
        return {"pending": pending, "history": list(self.history.values()), "drops": self.drops}

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on from a snapshot; the time in which nobody ran it counts."""
        self.history = {one["update"]["update_id"]: one for one in kept["history"]}
        self.drops = kept["drops"]
        behind = self.clock.elapsed() - self.clock.now()
        for one in kept["pending"]:
            kind = _kind(one["update"])
            queue = _queue_of(one["update"], kind)
            self.waiting.append(Queued(one["update"], one["expires_at"] + behind, 0.0, queue))

    def _queue(self, body: dict[str, Any], kind: str) -> None:
        now = self.clock.elapsed()
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
        now = self.clock.elapsed()
        self._keep([one for one in self.waiting if one.expires_at > now], "expired")

    def _keep(self, kept: list[Queued], state: str) -> None:
        """Have only these wait on, and note what became of the others."""
        gone = {one.update_id for one in self.waiting} - {one.update_id for one in kept}
        self.waiting = kept
        for update_id in gone:
            if update_id in self.history:
                self.history[update_id]["state"] = state
        if gone and state == "expired":
            self.events.add("expired", updates=sorted(gone))

    def _remember(self, body: dict[str, Any], kind: str, state: str) -> None:
        told = {"update": body, "kind": kind, "at": self.clock.now(), "state": state}
        self.history[body["update_id"]] = told
        if len(self.history) > MOST_REMEMBERED:
            del self.history[next(iter(self.history))]


def _kind(body: dict[str, Any]) -> str:
    return next((key for key in body if key != "update_id"), "")


def _queue_of(body: dict[str, Any], kind: str) -> str:
    part = body[kind] if isinstance(body.get(kind), dict) else {}
    # Messages wait for each other within a chat, questions within a person; not one for the other.
    where = part.get("chat") or part.get("from") or part.get("user") or {}
    return f"{kind if kind == 'pre_checkout_query' else 'chat'}:{where.get('id', 0)}"
