"""Messages to people: written with the fact they tell, sent after it is committed."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, or_, select, update

from webapp.db import retried
from webapp.db.engine import db
from webapp.db.models import OutboxMessage
from webapp.db.retried import Retries
from webapp.db.writes import UNLESS_THERE, Insertion, Write, write

RETRIES = Retries(OutboxMessage, longest_pause_seconds=600)
# What happened longer ago is no news: a shop rebuilt from Telegram's statement writes to nobody.
NEWS = timedelta(days=3)
OWNERS_NEWS = "news"  # the kind of what the owner tells many; see broadcasts
# Nobody's receipt waits behind these.
PATIENT = (
    *(OWNERS_NEWS, "owner_support", "owner_support_copy"),
    *("owner_sale", "owner_refunded", "owner_plan_stopped", "owner_renewal_failed", "owner_digest"),
)
_is_silent = ContextVar("is_silent", default=False)


def add(telegram_id: int, kind: str, facts: dict[str, Any], *, dedupe_key: str, now: datetime) -> bool:
    """Have a person told something, once for each dedupe key; False when they were told before."""
    return write(addition(telegram_id, kind, facts, dedupe_key=dedupe_key, now=now))[0] is not None


def addition(telegram_id: int, kind: str, facts: dict[str, Any], *, dedupe_key: str, now: datetime) -> Write:
    """Return what has a person told something."""
    message = {
        "telegram_id": telegram_id,
        "kind": kind,
        "facts": facts,
        "dedupe_key": dedupe_key,
        "created_at": now,
        "next_attempt_at": now,
        "attempts": 0,
    }
    return Insertion(OutboxMessage, message, "id", UNLESS_THERE)


def news(
    telegram_id: int,
    kind: str,
    facts: dict[str, Any],
    *,
    dedupe_key: str,
    happened_at: datetime,
    now: datetime,
) -> list[Write]:
    """Return what tells a person of something, as long as that is news."""
    if not is_news(happened_at, now):
        return []
    return [addition(telegram_id, kind, facts, dedupe_key=dedupe_key, now=now)]


def tell_owners(
    owner_ids: Iterable[int], kind: str, facts: dict[str, Any], *, about: str, now: datetime
) -> None:
    """Have every owner told something, once for each thing it is about."""
    for owner_id in owner_ids:
        add(owner_id, kind, facts, dedupe_key=f"{kind}:{owner_id}:{about}", now=now)


def note(telegram_id: int, kind: str, facts: dict[str, Any], *, dedupe_key: str, now: datetime) -> None:
    """Keep what a person did elsewhere and need not be told; its owners are."""
    if add(telegram_id, kind, facts, dedupe_key=dedupe_key, now=now):
        db.session.execute(
            update(OutboxMessage).where(OutboxMessage.dedupe_key == dedupe_key).values(sent_at=now)
        )


def is_news(happened_at: datetime, now: datetime) -> bool:
    """Tell whether people still want to hear of something."""
    return now - happened_at < NEWS and not _is_silent.get()


@contextmanager
def silence() -> Iterator[None]:
    """Make nothing news meanwhile: of what a lost database knew, people have heard."""
    token = _is_silent.set(True)
    try:
        yield
    finally:
        _is_silent.reset(token)


def is_due(now: datetime, *, patient: bool = True) -> bool:
    """Tell whether a message waits to be sent.

    :param patient: what has time counts, too
    """
    due = _due(now) if patient else _due(now).where(OutboxMessage.kind.not_in(PATIENT))
    return db.session.scalar(due.limit(1)) is not None


def waiting(kind: str) -> int:
    """Return how many messages of a kind are neither sent nor given up."""
    unsent = select(func.count()).where(
        OutboxMessage.sent_at.is_(None), OutboxMessage.failed_at.is_(None), OutboxMessage.kind == kind
    )
    return db.session.scalars(unsent).one()


def refusal(telegram_id: int) -> str | None:
    """Return why Telegram did not take the last message to a chat; None if it did."""
    settled = or_(OutboxMessage.sent_at.is_not(None), OutboxMessage.failed_at.is_not(None))
    last = select(OutboxMessage).where(OutboxMessage.telegram_id == telegram_id, settled)
    message = db.session.scalar(last.order_by(OutboxMessage.id.desc()).limit(1))
    return (message.error or "no reason given") if message and message.failed_at else None


def claim(limit: int, now: datetime, *, only: str = "") -> list[OutboxMessage]:
    """Take messages to send, what has time last; whoever dies with them loses them to another after 30 s.

    :param only: of this kind
    """
    urgency = OutboxMessage.kind.in_(PATIENT), OutboxMessage.next_attempt_at, OutboxMessage.id
    due = _due(now).order_by(*urgency).limit(limit)
    due = due.where(OutboxMessage.kind == only) if only else due
    return sorted(RETRIES.claim(due, now), key=lambda message: (message.kind in PATIENT, message.id))


def sent(message: OutboxMessage, now: datetime) -> None:
    """Note that Telegram took a message."""
    _update(message, sent_at=now, error=None)


def failed(message: OutboxMessage, error: str, now: datetime) -> None:
    """Give a message up: the person blocked the bot or is gone."""
    _update(message, failed_at=now, error=error[:255])


def revive(telegram_id: int, now: datetime) -> None:
    """Have sent what was given up for a person who lets the bot write now, as far as it is news."""
    given_up = update(OutboxMessage).where(
        OutboxMessage.telegram_id == telegram_id,
        OutboxMessage.failed_at.is_not(None),
        OutboxMessage.created_at > now - NEWS,
        # Somebody who shut the bot out has had enough of it.
        OutboxMessage.kind != OWNERS_NEWS,
    )
    db.session.execute(given_up.values(failed_at=None, **retried.afresh(now)))


def retry(message: OutboxMessage, error: str, now: datetime, *, after_seconds: float | None = None) -> None:
    """Send a message again later: after what Telegram asked for, or twice as long as last time."""
    next_attempt_at = RETRIES.next_attempt_at(message.attempts, now, after_seconds=after_seconds)
    _update(message, next_attempt_at=next_attempt_at, error=error[:255])


def _due(now: datetime) -> Select[tuple[int]]:
    return select(OutboxMessage.id).where(
        OutboxMessage.sent_at.is_(None),
        OutboxMessage.failed_at.is_(None),
        RETRIES.is_due(now),
    )


def _update(message: OutboxMessage, **changes: Any) -> None:
    db.session.execute(update(OutboxMessage).where(OutboxMessage.id == message.id).values(**changes))
