"""Transactions: all of what a block wrote is committed, or nothing of it."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from webapp.db import sqlite
from webapp.db.engine import db

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
    with one_writer():
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


def one_writer() -> AbstractContextManager[Callable[[], None]]:
    """Queue writers where the database cannot, for the length of a block."""
    return sqlite.one_writer() if db.engine.dialect.name == "sqlite" else nullcontext(lambda: None)


def _begin_to_write() -> None:
    if db.engine.dialect.name == "sqlite":
        db.session.connection(execution_options=sqlite.AT_ONCE)


def _is_worth_repeating(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in RETRIED_SQLSTATES
