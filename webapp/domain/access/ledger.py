"""The append-only ledger, and the function that turns it into access."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

from sqlalchemy import bindparam, func, select

from webapp.db.engine import db
from webapp.db.models import LedgerEntry, TelegramId
from webapp.db.writes import UNLESS_THERE, Insertion, Write, run, write
from webapp.domain.access import access
from webapp.domain.access.access import Access, Grant

# Among entries of the same second: what gives comes before what takes.
ORDER = {"charge": 0, "grant": 1, "suspension": 2, "restoration": 3, "refund": 4, "revocation": 5}
# Built once: building a query takes longer than running it.
LOCK = select(func.pg_advisory_xact_lock(bindparam("telegram_id", type_=TelegramId())))
OF_PERSON = select(LedgerEntry).where(LedgerEntry.telegram_id == bindparam("telegram_id"))


class Entry(Grant, Protocol):
    """What folding has to know of an entry of the ledger."""

    @property
    def kind(self) -> str: ...
    @property
    def charge_id(self) -> str | None: ...
    @property
    def keys(self) -> list[str]: ...
    @property
    def cause(self) -> str: ...


def lock(telegram_id: int) -> None:
    """Make every other transaction about this person wait until this one ends.

    Two payments of one person at the same moment would otherwise each fold a ledger without
    the other. SQLite needs nothing here: it has one writer at a time.
    """
    if db.engine.dialect.name == "postgresql":
        run(LOCK, {"telegram_id": telegram_id})


def lock_all(people: Collection[int]) -> None:
    """Do the same for several people at once, in one order, so that no two wait for each other."""
    for telegram_id in sorted(people):
        lock(telegram_id)


def add(entry: LedgerEntry) -> bool:
    """Append an entry; False when this charge or refund is already in the ledger."""
    return write(addition(entry))[0] is not None


def addition(entry: LedgerEntry) -> Write:
    """Return what appends an entry."""
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
    return Insertion(LedgerEntry, facts, "id", UNLESS_THERE)


def of(telegram_id: int) -> list[LedgerEntry]:
    """Return everything the ledger says about a person, oldest first."""
    return sorted(db.session.scalars(OF_PERSON, {"telegram_id": telegram_id}), key=_moment)


def fold(entries: Iterable[Entry], at: datetime | None = None) -> dict[str, Access]:
    """Return the access that these entries give, by entitlement key, whatever their order.

    A charge that was refunded counts as if it had never been; one whose refund is pending is
    left out until the refund fails. What was revoked counts no more; what came later does. A revocation
    that names a charge takes that alone, whenever either of them happened.

    :param at: leave out what happened later than this moment
    """
    known = [entry for entry in entries if at is None or entry.occurred_at <= at]
    void, taken = refunded(known) | suspended(known), revoked(known)
    grants: dict[str, list[Entry]] = {}
    for entry in sorted(known, key=_moment):
        if entry.kind in {"charge", "grant"} and entry.charge_id not in void:
            for key in entry.keys:
                if (entry.charge_id, key) not in taken:
                    grants.setdefault(key, []).append(entry)
        elif entry.kind == "revocation" and not entry.charge_id:
            for key in entry.keys:
                grants.pop(key, None)
    return {key: access.covered(given) for key, given in grants.items()}


def refunded(entries: Iterable[Entry]) -> set[str | None]:
    """Return the charges that were given back."""
    return {entry.charge_id for entry in entries if entry.kind == "refund"}


def revoked(entries: Iterable[Entry]) -> set[tuple[str | None, str]]:
    """Return what was taken back by name, as charge and key."""
    named = (one for one in entries if one.kind == "revocation" and one.charge_id)
    return {(one.charge_id, key) for one in named for key in one.keys}


def giving(entries: Collection[LedgerEntry], key: str) -> list[str]:
    """Return the charges and grants that give a key, or will once a refund of theirs is refused."""
    void, taken = refunded(entries), revoked(entries)
    given = (one for one in entries if one.kind in {"charge", "grant"} and key in one.keys)
    standing = (one.charge_id for one in given if one.charge_id not in void)
    return sorted({one for one in standing if one and (one, key) not in taken})


def suspended(entries: Iterable[Entry]) -> set[str | None]:
    """Return the charges that give nothing while their refund is under way."""
    balance: dict[str | None, int] = {}
    for entry in entries:
        step = {"suspension": 1, "restoration": -1}.get(entry.kind, 0)
        balance[entry.charge_id] = balance.get(entry.charge_id, 0) + step
    return {charge_id for charge_id, count in balance.items() if count > 0}


def _moment(entry: Entry) -> tuple[datetime, int, str, str]:
    # Never the row's id: it tells the order of arrival, which Telegram does not keep.
    return entry.occurred_at, ORDER[entry.kind], entry.charge_id or "", entry.cause
