"""How a page waits for a database that is asleep or has no connection to spare: briefly, and not all of them.

Hosts put small databases to sleep, and the first connection wakes them up, which takes seconds. An outage
that lasts longer is answered at once, or every thread would wait for it.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg
from flask import has_request_context, request
from sqlalchemy import PoolProxiedConnection, QueuePool
from sqlalchemy.exc import TimeoutError as PoolTimeout

from webapp.db.postgresql import Unfit

WAKING_SECONDS = 6.0  # serverless databases say that they take five
PLACES = 24  # of the 32 threads of a worker: the others serve what needs no database
PAUSE_SECONDS = (0.1, 0.4)
Connection = TypeVar("Connection")


class Patience:
    """What the threads of a process know of one database."""

    def __init__(self) -> None:
        self._asleep_since: float | None = None
        self._waiting = 0
        self._lock = threading.Lock()

    def connect(self, attempt: Callable[[], Connection]) -> Connection:
        """Return what an attempt returns, repeated for a page while the database wakes up.

        :raise psycopg.OperationalError: it was away for too long
        """
        while True:
            begun_at = time.monotonic()
            try:
                connection = attempt()
            except Unfit:
                raise
            except psycopg.OperationalError:
                if not _is_page() or not self._has_time(begun_at):
                    raise
                time.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311 - jitter
            else:
                self._asleep_since = None
                return connection

    @contextmanager
    def place(self) -> Iterator[None]:
        """Be one of those who wait for a connection.

        :raise sqlalchemy.exc.TimeoutError: the database is asleep, and enough wait for it
        """
        with self._lock:
            self._waiting += 1
        try:
            if self._asleep_since is not None and self._waiting > PLACES and _is_page():
                raise PoolTimeout("enough pages wait for the database")
            yield
        finally:
            with self._lock:
                self._waiting -= 1

    def _has_time(self, begun_at: float) -> bool:
        with self._lock:
            if self._asleep_since is None:
                self._asleep_since = begun_at
            return time.monotonic() - self._asleep_since < WAKING_SECONDS


current = Patience()
# SQLAlchemy tells of each pool it renews, in the name of its class: nothing to its reader.
logging.getLogger(f"{__name__}.Pool").setLevel(logging.WARNING)


class Pool(QueuePool):
    """Connections that are waited for with patience."""

    def connect(self) -> PoolProxiedConnection:
        """Return a connection, as its base does."""
        with current.place():
            return super().connect()


def _is_page() -> bool:
    # Whoever asks whether the shop is ready wants to know how it is now.
    return has_request_context() and request.blueprint != "health"
