"""Run migrations on the application's own database, each in one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import Connection, text

LOCK = 7_373_787  # any number; two releases at once wait for each other
PATIENCE_SECONDS = 120


def run() -> None:
    engine = current_app.extensions["migrate"].db.engine
    with engine.connect() as connection, _foreign_keys_off(connection):
        connection = connection.execution_options(sqlite_begin="IMMEDIATE")
        context.configure(
            connection=connection,
            target_metadata=current_app.extensions["migrate"].db.metadata,
            render_as_batch=True,
            # SQLite and PostgreSQL both undo a migration that was killed midway.
            transactional_ddl=True,
            render_item=_render,
        )
        with context.begin_transaction():
            if connection.dialect.name == "postgresql":
                # A migration may take longer than a request may.
                connection.connection.driver_connection.silence_seconds = PATIENCE_SECONDS + 1
                connection.execute(text(f"SET LOCAL statement_timeout = '{PATIENCE_SECONDS}s'"))
                connection.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE_SECONDS}s'"))
                connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            context.run_migrations()
            _check_foreign_keys(connection)


@contextmanager
def _foreign_keys_off(connection: Connection) -> Iterator[None]:
    """Let SQLite make a table anew that others point at: dropping the old one would break their keys.

    It takes the setting between transactions only, so it is told past SQLAlchemy, which would begin one.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


def _check_foreign_keys(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if broken:
            raise RuntimeError(f"The migration would leave rows that point nowhere: {broken[:5]}")


def _render(kind: str, item: Any, _context: Any) -> str | bool:
    # A migration must not change when the application's own types do.
    if kind == "type" and type(item).__name__ == "UTCDateTime":
        return "sa.DateTime(timezone=True)"
    return False


def _refuse(*_args: Any) -> None:
    raise RuntimeError("Migrations need the database: run them without --sql.")


(_refuse if context.is_offline_mode() else run)()
