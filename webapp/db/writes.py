"""Statements of the way that every payment takes: made once, and sent past SQLAlchemy where that pays.

SQLAlchemy takes longer to make a statement than a database to run it, and longer to pass one on to
PostgreSQL's driver than the driver itself. Everything else asks ``db.session``.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import psycopg
from sqlalchemy import Dialect, Select, TextClause, bindparam, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from webapp.db.engine import Base, db

Statement: TypeAlias = TextClause | Select[Any]
Rows: TypeAlias = Sequence[Sequence[Any]]
Processors: TypeAlias = dict[Any, Callable[[Any], Any]]


@dataclass(frozen=True)
class Change:
    """A row to be changed, by a statement that returns one column of it."""

    statement: TextClause
    values: dict[str, Any]


@dataclass(frozen=True)
class Insertion:
    """A row to be inserted, and the column of it that is returned."""

    model: type[Base]
    values: dict[str, Any]
    returning: str
    conflict: str = ""  # what to do if its key is there already, in SQL; without it that is an error

    @property
    def statement(self) -> TextClause:
        return _insert(self.model, tuple(self.values), f'{self.conflict} RETURNING "{self.returning}"')


Write: TypeAlias = Insertion | Change
UNLESS_THERE = "ON CONFLICT DO NOTHING"


def insert_once(model: type[Base], values: dict[str, Any], *, returning: str) -> Any:
    """Insert a row unless its key is there already; return one of its columns, or None if it was."""
    return write(Insertion(model, values, returning, UNLESS_THERE))[0]


def write(*writes: Write) -> list[Any]:
    """Write rows of which none refers to another, and return what each statement returns, or None.

    PostgreSQL is told of all at once: the way there and back takes longer than a row.
    """
    if len(writes) < 2 or db.engine.dialect.name != "postgresql":
        found = [run(one.statement, one.values) for one in writes]
        return [rows[0][0] if rows else None for rows in found]
    values = {
        f"{name}_{number}": value for number, one in enumerate(writes) for name, value in one.values.items()
    }
    return list(run(_at_once(tuple(one.statement for one in writes)), values)[0])


def run(statement: Statement, values: dict[str, Any]) -> Rows:
    """Return the rows of a statement, in the transaction of the session."""
    connection = db.session.connection()
    if connection.dialect.name != "postgresql":
        return connection.execute(statement, values).all()
    sql, into, out_of = _for_driver(statement, connection.dialect)
    rows = _fetch(connection, sql, values | {name: turn(values[name]) for name, turn in into.items()})
    return [_turned(row, out_of) for row in rows] if out_of else rows


def _fetch(connection: Connection, sql: str, values: dict[str, Any]) -> Rows:
    driver: Any = connection.connection.driver_connection
    try:
        rows: Rows = driver.execute(sql, values).fetchall()
    except psycopg.Error as error:
        if driver.closed:
            connection.invalidate(error)
        raise DBAPIError.instance(
            sql, values, error, psycopg.Error, hide_parameters=True, dialect=connection.dialect
        ) from error
    return rows


def _turned(row: Sequence[Any], processors: Processors) -> list[Any]:
    values = list(row)
    for place, turn in processors.items():
        values[place] = turn(values[place])
    return values


@lru_cache
def _for_driver(statement: Statement, dialect: Dialect) -> tuple[str, Processors, Processors]:
    """Return a statement as its driver takes it, and what turns values into the driver's and back."""
    compiled = statement.compile(dialect=dialect)
    columns = enumerate(statement.selected_columns if isinstance(statement, Select) else ())
    into = {
        name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiled.binds.items()
    }
    out_of = {
        place: column.type.dialect_impl(dialect).result_processor(dialect, None) for place, column in columns
    }
    return str(compiled), _needed(into), _needed(out_of)


def _needed(processors: dict[Any, Any]) -> Processors:
    return {name: process for name, process in processors.items() if process}


@lru_cache
def _insert(model: type[Base], columns: tuple[str, ...], ending: str) -> TextClause:
    types = model.__table__.c
    names = ", ".join(f'"{name}"' for name in columns)
    marks = ", ".join(f":{name}" for name in columns)
    return text(f"INSERT INTO {model.__tablename__} ({names}) VALUES ({marks}) {ending}").bindparams(
        *(bindparam(name, type_=types[name].type) for name in columns)
    )


@lru_cache
def _at_once(statements: tuple[TextClause, ...]) -> TextClause:
    """Return one statement that does what these do; the parameters of each carry its number."""
    parts = [re.sub(r"(?<!:):(\w+)", rf":\1_{number}", one.text) for number, one in enumerate(statements)]
    named = ", ".join(f"write_{number} AS ({part})" for number, part in enumerate(parts))
    results = ", ".join(f"(SELECT * FROM write_{number})" for number in range(len(parts)))
    return text(f"WITH {named} SELECT {results}").bindparams(
        *(
            bindparam(f"{name}_{number}", type_=bind.type)
            for number, one in enumerate(statements)
            for name, bind in one.compile().binds.items()
        )
    )
