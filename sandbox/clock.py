"""The sandbox's own time, which can be moved."""

import asyncio
import math
import time
from email.utils import formatdate
from typing import Any

from sandbox.errors import ControlError

LAST_SECOND = 253_402_300_799  # the end of the year 9999, where dates end


class Clock:
    """Seconds since 1970, ahead of or behind the machine's by an offset.

    Dates follow the offset. Spans (a wait, an expiry) are counted in seconds that went by: a jump
    ahead lets them go by, a jump back gives none of them back.
    """

    def __init__(self) -> None:
        self.offset_seconds = 0.0
        self.skipped_seconds = 0.0
        self.moved = asyncio.Event()

    def now(self) -> float:
        return time.time() + self.offset_seconds

    def seconds(self) -> int:
        """Return the time as Telegram writes it: whole seconds."""
        return int(self.now())

    def elapsed(self) -> float:
        """Return a number that grows by each second that went by, or was jumped over."""
        return time.monotonic() + self.skipped_seconds

    def http_date(self) -> str:
        """Return the time as a Date header tells it."""
        return formatdate(self.now(), usegmt=True)

    def set(self, offset_seconds: float) -> None:
        """Jump: be so many seconds ahead of the machine, or behind it if negative."""
        self.skipped_seconds += max(0.0, offset_seconds - self.offset_seconds)
        self.offset_seconds = offset_seconds
        self.moved.set()
        self.moved = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Wait until so many seconds went by or were jumped over."""
        until = self.elapsed() + seconds
        while (left := until - self.elapsed()) > 0:
            await _first(left, self.moved.wait())

    async def wait_for(self, answer: asyncio.Future[Any], seconds: float) -> Any:
        """Return the answer.

        :raise TimeoutError: it did not come within so many seconds, gone by or jumped over
        """
        until = self.elapsed() + seconds
        while not answer.done():
            left = until - self.elapsed()
            if left <= 0:
                answer.cancel()
                raise TimeoutError
            await _first(left, self.moved.wait(), answer)
        return answer.result()

    def shown(self) -> dict[str, Any]:
        return {"now": self.now(), "offset_seconds": self.offset_seconds}


def offset_of(wanted: dict[str, Any], clock: Clock) -> float:
    """Return the offset that a jump asks for: ``seconds`` from now, or ``offset_seconds`` from the machine.

    :raise ControlError: neither or both, no number, or out of all dates
    """
    if len(wanted) != 1 or not wanted.keys() <= {"seconds", "offset_seconds"}:
        raise ControlError("either seconds or offset_seconds is needed")
    [(name, number)] = wanted.items()
    if not isinstance(number, int | float) or isinstance(number, bool) or not math.isfinite(number):
        raise ControlError(f"{name} must be a number")
    offset = number + (clock.offset_seconds if name == "seconds" else 0.0)
    if not 0 <= time.time() + offset <= LAST_SECOND:
        raise ControlError("the clock knows the years from 1970 to 9999")
    return float(offset)


async def _first(seconds: float, *awaited: Any) -> None:
    """Wait for the first of several; those that are not futures of somebody else are given up."""
    tasks = [asyncio.ensure_future(one) for one in awaited]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task, one in zip(tasks, awaited, strict=True):
            if task is not one:
                task.cancel()
