"""Forgetting a person: what they are called and wrote goes, what they paid stays under a bare id."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Text, cast, delete, exists, func, or_, select, update

from webapp.db.engine import db
from webapp.db.models import (
    Charge,
    InboxItem,
    Order,
    OutboxMessage,
    PreCheckout,
    Signal,
    SupportMessage,
    SupportRelay,
    SupportThread,
    TermsAcceptance,
    User,
)
from webapp.domain.access import ledger, signals
from webapp.domain.people import logouts
from webapp.domain.queue import inbox
from webapp.domain.sales import updates

AT_ONCE = 20_000  # rows looked through by one statement, which has five seconds
NOBODY: dict[str, Any] = {
    "first_name": "",
    "last_name": "",
    "username": None,
    "language_code": None,
    "language": None,
    "is_premium": False,
    "photo_url": None,
    "news_declined_at": None,
}
# What stays of a person in an update that is not done: with it money finds its way.
STAYING = frozenset(("id", "is_bot", "type"))
# They tell of a payment, without a name, and are still to be sent.
PERSONAL = ("news", "support_heard", "support_limited", "support_answer", "support_answer_copy")


def forget(telegram_id: int, now: datetime) -> None:
    """Delete who a person is and what they wrote; charges, refunds and the ledger keep the bare id.

    Their sessions end, and launches of before count no more. Plans go on as long as they are paid, and a ban
    stays. Forgotten twice, nothing more happens but that the plug-in
    hears of it again.
    """
    ledger.lock(telegram_id)
    _forget_user(telegram_id, now)
    _forget_orders(telegram_id, now)
    for model in (TermsAcceptance, SupportThread, SupportMessage, SupportRelay):
        db.session.execute(delete(model).where(model.telegram_id == telegram_id))
    _forget_messages(telegram_id)
    # A signal names nobody, but its error is in a plug-in's own words.
    db.session.execute(update(Signal).where(Signal.telegram_id == telegram_id).values(error=None))
    _forget_updates(telegram_id, now)
    signals.tell_forgotten(telegram_id, now)


def is_known(telegram_id: int) -> bool:
    """Tell whether the shop has anything of a person that is not a bare id."""
    rows = (
        exists().where(User.telegram_id == telegram_id, User.forgotten_at.is_(None)),
        exists().where(SupportMessage.telegram_id == telegram_id),
        exists().where(
            InboxItem.telegram_id == telegram_id,
            InboxItem.kind == "message",
            InboxItem.body != inbox.DROPPED,
        ),
    )
    return bool(db.session.scalar(select(or_(*rows))))


def _forget_user(telegram_id: int, now: datetime) -> None:
    # A launch of before can still be vouched for by a code, as after any other end.
    logouts.everywhere(telegram_id, now)
    forgotten = update(User).where(User.telegram_id == telegram_id)
    db.session.execute(forgotten.values(**NOBODY, forgotten_at=now))


def _forget_orders(telegram_id: int, now: datetime) -> None:
    """Delete what was not paid, unless Telegram takes the Stars for it at this very moment."""
    is_held = Order.reserved_until.is_not(None) & (Order.reserved_until > now)
    unpaid = (
        select(Order.id)
        .where(Order.telegram_id == telegram_id, Order.charge_id.is_(None), ~is_held)
        .where(~exists().where(Charge.order_id == Order.id))
    )
    ids = list(db.session.scalars(unpaid))
    db.session.execute(delete(PreCheckout).where(PreCheckout.order_id.in_(ids)))
    db.session.execute(delete(Order).where(Order.id.in_(ids)))


def _forget_messages(telegram_id: int) -> None:
    about = cast(OutboxMessage.facts, Text).contains(str(telegram_id), autoescape=True)
    query = select(OutboxMessage).where(or_(OutboxMessage.telegram_id == telegram_id, about))
    for message in db.session.scalars(query):
        is_theirs = message.telegram_id == telegram_id
        if not is_theirs and telegram_id not in (
            message.facts.get("telegram_id"),
            message.facts.get("from_chat_id"),
        ):
            continue
        if message.sent_at:
            message.facts = {}
        elif message.failed_at or message.kind in PERSONAL or "name" in message.facts or not is_theirs:
            # One that failed would be tried again once they let the bot write.
            db.session.delete(message)
    db.session.flush()


def _forget_updates(telegram_id: int, now: datetime) -> None:
    for item in _updates_about(telegram_id):
        if item.done_at:
            changes: dict[str, Any] = {"body": inbox.DROPPED, "error": None}
        elif item.telegram_id == telegram_id and _is_chat(item):
            changes = {"body": inbox.DROPPED, "error": None, "done_at": now, "quarantined_at": None}
        else:
            changes = {"body": _bare(item.body, telegram_id)}
        db.session.execute(update(InboxItem).where(InboxItem.id == item.id).values(**changes))


def _updates_about(telegram_id: int) -> Iterator[InboxItem]:
    last = db.session.scalar(select(func.max(InboxItem.id))) or 0
    is_about = or_(
        InboxItem.telegram_id == telegram_id, InboxItem.body.contains(str(telegram_id), autoescape=True)
    )
    for begin in range(0, last, AT_ONCE):
        some = select(InboxItem).where(InboxItem.id > begin, InboxItem.id <= begin + AT_ONCE, is_about)
        yield from db.session.scalars(some, execution_options={"populate_existing": True}).all()


def _is_chat(item: InboxItem) -> bool:
    return item.kind not in {*updates.MONEY, inbox.PRE_CHECKOUT, inbox.STATEMENT_ROW, inbox.UNREADABLE}


def _bare(body: str, telegram_id: int) -> str:
    """Return an update in which a person is an id alone; one that cannot be read goes as it is."""
    try:
        update_ = json.loads(body)
    except ValueError:
        return body
    return json.dumps(_stripped(update_, telegram_id), sort_keys=True, separators=(",", ":"))


def _stripped(part: Any, telegram_id: int) -> Any:
    if isinstance(part, list):
        return [_stripped(one, telegram_id) for one in part]
    if not isinstance(part, dict):
        return part
    if part.get("id") == telegram_id:
        return {name: value for name, value in part.items() if name in STAYING}
    return {name: _stripped(value, telegram_id) for name, value in part.items()}
