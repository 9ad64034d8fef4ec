"""A crowd that comes so many times a second, as fast as it wants and not as it is served."""

import asyncio
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

DONE = 200
LONGEST_QUEUE_SECONDS = 10  # of those that wait


@dataclass(frozen=True)
class Try:
    """One request, by the machine's clock."""

    begun_at: float
    ended_at: float
    status: int  # of HTTP; 0: no answer

    @property
    def is_done(self) -> bool:
        return self.status == DONE


class Crowd:
    """Something that is done so many times a second, whether what was begun before is over or not."""

    def __init__(self, *, rate: float, at_once: int, most: float = math.inf) -> None:
        """Be ready to begin.

        :param most: how many times it is done, should the block run for longer
        """
        self.rate = rate
        self.at_once = at_once
        self.most = most
        self.begun = 0  # how many times
        self.tries: list[Try] = []
        self.reached = 0.0  # times a second, in the end
        self.closing = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Do it while the block runs; return when the last one is over."""
        thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.closing.set()
            thread.join(120)
        assert not thread.is_alive(), "something that never ends"

    async def _run(self) -> None:
        self.places = asyncio.Semaphore(self.at_once)
        begun_at = next_at = time.monotonic()
        waiting: set[asyncio.Task[None]] = set()
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as http:
            while not self.closing.is_set() and self.begun < self.most:
                await asyncio.sleep(next_at - time.monotonic())
                # A machine that is too slow for the rate gets a smaller one, and says so in the end.
                next_at = max(next_at + 1 / self.rate, time.monotonic())
                if len(waiting) < self.rate * LONGEST_QUEUE_SECONDS:
                    waiting.add(task := asyncio.create_task(self._do(http, self._next())))
                    self.begun += 1
                    task.add_done_callback(waiting.discard)
            self.reached = self.begun / (time.monotonic() - begun_at)
            await asyncio.gather(*waiting)

    def _next(self) -> Any:
        """Return what is to be done now."""
        raise NotImplementedError

    async def _do(self, http: aiohttp.ClientSession, what: Any) -> None:
        raise NotImplementedError
