"""Transactions: all of what a block wrote is committed, or nothing of it."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from webapp.db import sqlite
from webapp.db.engine import db
from webapp.db.sqlite import OwnTransactionTooLong as OwnTransactionTooLong

ATTEMPTS = 5
# PostgreSQL: serialization_failure, deadlock_detected (Appendix A of its manual).
RETRIED_SQLSTATES = frozenset({"40001", "40P01"})
Result = TypeVar("Result")


@contextmanager
def transaction() -> Iterator[None]:
    """Commit what the block wrote, or nothing of it.

    Whatever was read before is let go first: a write must not stand on a snapshot taken
    earlier, and SQLite refuses to turn a reading transaction into a writing one.
    """
    if db.session().in_transaction():
        db.session.commit()
    with _one_writer():
        try:
            _begin_to_write()
            yield
            db.session.commit()
        except BaseException:
            db.session.rollback()
            raise


def run_in_transaction(work: Callable[[], Result]) -> Result:
    """Return what ``work`` returns once it is committed, repeating it when the database asks.

    Only deadlocks and serialisation failures are repeated, at most five times, with jitter.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction():
                return work()
        except DBAPIError as error:
            if attempt == ATTEMPTS or not _is_worth_repeating(error):
                raise
            time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - jitter
    raise AssertionError("unreachable")


@contextmanager
def own_session() -> Iterator[Session]:
    """Commit what the block wrote in a session beside the shop's own, or nothing of it.

    An owner's code gets this one: nothing that it does can end or undo a transaction of the shop's, and
    nothing that it does not do keeps others from writing.

    :raise OwnTransactionTooLong: on SQLite, it was open for so long that it is undone
    """
    with _one_writer() as let_go, Session(db.engine, expire_on_commit=False) as session, session.begin():
        if db.engine.dialect.name != "sqlite":
            yield session  # PostgreSQL itself ends a transaction that idles: see postgresql.py
            return
        with sqlite.limited(session.connection(execution_options=sqlite.AT_ONCE), let_go):
            yield session


def _one_writer() -> AbstractContextManager[Callable[[], None]]:
    return sqlite.one_writer() if db.engine.dialect.name == "sqlite" else nullcontext(lambda: None)


def _begin_to_write() -> None:
    if db.engine.dialect.name == "sqlite":
        db.session.connection(execution_options=sqlite.AT_ONCE)


def _is_worth_repeating(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in RETRIED_SQLSTATES
