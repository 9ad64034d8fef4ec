"""What entries of the ledger mean to an owner's plug-in: the names and facts of their signals."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from webapp.db.models import LedgerEntry
from webapp.domain.access import ledger
from webapp.domain.access.access import Access
from webapp.domain.access.ledger import Entry


@dataclass(frozen=True)
class Sold:
    """What the ledger's entries do not say of what they give or take."""

    product: str | None = None  # its slug
    stars: int = 0  # that moved
    is_renewal: bool = False


NOTHING = Sold()


@dataclass(frozen=True)
class Facts:
    """What a receiver is told; plain values, which JSON can hold."""

    id: str  # the same at each repeat
    telegram_id: int
    charge_id: str | None  # Telegram's, or what names a grant of the owner's
    product: str | None
    keys: list[str]  # that were given, or of which something was taken
    until: dict[str, str | None]  # those of the keys that are open now, and until when; None: for good
    stars: int
    occurred_at: str


def told(
    entries: Sequence[Entry], booked: Sequence[LedgerEntry], sold: Sold, now: datetime
) -> Iterator[tuple[str, Facts]]:
    """Return what entries mean to a plug-in, by the signal's name."""
    kind, after = booked[0].kind, ledger.fold([*entries, *booked])
    if kind in {"charge", "grant"}:
        yield _given(ledger.fold(entries), after, booked[0], sold)
    if kind == "refund":
        yield _refunded(entries, after, booked[0], sold, now)
    if kind in {"refund", "revocation"}:
        yield from _revoked(entries, after, booked, sold, now)


def _given(
    before: Mapping[str, Access], after: Mapping[str, Access], entry: LedgerEntry, sold: Sold
) -> tuple[str, Facts]:
    """Return what a person got: something that was not open, or more time of what was."""
    was_open = all(_is_open(before.get(key), entry.occurred_at) for key in entry.keys)
    name = "access_extended" if sold.is_renewal or was_open else "purchase_granted"
    told_later = f":{entry.paid_until.isoformat()}" if entry.kind == "grant" and entry.paid_until else ""
    until = {key: after[key] for key in entry.keys if key in after}
    return name, _facts(f"{entry.kind}:{entry.charge_id}{told_later}", entry, entry.keys, until, sold)


def _refunded(
    entries: Iterable[Entry], after: Mapping[str, Access], entry: LedgerEntry, sold: Sold, now: datetime
) -> tuple[str, Facts]:
    gave = [one for one in entries if one.charge_id == entry.charge_id and one.kind in {"charge", "grant"}]
    keys = sorted({key for one in gave for key in one.keys})
    left = {key: after[key] for key in keys if _is_open(after.get(key), now)}
    return "refunded", _facts(f"refunded:{entry.charge_id}", entry, keys, left, sold)


def _revoked(
    entries: Iterable[Entry],
    after: Mapping[str, Access],
    booked: Sequence[LedgerEntry],
    sold: Sold,
    now: datetime,
) -> Iterator[tuple[str, Facts]]:
    """Return what a person lost: all access to a key, or some of its time.

    Held against what they would have now without the suspension, of which nobody was told.
    """
    named, pending = {one.charge_id for one in booked}, {"suspension", "restoration"}
    before = ledger.fold(one for one in entries if one.kind not in pending or one.charge_id not in named)
    lost = {
        key for key, access in before.items() if _is_open(access, now) and _is_less(after.get(key), access)
    }
    if lost:
        left = {key: after[key] for key in lost if _is_open(after.get(key), now)}
        key = f":{booked[0].keys[0]}" if booked[0].kind == "revocation" else ""
        dedupe_key = f"revoked:{booked[0].charge_id}{key}"
        yield "access_revoked", _facts(dedupe_key, booked[0], sorted(lost), left, Sold(sold.product))


def _is_less(after: Access | None, before: Access) -> bool:
    return after is None or after.until != before.until


def _is_open(access: Access | None, at: datetime) -> bool:
    return access is not None and (access.until is None or access.until > at)


def nothing_of(telegram_id: int, now: datetime) -> Facts:
    return Facts(
        id=f"forgotten:{telegram_id}:{now.isoformat()}",
        telegram_id=telegram_id,
        charge_id=None,
        product=None,
        keys=[],
        until={},
        stars=0,
        occurred_at=now.isoformat(),
    )


def _facts(
    dedupe_key: str, entry: LedgerEntry, keys: list[str], until: Mapping[str, Access], sold: Sold
) -> Facts:
    return Facts(
        id=dedupe_key,
        telegram_id=entry.telegram_id,
        charge_id=entry.charge_id,
        product=sold.product,
        keys=keys,
        until={key: access.until.isoformat() if access.until else None for key, access in until.items()},
        stars=sold.stars,
        occurred_at=entry.occurred_at.isoformat(),
    )
