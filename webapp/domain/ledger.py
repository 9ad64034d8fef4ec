"""The append-only ledger, and the function that turns it into access."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select

from webapp.domain import access
from webapp.domain.access import Access
from webapp.extensions import db, insert_once
from webapp.models import LedgerEntry

# Among entries of the same second: what gives comes before what takes.
ORDER = {"charge": 0, "grant": 1, "suspension": 2, "restoration": 3, "refund": 4, "revocation": 5}


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
        "paid_until": entry.paid_until,
        "grace_days": entry.grace_days or 0,
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
    left out until the refund fails. What was revoked counts no more; what came later does.

    :param at: leave out what happened later than this moment
    """
    known = [entry for entry in entries if at is None or entry.occurred_at <= at]
    void = _refunded(known) | _suspended(known)
    grants: dict[str, list[LedgerEntry]] = {}
    for entry in sorted(known, key=_moment):
        if entry.kind in {"charge", "grant"} and entry.charge_id not in void:
            for key in entry.keys:
                grants.setdefault(key, []).append(entry)
        elif entry.kind == "revocation":
            for key in entry.keys:
                grants.pop(key, None)
    return {key: access.covered(given) for key, given in grants.items()}


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
