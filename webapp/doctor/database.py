"""Whether what was committed is safe, and nothing can be unsaid."""

import shutil
from pathlib import Path

from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from webapp import postgresql
from webapp.doctor.findings import Finding, ok, problem
from webapp.extensions import db
from webapp.models import APPEND_ONLY

LEAST_FREE_BYTES = 50 * 1024 * 1024
SETTINGS = {
    "sqlite": {"PRAGMA journal_mode": {"wal"}, "PRAGMA synchronous": {"2", "3"}},  # FULL or EXTRA
    "postgresql": {
        "SHOW fsync": {"on"},
        "SHOW synchronous_commit": {"on", "remote_apply", "remote_write", "local"},
    },
}
TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    # Neither switched off nor left to replicas.
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A')",
}


def examine() -> list[Finding]:
    """Return how the database is, or that it cannot be reached."""
    try:
        return [reached(), migrated(), _durable(), _append_only(), disk()]
    except SQLAlchemyError as error:
        db.session.rollback()
        return [unreachable(error), disk()]


def reached() -> Finding:
    """Tell that the database answers.

    :raise SQLAlchemyError: it does not
    """
    db.session.execute(text("SELECT 1"))
    return ok("database", "It answers.")


def unreachable(error: SQLAlchemyError) -> Finding:
    """Say that the database cannot be read; the error's own words may hold its address."""
    if told := postgresql.remedy(error):
        return problem("database", told)
    return problem(
        "database",
        f"The database cannot be read ({type(getattr(error, 'orig', None) or error).__name__}).",
        "Check DATABASE_URL, and that the database runs and lets the shop in.",
    )


def migrated() -> Finding:
    """Tell whether the tables are those of this release."""
    is_known = inspect(db.session.connection()).has_table("alembic_version")
    at = db.session.scalar(text("SELECT version_num FROM alembic_version")) if is_known else None
    head = ScriptDirectory(current_app.extensions["migrate"].directory).get_current_head()
    if at == head:
        return ok("migrations", "The tables are those of this release.")
    if not _may_create():
        return problem("migrations", "The database is not migrated.", postgresql.REMEDIES["42501"])
    return problem("migrations", "The database is not migrated.", "Run flask --app webapp release.")


def disk() -> Finding:
    """Tell whether there is room for what people buy."""
    file = db.engine.url.database if db.engine.dialect.name == "sqlite" else None
    free = shutil.disk_usage(Path(file).parent if file else "/").free
    if free > LEAST_FREE_BYTES:
        return ok("disk", "There is room.")
    return problem("disk", f"Only {free // 2**20} MiB are free.", "Make room before payments are refused.")


def _may_create() -> bool:
    """Tell whether a release can make the tables; since PostgreSQL 15 not everybody may."""
    if db.engine.dialect.name != "postgresql":
        return True
    return bool(db.session.scalar(text("SELECT has_schema_privilege(current_schema(), 'CREATE')")))


def _durable() -> Finding:
    wrong = []
    for question, good in SETTINGS[db.engine.dialect.name].items():
        answer = str(db.session.scalar(text(question)))
        if answer not in good:
            wrong.append(f"{question.partition(' ')[2]} is {answer}")
    if not wrong:
        return ok("durability", "What is committed survives a power cut.")
    return problem(
        "durability",
        f"Committed payments may be lost in a power cut: {', '.join(wrong)}.",
        "On PostgreSQL switch fsync and synchronous_commit on; keep a SQLite file on a disk of the machine.",
    )


def _append_only() -> Finding:
    events = ("change",) if db.engine.dialect.name == "postgresql" else ("update", "delete")
    wanted = {f"{table}_no_{event}" for table in APPEND_ONLY for event in events}
    missing = wanted - set(db.session.scalars(text(TRIGGERS[db.engine.dialect.name])))
    if not missing:
        return ok("append-only", "The ledger refuses to be changed.")
    return problem(
        "append-only",
        f"The ledger can be changed: {', '.join(sorted(missing))} is missing or off.",
        "Find out who removed it, compare with the statement (flask --app webapp reconcile), and restore the "
        "triggers from a backup's schema or enable them again.",
    )
