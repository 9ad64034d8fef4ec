"""Connections to PostgreSQL, and to the pools that stand before it and lend a session for each transaction.

A pool is known by the number of the session: it gives its clients one of its own making. Through a pool
nothing is kept in a session, since the next transaction has another one, and somebody else has this one.
"""

import os
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import URL

from webapp import clock

# A slower answer does not tell when on its way the database looked at its clock.
TELLING_SECONDS = 0.2
# A second after PostgreSQL's own statement_timeout no answer is on its way any more.
SILENCE_SECONDS = 6.0
LIMITS = {
    "lock_timeout": "2s",
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
}
# What a database or a role may have otherwise, and neither the driver nor the domain can do with.
NEEDED = {"datestyle": "ISO", "timezone": "UTC"}
ISOLATION = "READ COMMITTED"
ADDED: dict[str, Any] = {
    "connect_timeout": 3,
    "client_encoding": "utf8",
    "fallback_application_name": "starfront",
}
VARIABLES = {"connect_timeout": "PGCONNECT_TIMEOUT"}  # of which libpq would otherwise hear nothing
NAMED = re.compile(r"(?:-c\s*|--)([\w.-]+)\s*=")  # the settings in libpq's options
HELLO = "SELECT pg_backend_pid(), extract(epoch FROM clock_timestamp())"
# SQL of one statement has a session of its own where no transaction can be had.
NO_TRANSACTIONS = "not allowed in statement pooling mode"
REFUSED_PARAMETER = re.compile(r"unsupported startup parameter(?: in options)?: (\w+)")
# What an owner can do about an answer of PostgreSQL, by its SQLSTATE (Appendix A of its manual).
REMEDIES = {
    "42501": "The database does not let the shop's user create or change its tables. As the owner of the "
    "database, run GRANT CREATE, USAGE ON SCHEMA public TO that user; what is there has to be its own.",
    "3F000": "The database has no schema for the shop's tables: create the one that DATABASE_URL, or the "
    "user's search_path, names.",
    "25006": "The database takes no changes: it is a copy for reading, or its host closed it, as many do "
    "when a disk is full.",
}


class Unfit(psycopg.OperationalError):
    """No shop can run on this database as it is; the sentence says why and what to do."""


class Connection(psycopg.Connection[Any]):
    """A connection that is given up when no answer comes: PostgreSQL's limits cannot reach us then."""

    silence_seconds: float | None = None  # where a statement may take longer than SILENCE_SECONDS
    beginning = ""  # what begins a transaction through a pool, in one way there and back

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, timeout or self.silence_seconds or SILENCE_SECONDS)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                # Whatever is still said would be taken for the answer to the next question.
                self.pgconn.finish()
            raise


def additions(url: URL) -> dict[str, Any]:
    """Return what a connection is told beside what its address and libpq's variables say, which win."""
    theirs = set(url.query) | {name for name, variable in VARIABLES.items() if os.environ.get(variable)}
    return {name: value for name, value in ADDED.items() if name not in theirs}


def connect(*args: Any, **parameters: Any) -> Connection:
    """Return a connection with the limits that money needs, in a session of its own or through a pool.

    :raise Unfit: the database keeps no UTF-8, or a pool refuses what the shop needs
    """
    try:
        connection = Connection.connect(*args, **parameters, autocommit=True)
    except psycopg.OperationalError as error:
        if refused := REFUSED_PARAMETER.search(str(error)):
            raise Unfit(
                f"The pool before the database does not take {refused[1]} from DATABASE_URL: leave it away, "
                "or have the pool ignore it (ignore_startup_parameters in PgBouncer)."
            ) from error
        raise
    try:
        _settle_in(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _settle_in(connection: Connection) -> None:
    _check_encoding(connection)
    asked_at = clock.ticks()
    pid, told = connection.execute(HELLO).fetchone() or (0, 0)
    _follow_clock(float(told), clock.ticks() - asked_at)
    wanted = {**_limits(connection.info.options), **NEEDED}
    if pid == connection.info.backend_pid:
        connection.execute(_settings("SET", {**wanted, "default_transaction_isolation": ISOLATION}))
        connection.autocommit = False
        return
    connection.prepare_threshold = None
    connection.beginning = f"BEGIN ISOLATION LEVEL {ISOLATION}; {_settings('SET LOCAL', wanted)}"
    _check_transactions(connection)


def _check_encoding(connection: Connection) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise Unfit(
            f"The database keeps text as {encoding}, in which people's names cannot be written: make one "
            "with createdb --encoding=UTF8 --template=template0, and set DATABASE_URL to it."
        )


def _check_transactions(connection: Connection) -> None:
    try:
        connection.execute(connection.beginning)
        connection.rollback()
    except psycopg.Error as error:
        if NO_TRANSACTIONS not in str(error):
            raise
        raise Unfit(
            "The pool before the database lends a connection for one statement only: set its pool_mode to "
            "transaction or session."
        ) from error


def _limits(options: str) -> dict[str, str]:
    """Return our limits without those that the owner set in the address, or in PGOPTIONS."""
    theirs = {name.lower().replace("-", "_") for name in NAMED.findall(options)}
    return {name: value for name, value in LIMITS.items() if name not in theirs}


def _settings(command: str, values: dict[str, str]) -> str:
    return "; ".join(f"{command} {name} = '{value}'" for name, value in values.items())


def _follow_clock(told: float, took_seconds: float) -> None:
    """Go by the database's clock: machines that differ by more than a lease would take each other's work."""
    if took_seconds <= TELLING_SECONDS:
        clock.follow(datetime.fromtimestamp(told, UTC) + timedelta(seconds=took_seconds / 2))
