"""Whether what was committed is safe, and nothing can be unsaid."""

import shutil
from ipaddress import ip_address
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from webapp.config import Config
from webapp.db import postgresql
from webapp.db.engine import db
from webapp.db.models import APPEND_ONLY
from webapp.db.remedies import remedy
from webapp.host import capacity, disks
from webapp.ops.doctor.findings import Finding, ok, problem, warning
from webapp.shop import migrations

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
    if told := remedy(error):
        return problem("database", "The database cannot be used as it is.", told)
    return problem(
        "database",
        f"The database cannot be read ({type(getattr(error, 'orig', None) or error).__name__}).",
        "Check DATABASE_URL, and that the database is running and lets the shop in.",
    )


def migrated() -> Finding:
    """Tell whether the tables are those of this release."""
    if migrations.applied() == migrations.heads():
        return ok("migrations", "The tables match this release.")
    if not _may_create():
        return problem("migrations", "The database is not migrated.", postgresql.REMEDIES["42501"])
    if gone := migrations.unknown():
        return problem("migrations", "The database is ahead of the files.", migrations.told_unknown(gone))
    return problem("migrations", "The database is not migrated.", "Run flask --app webapp release.")


def disk() -> Finding:
    """Tell whether there is room for what people buy."""
    file = db.engine.url.database if db.engine.dialect.name == "sqlite" else None
    free = shutil.disk_usage(Path(file).parent if file else "/").free
    if free > LEAST_FREE_BYTES:
        return ok("disk", "There is enough space.")
    return problem("disk", f"Only {free // 2**20} MiB is free.", "Free up space before payments are refused.")


def connections(config: Config) -> list[Finding]:
    """Return whether the database has enough connections for the web workers and the bot."""
    if db.engine.dialect.name != "postgresql":
        return []
    most = capacity.limit(tuple(db.session.execute(text(capacity.LIMITS)).one()))
    workers = config.web_workers or capacity.fitting(most)
    needed = capacity.connections_for(workers)
    told = f"{workers} web worker{'s' if workers > 1 else ''}, the bot and your commands use up to {needed}"
    if needed <= most:
        return [ok("connections", f"{told} of the database's {most} connections.")]
    fewer = capacity.fitting(most)
    change = f"Set WEB_CONCURRENCY to {fewer}" if fewer < workers else "Choose a larger plan"
    return [
        warning(
            "connections",
            f"{told} connections, but the database has only {most}: pages fail when many people buy.",
            f"{change}, or raise the database's limit.",
        )
    ]


def encrypted() -> list[Finding]:
    """Return whether nobody on the way can read what the database is told."""
    if db.engine.dialect.name != "postgresql":
        return []
    wire = db.session.connection().connection.driver_connection.pgconn  # type: ignore[union-attr]
    return [encryption((wire.hostaddr or b"").decode(), is_encrypted=bool(wire.ssl_in_use))]


def encryption(address: str, *, is_encrypted: bool) -> Finding:
    """Judge a connection; a private network and a socket of the machine need no TLS.

    :param address: the server's IP address, or nothing for a socket
    """
    if is_encrypted or not (address and ip_address(address).is_global):
        return ok("encryption", "Nobody along the way can read what goes to the database.")
    return warning(
        "encryption",
        f"What people buy goes to the database at {address} unencrypted.",
        "Add ?sslmode=require to DATABASE_URL, or &sslmode=require if it already has a question mark.",
    )


def lasting(config: Config) -> list[Finding]:
    """Return what hinders a SQLite file in production: its disk may not last, web and bot have one each."""
    file = disks.file_of(config.database_url)
    if file is None or config.app_env != "production":
        return []
    is_kept = config.sqlite_disk_is_kept or disks.has_outlasted(file)
    missing = disks.missing_process(file)
    return [*([] if is_kept else [_unproved()]), *([_apart(missing)] if missing else [])]


def _unproved() -> Finding:
    return warning(
        "kept disk",
        "The shop can't tell whether the SQLite file's disk lasts: many hosts wipe it at each restart, and "
        "every purchase with it.",
        "Set SQLITE_DISK_IS_KEPT=1 if it is your own machine's or a persistent volume; if not, set "
        "DATABASE_URL to a PostgreSQL database.",
    )


def _apart(missing: str) -> Finding:
    name = {"web": "web process", "bot": "bot"}[missing]
    return problem(
        "shared disk",
        f"No {name} has started on this SQLite file: it is not running, or uses another file.",
        "Run both on one machine, on one disk, with one DATABASE_URL, or set DATABASE_URL to a "
        "PostgreSQL database.",
    )


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
        return ok("durability", "Committed payments survive a power cut.")
    return problem(
        "durability",
        f"A power cut can lose committed payments: {', '.join(wrong)}.",
        "On PostgreSQL, turn fsync and synchronous_commit on; keep a SQLite file on a local disk.",
    )


def _append_only() -> Finding:
    events = ("change",) if db.engine.dialect.name == "postgresql" else ("update", "delete")
    wanted = {f"{table}_no_{event}" for table in APPEND_ONLY for event in events}
    missing = wanted - set(db.session.scalars(text(TRIGGERS[db.engine.dialect.name])))
    if not missing:
        return ok("append-only", "Nobody can change the ledger.")
    return problem(
        "append-only",
        f"The ledger can be changed: {', '.join(sorted(missing))} is missing or off.",
        "Find out who removed it, compare with the statement (flask --app webapp reconcile), and restore the "
        "triggers from a backup's schema or enable them again.",
    )
