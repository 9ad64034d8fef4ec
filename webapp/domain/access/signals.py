"""Signals: facts about access, refunds and people for a plug-in, written in one transaction with each fact.

A row waits until the plug-in has taken it, so that each fact arrives at least once. Access that ends by
its date is no signal, since ``until`` has told that date; nor is the suspension while Telegram is asked to
give Stars back, since only its answer decides.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Select, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from webapp.db import retried
from webapp.db.engine import db
from webapp.db.models import LedgerEntry, Signal
from webapp.db.retried import Retries
from webapp.db.writes import UNLESS_THERE, Insertion, Write, write
from webapp.domain.access import signal_facts
from webapp.domain.access.ledger import Entry
from webapp.domain.access.signal_facts import Facts, Sold

NAMES = ("purchase_granted", "access_extended", "access_revoked", "refunded", "person_forgotten")
# 440 tries take three days at that pause; then a signal waits for the owner.
RETRIES = Retries(Signal, longest_pause_seconds=600, most_attempts=440)
# So often a signal may fail, within a minute if it does so at once, and a person's later ones wait for it.
ATTEMPTS_IN_ORDER = 5
LATE = timedelta(minutes=5)  # what has waited for so long is worth a word


class SignalError(ValueError):
    """No such signal waits; the sentence says which."""


@dataclass(frozen=True)
class Backlog:
    """Signals of one name that the plug-in has not taken."""

    name: str
    count: int
    since: datetime
    error: str | None
    is_given_up: bool  # one of them at least


def listen(names: Iterable[str]) -> None:
    """Write signals of these names from now on in this process, and no others.

    Kept with the engine, which is the application's: a shop without a plug-in pays nothing for this.
    """
    db.engine.update_execution_options(signals=frozenset(names))


def listened() -> frozenset[str]:
    """Return the names of the signals for which the plug-in has receivers."""
    names: frozenset[str] = db.engine.get_execution_options().get("signals", frozenset())
    return names


def additions(entries: Sequence[Entry], booked: Sequence[LedgerEntry], sold: Sold) -> list[Write]:
    """Return what tells the plug-in of entries that are being booked, as far as it listens.

    :param entries: all others about this person
    :param booked: of one kind and one moment
    """
    wanted = listened()
    if not wanted:
        return []
    now = booked[0].recorded_at
    told = signal_facts.told(entries, booked, sold, now)
    return [_row(name, facts, now) for name, facts in told if name in wanted]


def tell_forgotten(telegram_id: int, now: datetime) -> None:
    """Have the plug-in erase what it keeps of a person, as far as it listens."""
    if "person_forgotten" in listened():
        write(_row("person_forgotten", signal_facts.nothing_of(telegram_id, now), now))


def is_due(now: datetime) -> bool:
    """Tell whether a signal waits to be handed over."""
    return db.session.scalar(_due(now).limit(1)) is not None


def claim(now: datetime) -> Signal | None:
    """Take the next signal, and count the attempt before it is made.

    So a receiver that kills its process is met again after a pause, not at each start. One holder of the
    duty at a time claims; it takes a person's signals in their order.
    """
    row_id = db.session.scalar(_due(now).order_by(Signal.next_attempt_at, Signal.id).limit(1))
    if row_id is None:
        return None
    signal = db.session.get_one(Signal, row_id, populate_existing=True)
    signal.attempts += 1
    signal.next_attempt_at = RETRIES.next_attempt_at(signal.attempts, now)
    db.session.flush()
    return signal


def taken(signal: Signal) -> None:
    """Be done with a signal that every receiver has taken."""
    db.session.execute(delete(Signal).where(Signal.id == signal.id))


def failed(signal: Signal, error: str, taken_by: Collection[str], now: datetime) -> None:
    """Have a signal handed over again later, or give it up after its last attempt.

    :param taken_by: the receivers that have taken it, and hear of it no more
    """
    again = update(Signal).where(Signal.id == signal.id)
    db.session.execute(
        again.values(
            error=error[:255],
            taken_by=sorted(taken_by),
            next_attempt_at=RETRIES.next_attempt_at(signal.attempts, now),
            failed_at=now if RETRIES.is_last(signal.attempts) else None,
        )
    )


def waiting(limit: int) -> list[Signal]:
    """Return the signals that were not taken, the oldest first."""
    query = select(Signal).order_by(Signal.id).limit(limit)
    return list(db.session.scalars(query, execution_options={"populate_existing": True}))


def backlogs(now: datetime) -> list[Backlog]:
    """Return what the plug-in has failed to take, or not taken for minutes, by name."""
    facts = func.count(), func.min(Signal.created_at), func.max(Signal.error), func.max(Signal.failed_at)
    query = (
        select(Signal.name, *facts)
        .where(or_(Signal.error.is_not(None), Signal.created_at < now - LATE))
        .group_by(Signal.name)
        .order_by(Signal.name)
    )
    return [
        Backlog(name, count, since, error, failed_at is not None)
        for name, count, since, error, failed_at in db.session.execute(query)
    ]


def failing_since() -> datetime | None:
    """Return when the oldest signal was written that the plug-in has failed to take."""
    return db.session.scalar(select(func.min(Signal.created_at)).where(Signal.error.is_not(None)))


def retry(ids: Collection[int] | None, now: datetime) -> int:
    """Have signals handed over again at once, all of these or none, and return how many they are.

    :param ids: None for all there are
    :raise SignalError: one of them does not wait
    """
    again = update(Signal).values(failed_at=None, **retried.afresh(now))
    if ids is not None:
        _check(ids)
        again = again.where(Signal.id.in_(ids))
    return cast(CursorResult[Any], db.session.execute(again)).rowcount


def dismiss(ids: Collection[int]) -> list[Signal]:
    """Take signals away that the plug-in is never to hear of, all of them or none, and return them.

    :raise SignalError: one of them does not wait
    """
    found = _check(ids)
    db.session.execute(delete(Signal).where(Signal.id.in_(ids)))
    return found


def _row(name: str, facts: Facts, now: datetime) -> Write:
    row = {
        "dedupe_key": facts.id,
        "name": name,
        "telegram_id": facts.telegram_id,
        "facts": asdict(facts),
        "created_at": now,
        "next_attempt_at": now,
        "attempts": 0,
        "taken_by": [],
    }
    return Insertion(Signal, row, "id", UNLESS_THERE)


def _due(now: datetime) -> Select[tuple[int]]:
    """Return the signals whose turn it is, each behind those of the same person before it."""
    names, before = sorted(listened()), aliased(Signal)
    holds_back = exists().where(
        before.telegram_id == Signal.telegram_id,
        before.id < Signal.id,
        before.attempts < ATTEMPTS_IN_ORDER,
        before.failed_at.is_(None),
        before.name.in_(names),
    )
    return select(Signal.id).where(_is_standing(names, now), ~holds_back)


def _is_standing(names: Collection[str], now: datetime) -> ColumnElement[bool]:
    return and_(Signal.failed_at.is_(None), Signal.name.in_(names), RETRIES.is_due(now))


def _check(ids: Collection[int]) -> list[Signal]:
    found = list(db.session.scalars(select(Signal).where(Signal.id.in_(ids))))
    missing = sorted(set(ids) - {signal.id for signal in found})
    if missing:
        raise SignalError(f"No signal {missing[0]} waits: signals list shows those that do.")
    return found
