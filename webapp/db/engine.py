"""The database, unbound: its tables' base, its engine and how connections are made."""

import time
from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Dialect, Engine, MetaData, event
from sqlalchemy.dialects import postgresql as postgresql_dialect
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry

from webapp.db import patience, postgresql, sqlite
from webapp.host import capacity

# Constraint names must be the same on both databases for migrations to find them.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
IDLE_SECONDS = 1.0  # then a connection may have died unnoticed: asking costs a way there and back
PRIVATE: dict[str, Any] = {"hide_parameters": True}  # people's names must not stand in tracebacks


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


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


def fetch_row(statement: str) -> tuple[Any, ...]:
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
        event.listen(engine, "connect", sqlite.open_connection)
        event.listen(engine, "begin", sqlite.begin)
        event.listen(engine, "do_connect", sqlite.check_writable)
    else:
        event.listen(engine, "do_connect", _open_postgresql)
        event.listen(engine, "begin", _begin_through_pool)
        event.listen(engine, "checkout", partial(_look_after_idling, engine.dialect))
        event.listen(engine, "checkin", _note_idling)


def engine_options(url: str) -> dict[str, Any]:
    """Return SQLAlchemy's engine options for a database address."""
    if not url.startswith("postgresql"):
        return {**PRIVATE, "connect_args": {"timeout": sqlite.PATIENCE_SECONDS}}
    return {
        **PRIVATE,
        "pool_size": capacity.CONNECTIONS,
        "max_overflow": 0,
        "poolclass": patience.Pool,
        "pool_timeout": patience.WAKING_SECONDS + 1,
        "pool_recycle": 600,
        "connect_args": postgresql.additions(make_url(url)),
    }


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
