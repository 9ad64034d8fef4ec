"""What has had its time and goes, so that the database grows with sales alone. Money and its reasons stay."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Delete,
    Select,
    Text,
    Update,
    delete,
    exists,
    or_,
    select,
    update,
)
from sqlalchemy import cast as as_type
from sqlalchemy.orm import Mapped

from webapp.db.engine import db
from webapp.db.models import (
    Broadcast,
    Charge,
    InboxItem,
    Order,
    OutboxMessage,
    PreCheckout,
    SupportMessage,
    SupportRelay,
    SupportThread,
)
from webapp.domain.owner import statistics
from webapp.domain.queue import inbox, outbox

Key = TypeVar("Key", int, str)
AT_ONCE = 1000  # rows of a kind in one transaction
# For so much longer an update's number and a message's key stay, and nothing else of them: what comes twice
# is known by them. Telegram keeps an update for a day, and nothing is told again after three.
BARE = timedelta(days=60)


def sweep(kept: timedelta, now: datetime) -> int:
    """Delete some of what was done with longer ago than it is kept, and return how many rows that was.

    To be called until it returns 0.
    """
    before = now - kept
    return sum(one(before) for one in STEPS)


def _bodies(before: datetime) -> int:
    old = InboxItem.done_at < before, InboxItem.body != inbox.DROPPED
    bare = update(InboxItem).where(InboxItem.id.in_(_some(InboxItem.id, *old)))
    return _count(bare.values(body=inbox.DROPPED, telegram_id=None, error=None))


def _updates(before: datetime) -> int:
    some = _some(InboxItem.id, InboxItem.done_at < before - BARE)
    return _count(delete(InboxItem).where(InboxItem.id.in_(some)))


def _facts(before: datetime) -> int:
    old = _is_settled(before), as_type(OutboxMessage.facts, Text) != "{}"
    bare = update(OutboxMessage).where(OutboxMessage.id.in_(_some(OutboxMessage.id, *old)))
    return _count(bare.values(facts={}))


def _messages(before: datetime) -> int:
    some = list(db.session.scalars(_some(OutboxMessage.id, _is_settled(before - BARE))))
    _count_news(some)
    return _count(delete(OutboxMessage).where(OutboxMessage.id.in_(some)))


def _count_news(ids: list[int]) -> None:
    """Add to each broadcast what is about to go of its messages."""
    rows = db.session.execute(
        select(OutboxMessage.dedupe_key, OutboxMessage.sent_at).where(
            OutboxMessage.id.in_(ids), OutboxMessage.kind == outbox.OWNERS_NEWS
        )
    )
    counted = Counter((key.split(":")[1], sent_at is not None) for key, sent_at in rows)
    for (name, is_sent), count in counted.items():
        column = Broadcast.swept_sent if is_sent else Broadcast.swept_failed
        db.session.execute(update(Broadcast).where(Broadcast.name == name).values({column: column + count}))


def _pre_checkouts(before: datetime) -> int:
    some = list(db.session.scalars(_some(PreCheckout.query_id, PreCheckout.decided_at < before)))
    statistics.keep_counts(some)
    return _count(delete(PreCheckout).where(PreCheckout.query_id.in_(some)))


def _orders(before: datetime) -> int:
    unpaid = (
        Order.closed_at < before,
        Order.charge_id.is_(None),
        ~exists().where(Charge.order_id == Order.id),
        ~exists().where(PreCheckout.order_id == Order.id),
    )
    return _count(delete(Order).where(Order.id.in_(_some(Order.id, *unpaid))))


def _support(before: datetime) -> int:
    old = (
        delete(SupportMessage).where(SupportMessage.written_at < before),
        delete(SupportRelay).where(SupportRelay.relayed_at < before),
        delete(SupportThread).where(SupportThread.open_until < before),
    )
    return sum(_count(one) for one in old)


STEPS: tuple[Callable[[datetime], int], ...] = (
    _bodies,
    _updates,
    _facts,
    _messages,
    _pre_checkouts,
    _orders,
    _support,
)


def _is_settled(before: datetime) -> ColumnElement[bool]:
    return or_(OutboxMessage.sent_at < before, OutboxMessage.failed_at < before)


def _some(key: Mapped[Key], *which: ColumnElement[bool]) -> Select[tuple[Key]]:
    return select(key).where(*which).order_by(key).limit(AT_ONCE)


def _count(statement: Update | Delete) -> int:
    return cast(CursorResult[Any], db.session.execute(statement)).rowcount
