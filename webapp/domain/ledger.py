"""The append-only ledger, and the function that turns it into access."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from webapp.extensions import db, insert_once
from webapp.models import LedgerEntry

# Among entries of the same second: what gives comes before what takes.
ORDER = {"charge": 0, "grant": 1, "suspension": 2, "restoration": 3, "refund": 4, "revocation": 5}


@dataclass(frozen=True)
class Access:
    """What a person may open, from when, and until when (None: for ever)."""

    since: datetime
    until: datetime | None


def lock(telegram_id: int) -> None:
    """Make every other transaction about this person wait until this one ends.

    Two payments of one person at the same moment would otherwise each fold a ledger without
    the other. SQLite needs nothing here: it has one writer at a time.
    """
    if db.engine.dialect.name == "postgresql":
        db.session.execute(select(func.pg_advisory_xact_lock(telegram_id)))


def add(entry: LedgerEntry) -> bool:
    """Append an entry; False when this charge or refund is already in the ledger."""
    facts = {
        "telegram_id": entry.telegram_id,
        "kind": entry.kind,
        "charge_id": entry.charge_id,
        "stars": entry.stars or 0,
        "title": entry.title or "",
        "keys": entry.keys or [],
        "pass_days": entry.pass_days,
        "occurred_at": entry.occurred_at,
        "recorded_at": entry.recorded_at,
        "cause": entry.cause,
    }
    return insert_once(LedgerEntry, facts, returning="id") is not None


def of(telegram_id: int) -> list[LedgerEntry]:
    """Return everything the ledger says about a person, oldest first."""
    entries = db.session.scalars(select(LedgerEntry).where(LedgerEntry.telegram_id == telegram_id))
    return sorted(entries, key=_moment)


def fold(entries: Iterable[LedgerEntry], at: datetime | None = None) -> dict[str, Access]:
    """Return the access that these entries give, by entitlement key, whatever their order.

    A charge that was refunded counts as if it had never been; one whose refund is pending is
    left out until the refund fails. Passes bought while one runs are added to its end.

    :param at: leave out what happened later than this moment
    """
    known = [entry for entry in entries if at is None or entry.occurred_at <= at]
    void = _refunded(known) | _suspended(known)
    access: dict[str, Access] = {}
    for entry in sorted(known, key=_moment):
        if entry.kind in {"charge", "grant"} and entry.charge_id not in void:
            for key in entry.keys:
                access[key] = _extended(access.get(key), entry)
        elif entry.kind == "revocation":
            for key in entry.keys:
                access.pop(key, None)
    return access


def _moment(entry: LedgerEntry) -> tuple[datetime, int, str, str]:
    # Never the row's id: it tells the order of arrival, which Telegram does not keep.
    return entry.occurred_at, ORDER[entry.kind], entry.charge_id or "", entry.cause


def _refunded(entries: list[LedgerEntry]) -> set[str | None]:
    return {entry.charge_id for entry in entries if entry.kind == "refund"}


def _suspended(entries: list[LedgerEntry]) -> set[str | None]:
    balance: dict[str | None, int] = {}
    for entry in entries:
        step = {"suspension": 1, "restoration": -1}.get(entry.kind, 0)
        balance[entry.charge_id] = balance.get(entry.charge_id, 0) + step
    return {charge_id for charge_id, count in balance.items() if count > 0}


def _extended(access: Access | None, entry: LedgerEntry) -> Access:
    running = access is not None and (access.until is None or access.until > entry.occurred_at)
    since = access.since if access and running else entry.occurred_at
    if entry.pass_days is None or (access and running and access.until is None):
        return Access(since, None)
    begin = access.until if access and running and access.until else entry.occurred_at
    return Access(since, begin + timedelta(days=entry.pass_days))
