"""Why something is open to a person, or is not: the ledger told entry by entry."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from webapp.db.models import LedgerEntry
from webapp.domain.access import ledger
from webapp.domain.access.access import Access

GIVING = frozenset({"charge", "grant"})
TAKING = {"suspension": "suspends", "restoration": "restores", "refund": "refunds", "revocation": "revokes"}


@dataclass(frozen=True)
class Step:
    """An entry of the ledger, and what it does to one entitlement today."""

    kind: str  # as in the ledger
    title: str
    occurred_at: datetime
    # Of what gives: opens, ended, revoked, refunded, suspended (its refund is under way), in_review where
    # nobody knows what it was for, or unclear where the owner found that out and a grant follows.
    # Of what takes: suspends, restores, refunds or revokes.
    effect: str
    cause: str  # as in the ledger
    charge_id: str | None
    stars: int
    pass_days: int | None
    paid_until: datetime | None
    grace_days: int


@dataclass(frozen=True)
class Explanation:
    """Why one entitlement is open to a person, or is not."""

    key: str  # "" for a payment that opens nothing
    access: Access | None
    is_open: bool
    verdict: str  # for_ever or until; else ended, revoked, refunded, suspended or in_review
    steps: tuple[Step, ...]


def explain(telegram_id: int, now: datetime) -> list[Explanation]:
    """Return the reasons for all that a person may open, or might expect to; what is open comes first.

    Nothing but the ledger is asked, so this cannot say anything else than what decides access.
    """
    entries = ledger.of(telegram_id)
    access = ledger.fold(entries)
    keys = sorted({key for entry in entries for key in entry.keys})
    explained = [_explained(key, entries, access.get(key), now) for key in keys]
    explained.sort(key=lambda one: not one.is_open)
    return explained + [_opens_nothing(entry, entries) for entry in entries if _gave_nothing(entry, entries)]


def lost(telegram_id: int, charge_id: str, now: datetime) -> dict[str, Access | None]:
    """Return what would be left of each open entitlement that a refund of this charge would end earlier."""
    entries = ledger.of(telegram_id)
    left = ledger.fold(entry for entry in entries if entry.charge_id != charge_id)
    return {
        key: left[key] if key in left and _is_open(left[key], now) else None
        for key, access in ledger.fold(entries).items()
        if _is_open(access, now) and (key not in left or left[key].until != access.until)
    }


def _explained(key: str, entries: list[LedgerEntry], access: Access | None, now: datetime) -> Explanation:
    charge_ids = {entry.charge_id for entry in entries if key in entry.keys} - {None}
    about = [
        entry
        for entry in entries
        if key in entry.keys or (entry.charge_id in charge_ids and entry.kind != "revocation")
    ]
    about.sort(key=_moment)
    steps = tuple(_step(entry, _effect(entry, key, entries, access, now)) for entry in about)
    is_open = access is not None and _is_open(access, now)
    return Explanation(key, access, is_open, _verdict(steps, access, is_open), steps)


def _moment(entry: LedgerEntry) -> tuple[datetime, int]:
    # Telegram tells whole seconds: a refund seems to come before our wish for it.
    return entry.occurred_at.replace(microsecond=0), ledger.ORDER[entry.kind]


def _effect(
    entry: LedgerEntry, key: str, entries: list[LedgerEntry], access: Access | None, now: datetime
) -> str:
    if entry.kind in TAKING:
        return TAKING[entry.kind]
    if void := _void(entry, entries):
        return void
    if key not in entry.keys:
        return "unclear"
    later = entries[entries.index(entry) :]
    is_taken = any(one.kind == "revocation" and not one.charge_id and key in one.keys for one in later)
    if is_taken or (entry.charge_id, key) in ledger.revoked(entries):
        return "revoked"
    # Cover is never interrupted between what gives it and its last day, so what was given before
    # the present stretch of access began is used up.
    is_spent = access is None or entry.occurred_at < access.since or not _is_open(access, now)
    return "ended" if is_spent else "opens"


def _void(entry: LedgerEntry, entries: Iterable[LedgerEntry]) -> str | None:
    if entry.charge_id in ledger.refunded(entries):
        return "refunded"
    return "suspended" if entry.charge_id in ledger.suspended(entries) else None


def _verdict(steps: Iterable[Step], access: Access | None, is_open: bool) -> str:
    if is_open:
        return "until" if access and access.until else "for_ever"
    effects = [step.effect for step in steps if step.kind in GIVING]
    # What is under way is what people want to know of; else what became of the last they had.
    return "suspended" if "suspended" in effects else (effects or ["revoked"])[-1]


def _gave_nothing(entry: LedgerEntry, entries: Iterable[LedgerEntry]) -> bool:
    if entry.kind != "charge" or entry.keys:
        return False
    # The owner may have found out meanwhile what a payment was for.
    return not any(one.keys for one in entries if one.charge_id == entry.charge_id)


def _opens_nothing(charge: LedgerEntry, entries: list[LedgerEntry]) -> Explanation:
    effect = _void(charge, entries) or "in_review"
    about = [one for one in entries if one.charge_id == charge.charge_id]
    steps = tuple(_step(one, TAKING.get(one.kind, effect)) for one in about)
    return Explanation("", None, False, effect, steps)


def _is_open(access: Access, now: datetime) -> bool:
    return access.until is None or now < access.until


def _step(entry: LedgerEntry, effect: str) -> Step:
    return Step(
        kind=entry.kind,
        title=entry.title,
        occurred_at=entry.occurred_at,
        effect=effect,
        cause=entry.cause,
        charge_id=entry.charge_id,
        stars=entry.stars,
        pass_days=entry.pass_days,
        paid_until=entry.paid_until,
        grace_days=entry.grace_days,
    )
