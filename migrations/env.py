"""Run migrations on the application's own database, each in one transaction."""

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import text

LOCK = 7_373_787  # any number; two releases at once wait for each other
PATIENCE = "120s"


def run() -> None:
    engine = current_app.extensions["migrate"].db.engine
    with engine.connect() as connection:
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
                connection.execute(text(f"SET LOCAL statement_timeout = '{PATIENCE}'"))
                connection.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
                connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            context.run_migrations()


def _render(kind: str, item: Any, _context: Any) -> str | bool:
    # A migration must not change when the application's own types do.
    if kind == "type" and type(item).__name__ == "UTCDateTime":
        return "sa.DateTime(timezone=True)"
    return False


def _refuse(*_args: Any) -> None:
    raise RuntimeError("Migrations need the database: run them without --sql.")


(_refuse if context.is_offline_mode() else run)()
