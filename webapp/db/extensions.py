"""The database, its transactions, and the other Flask extensions, unbound."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from flask_babel import Babel
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from htmx_flask import Htmx
from sqlalchemy import DateTime, Dialect, Engine, MetaData, event
from sqlalchemy.dialects import postgresql as postgresql_dialect
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from webapp.db import patience, postgresql
from webapp.host import capacity, disks

# Constraint names must be the same on both databases for migrations to find them.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
TRANSACTION_ATTEMPTS = 5
SQLITE_PATIENCE_SECONDS = 5
OWN_SECONDS = 2.0  # of an owner's transaction on SQLite; a question of Telegram's has six
IDLE_SECONDS = 1.0  # then a connection may have died unnoticed: asking costs a way there and back
NOT_MIGRATED = "The database is not ready: run flask --app webapp release first."
# PostgreSQL: serialization_failure, deadlock_detected (Appendix A of its manual).
MISSING_SQLSTATES = frozenset({"42P01", "42703"})  # undefined_table, undefined_column
RETRIED_SQLSTATES = frozenset({"40001", "40P01"})


AT_ONCE: dict[str, Any] = {"sqlite_begin": "IMMEDIATE"}
PRIVATE: dict[str, Any] = {"hide_parameters": True}  # people's names must not stand in tracebacks
Result = TypeVar("Result")
_sqlite_writer = threading.Lock()


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


class OwnTransactionTooLong(Exception):
    """What an owner's code wrote is undone, since its transaction kept everybody from writing."""

    def __init__(self) -> None:
        super().__init__(
            f"a transaction on SQLite was open for more than {OWN_SECONDS:.0f} seconds: it is undone"
        )


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on both databases; SQLite itself forgets the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


db = SQLAlchemy(
    model_class=Base,
    # Views go on showing what they loaded after the edge committed.
    session_options={"expire_on_commit": False},
)
if TYPE_CHECKING:
    Model = Base  # Flask-SQLAlchemy makes its own at run time, where type checkers cannot follow
else:
    Model = db.Model
migrate = Migrate()
babel = Babel()
htmx = Htmx()


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
    for attempt in range(1, TRANSACTION_ATTEMPTS + 1):
        try:
            with transaction():
                return work()
        except DBAPIError as error:
            if attempt == TRANSACTION_ATTEMPTS or not _is_worth_repeating(error):
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
        with _limited(session.connection(execution_options=AT_ONCE), let_go):
            yield session


def remedy(error: BaseException) -> str:
    """Return what is to be done about an error of the database, in words, or nothing if that is not known."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, postgresql.Unfit | disks.Unwritable):
        return str(cause)
    return postgresql.REMEDIES.get(getattr(cause, "sqlstate", None) or "", "")


def is_unmigrated(error: SQLAlchemyError) -> bool:
    """Tell whether tables or columns are missing, as against a database that is away for a while."""
    cause = getattr(error, "orig", None)
    missing = ("no such table", "no such column", "has no column")  # in SQLite's words
    return getattr(cause, "sqlstate", None) in MISSING_SQLSTATES or any(
        words in str(cause) for words in missing
    )


def glance(statement: str) -> tuple[Any, ...]:
    """Return the one row that a statement finds, for the price of little more than the statement.

    It is asked of the driver: a session, its transaction and its results would cost ten times as much.
    """
    # Whoever holds a connection and waits for a second may wait for somebody who does the same.
    is_holding = db.session.registry.has() and db.session().in_transaction()
    with nullcontext(db.session.connection()) if is_holding else db.engine.connect() as connection:
        try:
            cursor = connection.connection.cursor()
            cursor.execute(statement)
            [row] = cursor.fetchall()
            return tuple(row)
        except connection.dialect.loaded_dbapi.Error:
            # Asked once more by SQLAlchemy, which gives errors its own names and dead connections up.
            if not is_holding:
                with suppress(connection.dialect.loaded_dbapi.Error):
                    connection.connection.rollback()  # or PostgreSQL would name this failure, not that one
            return tuple(connection.exec_driver_sql(statement).one())


def insert(model: type[Base]) -> Any:
    """Return an INSERT that knows ON CONFLICT, which both databases spell alike."""
    is_postgresql = db.engine.dialect.name == "postgresql"
    return (postgresql_dialect if is_postgresql else sqlite_dialect).insert(model)


def configure_engine(engine: Engine) -> None:
    """Give every connection the limits and the durability that money needs."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _open_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        event.listen(engine, "do_connect", _check_writable)
    else:
        event.listen(engine, "do_connect", _open_postgresql)
        event.listen(engine, "begin", _begin_through_pool)
        event.listen(engine, "checkout", partial(_look_after_idling, engine.dialect))
        event.listen(engine, "checkin", _note_idling)


def engine_options(url: str) -> dict[str, Any]:
    """Return SQLAlchemy's engine options for a database address."""
    if not url.startswith("postgresql"):
        # timeout: how long a writer waits for another process's (SQLite's busy_timeout).
        return {**PRIVATE, "connect_args": {"timeout": SQLITE_PATIENCE_SECONDS}}
    return {
        **PRIVATE,
        "pool_size": capacity.CONNECTIONS,
        "max_overflow": 0,
        "poolclass": patience.Pool,
        "pool_timeout": patience.WAKING_SECONDS + 1,
        "pool_recycle": 600,
        "connect_args": postgresql.additions(make_url(url)),
    }


@contextmanager
def _one_writer() -> Iterator[Callable[[], None]]:
    """Queue this process's writers of SQLite, which itself makes them poll and lets some starve.

    The block may let the next one in before it ends, from any thread.
    """
    if db.engine.dialect.name != "sqlite":
        yield lambda: None
        return
    if not _sqlite_writer.acquire(timeout=SQLITE_PATIENCE_SECONDS):
        raise PoolTimeout("another transaction of this process goes on for too long")
    held = [_sqlite_writer.release]

    def let_go() -> None:
        with suppress(IndexError):
            held.pop()()

    try:
        yield let_go
    finally:
        let_go()


@contextmanager
def _limited(connection: Connection, let_go: Callable[[], None]) -> Iterator[None]:
    """Undo a transaction on SQLite that is open for too long: everybody else's writing waits for it."""
    driver: Any = connection.connection.driver_connection
    ending = threading.Lock()  # whoever gets it decides how the transaction ends

    def end() -> None:
        if ending.acquire(blocking=False):
            try:
                driver.interrupt()
                driver.rollback()
                driver.execute("PRAGMA query_only = ON")  # or what comes later would commit by itself
            finally:
                let_go()

    timer = threading.Timer(OWN_SECONDS, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if not ending.acquire(blocking=False):
            connection.invalidate()
            raise OwnTransactionTooLong


def _begin_to_write() -> None:
    if db.engine.dialect.name == "sqlite":
        db.session.connection(execution_options=AT_ONCE)


def _check_writable(_dialect: Dialect, _record: Any, args: Any, _parameters: Any) -> None:
    disks.check_writable(args[0])


def _open_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # _begin_sqlite decides how a transaction begins
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # NORMAL may lose the last commits in a power cut
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails under concurrency whatever the timeout.
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('sqlite_begin', 'DEFERRED')}")


def _open_postgresql(_dialect: Dialect, _record: Any, args: Any, parameters: Any) -> postgresql.Connection:
    return patience.current.connect(lambda: postgresql.connect(*args, **parameters))


def _begin_through_pool(connection: Connection) -> None:
    """Begin where the driver does not; see :mod:`webapp.db.postgresql`."""
    if beginning := connection.connection.driver_connection.beginning:  # type: ignore[union-attr]
        connection.exec_driver_sql(beginning)


def _note_idling(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["idle_since"] = time.monotonic()


def _look_after_idling(
    dialect: Dialect, connection: Any, record: ConnectionPoolEntry, _proxy: object
) -> None:
    """Replace connections that died while nobody used them; one that was used just now is well."""
    if time.monotonic() - record.info.get("idle_since", time.monotonic()) < IDLE_SECONDS:
        return
    try:
        dialect.do_ping(connection)
    except psycopg.Error as error:
        raise InvalidatePoolError from error


def _is_worth_repeating(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in RETRIED_SQLSTATES
