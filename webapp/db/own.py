"""Transactions of an owner's code: beside the shop's own, and ended when they are open for too long."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from webapp.db import sqlite
from webapp.db.engine import db
from webapp.db.transactions import one_writer

# On SQLite everybody's writing waits for it, and a question of Telegram's has six seconds. PostgreSQL ends a
# statement and a transaction that idles before that: see LIMITS in postgresql.py.
MOST_SECONDS = {"sqlite": 2.0, "postgresql": 15.0}


class OwnTransactionTooLong(Exception):
    """What an owner's code wrote is undone, since its transaction was in everybody's way."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"a transaction was open for more than {seconds:.0f} seconds: it is undone")


@contextmanager
def own_session() -> Iterator[Session]:
    """Commit what the block wrote in a session beside the shop's own, or nothing of it.

    An owner's code gets this one: nothing that it does can end or undo a transaction of the shop's, and
    nothing that it does not do keeps others from writing, or a connection from them.

    :raise OwnTransactionTooLong: it was open for so long that it is undone
    """
    with one_writer() as let_go, Session(db.engine, expire_on_commit=False) as session, session.begin():
        if db.engine.dialect.name == "sqlite":
            connection = session.connection(execution_options=sqlite.AT_ONCE)
            driver: Any = connection.connection.driver_connection
            with _limited(connection, lambda: _undo(driver, let_go)):
                yield session
        else:
            connection = session.connection()
            # The thread that hangs cannot be ended; its connection goes back to the pool without it.
            with _limited(connection, connection.invalidate):
                yield session


@contextmanager
def _limited(connection: Connection, end: Callable[[], None]) -> Iterator[None]:
    """End a transaction from outside once its time is up.

    :param end: ends it, called from another thread
    """
    seconds = MOST_SECONDS[connection.dialect.name]
    ending = threading.Lock()  # whoever gets it decides how the transaction ends

    def end_if_open() -> None:
        if ending.acquire(blocking=False):
            end()

    timer = threading.Timer(seconds, end_if_open)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if not ending.acquire(blocking=False):
            connection.invalidate()
            raise OwnTransactionTooLong(seconds)


def _undo(driver: Any, let_go: Callable[[], None]) -> None:
    try:
        driver.interrupt()
        driver.rollback()
        driver.execute("PRAGMA query_only = ON")  # or what comes later would commit by itself
    finally:
        let_go()
