"""What people may open: a cache of the ledger, kept with it and rebuildable from it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from sqlalchemy import delete, func, insert, select

from webapp.db.engine import db
from webapp.db.models import Entitlement, LedgerEntry
from webapp.db.writes import Insertion, Write, write
from webapp.domain.access import access, ledger, signals
from webapp.domain.access.access import Access
from webapp.domain.access.ledger import Entry
from webapp.domain.access.signal_facts import NOTHING, Sold

PEOPLE_AT_ONCE = 200  # each of them a lock, and a small database has some hundreds
REPLACE = 'ON CONFLICT (telegram_id, "key") DO UPDATE SET since = excluded.since, until = excluded.until'


def of(telegram_id: int) -> dict[str, Entitlement]:
    """Return a person's entitlements by key, those that ended included."""
    rows = select(Entitlement).where(Entitlement.telegram_id == telegram_id)
    # Written past the session's identity map, so what it remembers may be old.
    fresh = db.session.scalars(rows, execution_options={"populate_existing": True})
    return {row.key: row for row in fresh}


def has(telegram_id: int, key: str, now: datetime) -> bool:
    """Tell whether a person may open what the key guards."""
    entitlement = db.session.get(Entitlement, (telegram_id, key), populate_existing=True)
    return entitlement is not None and entitlement.is_active(now)


def owns_for_ever(telegram_id: int, keys: list[str]) -> bool:
    """Tell whether nothing is left to buy: every key is held without an end."""
    return access.is_complete(of(telegram_id), keys)


def book(*entries: LedgerEntry, sold: Sold = NOTHING) -> bool:
    """Append entries about a person to the ledger, and make what they may open and the plug-in follow.

    :param entries: of one kind and one moment
    :return: False when all of them are in the ledger already
    """
    telegram_id = entries[0].telegram_id
    before = ledger.of(telegram_id) if signals.listened() else []
    booked = [entry for entry in entries if ledger.add(entry)]
    if not booked:
        return False
    refresh(telegram_id)
    write(*signals.additions(before, booked, sold))
    return True


def refresh(telegram_id: int) -> None:
    """Make a person's entitlements say what the ledger says."""
    given = ledger.fold(ledger.of(telegram_id))
    cached = of(telegram_id)
    for key in cached.keys() - given.keys():
        _drop(telegram_id, key)
    for key, fact in given.items():
        known = cached.get(key)
        if known is None or (known.since, known.until) != (fact.since, fact.until):
            write(_row(telegram_id, key, fact))


def additions(
    entries: Sequence[Entry], before: Mapping[str, Access], entry: LedgerEntry, sold: Sold
) -> list[Write]:
    """Return what adds to a person's entitlements that which one more entry gives, and tells the plug-in.

    :param entries: all others about this person
    :param before: the access that those give
    """
    after = ledger.fold([*entries, entry])
    changed = [_row(entry.telegram_id, key, fact) for key, fact in after.items() if before.get(key) != fact]
    return [*changed, *signals.additions(entries, [entry], sold)]


def batches() -> Iterator[list[int]]:
    """Return everybody of whom the ledger or the cache knows, some at a time, by their Telegram ids."""
    last = 0
    while people := _people_after(last):
        yield people
        last = people[-1]


def differences(people: Collection[int] | None = None) -> list[tuple[int, str]]:
    """Return every (person, key) whose cached entitlement is not what the ledger says, in order.

    :param people: only theirs
    """
    if people is None:
        return [place for some in batches() for place in differences(some)]
    cached = select(Entitlement).where(Entitlement.telegram_id.in_(people))
    fresh = db.session.scalars(cached, execution_options={"populate_existing": True})
    told = {(row.telegram_id, row.key): (row.since, row.until) for row in fresh}
    meant = {place: (fact.since, fact.until) for place, fact in _meant(people).items()}
    return sorted(place for place in told.keys() | meant.keys() if told.get(place) != meant.get(place))


def sample(size: int, *, place: float) -> set[int]:
    """Return some people who have entitlements or should have, at most four times the size.

    :param place: where among the Telegram ids to begin, from 0 for the lowest to 1 for the highest
    """
    bounds = select(func.min(LedgerEntry.telegram_id), func.max(LedgerEntry.telegram_id))
    lowest, highest = db.session.execute(bounds).one()
    beginning = int((lowest or 0) + place * ((highest or 0) - (lowest or 0)))
    people: set[int] = set()
    for column in (LedgerEntry.telegram_id, Entitlement.telegram_id):
        for part in (column >= beginning, column < beginning):
            some = select(column).where(part).distinct().order_by(column).limit(size)
            people.update(db.session.scalars(some))
    return people


def rebuild(people: Collection[int]) -> int:
    """Drop these people's entitlements, write them anew from the ledger, and return how many there are.

    They can pay again when the transaction ends: one for each of the :func:`batches`.
    """
    ledger.lock_all(people)
    db.session.execute(delete(Entitlement).where(Entitlement.telegram_id.in_(people)))
    rows = [
        {"telegram_id": telegram_id, "key": key, "since": fact.since, "until": fact.until}
        for (telegram_id, key), fact in _meant(people).items()
    ]
    if rows:
        db.session.execute(insert(Entitlement.__table__), rows)  # type: ignore[arg-type]
    return len(rows)


def _people_after(telegram_id: int) -> list[int]:
    """Return the next people by their ids."""
    found: set[int] = set()
    for column in (LedgerEntry.telegram_id, Entitlement.telegram_id):
        some = select(column).where(column > telegram_id).distinct().order_by(column).limit(PEOPLE_AT_ONCE)
        found.update(db.session.scalars(some))
    return sorted(found)[:PEOPLE_AT_ONCE]


def _meant(people: Collection[int]) -> dict[tuple[int, str], Access]:
    """Return what the ledger gives these people, by person and key."""
    entries = db.session.scalars(
        select(LedgerEntry).where(LedgerEntry.telegram_id.in_(people)).order_by(LedgerEntry.telegram_id)
    )
    return {
        (telegram_id, key): fact
        for telegram_id, own in groupby(entries, key=attrgetter("telegram_id"))
        for key, fact in ledger.fold(own).items()
    }


def _drop(telegram_id: int, key: str) -> None:
    db.session.execute(
        delete(Entitlement).where(Entitlement.telegram_id == telegram_id, Entitlement.key == key)
    )


def _row(telegram_id: int, key: str, fact: Access) -> Write:
    facts = {"telegram_id": telegram_id, "key": key, "since": fact.since, "until": fact.until}
    return Insertion(Entitlement, facts, "key", REPLACE)
