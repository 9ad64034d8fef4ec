"""Connections to SQLite, which has one writer at a time: how they are set, and who waits for whom."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.engine import Connection
from sqlalchemy.exc import TimeoutError as PoolTimeout

from webapp.host import disks

PATIENCE_SECONDS = 5  # how long a writer waits for another one (SQLite's busy_timeout)
AT_ONCE: dict[str, Any] = {"sqlite_begin": "IMMEDIATE"}
_writer = threading.Lock()


def check_writable(_dialect: Dialect, _record: Any, args: Any, _parameters: Any) -> None:
    disks.check_writable(args[0])


def open_connection(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # begin decides how a transaction begins
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # NORMAL may lose the last commits in a power cut
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def begin(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails under concurrency whatever the timeout.
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('sqlite_begin', 'DEFERRED')}")


@contextmanager
def one_writer() -> Iterator[Callable[[], None]]:
    """Queue the writers of this process, since SQLite itself makes them poll and lets some starve.

    The block may let the next one in before it ends, from any thread.
    """
    if not _writer.acquire(timeout=PATIENCE_SECONDS):
        raise PoolTimeout("another transaction of this process goes on for too long")
    held = [_writer.release]

    def let_go() -> None:
        with suppress(IndexError):
            held.pop()()

    try:
        yield let_go
    finally:
        let_go()
