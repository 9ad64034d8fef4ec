"""Telegram asks whether it may charge: the last gate before money moves."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from webapp import errors
from webapp.domain import orders
from webapp.domain.keys import KeyRing
from webapp.errors import CheckoutTooLate, ShopError
from webapp.extensions import db
from webapp.models import PreCheckout
from webapp.statements import insert_once

ANSWER_WITHIN_SECONDS = 6  # our own cut-off
TELEGRAM_WAITS_SECONDS = 10  # Bot API: answerPreCheckoutQuery


@dataclass(frozen=True)
class Question:
    """A pre_checkout_query as Telegram sent it."""

    query_id: str
    telegram_id: int  # who is about to pay
    stars: int
    currency: str
    payload: str
    received_at: datetime
    language_code: str | None = None  # of the payer's Telegram


def decide(question: Question, *, keys: KeyRing, now: datetime) -> ShopError | None:
    """Return None when Telegram may charge, or the reason why it must not; the same one each time.

    The decision and the reservation behind an approval are written, so they have to be committed
    before Telegram is answered.
    """
    known = db.session.get(PreCheckout, question.query_id, populate_existing=True)
    if known:
        return _told_before(known, question, now)
    order_id, refusal = _judge(question, keys, now)
    decision = {
        "query_id": question.query_id,
        "order_id": order_id,
        "telegram_id": question.telegram_id,
        "received_at": question.received_at,
        "decided_at": now,
        "declined_because": refusal.code if refusal else None,
    }
    insert_once(PreCheckout, decision, returning="query_id")
    return refusal


def is_too_late(received_at: datetime, now: datetime) -> bool:
    """Tell whether the time to approve is over."""
    return now - received_at > timedelta(seconds=ANSWER_WITHIN_SECONDS)


def is_given_up(received_at: datetime, now: datetime) -> bool:
    """Tell whether Telegram waits for no answer any more, and has told the payer so."""
    return now - received_at > timedelta(seconds=TELEGRAM_WAITS_SECONDS)


def _judge(question: Question, keys: KeyRing, now: datetime) -> tuple[int | None, ShopError | None]:
    if is_too_late(question.received_at, now):
        return None, CheckoutTooLate()
    try:
        order = orders.reserve(
            question.payload,
            question.telegram_id,
            question.stars,
            question.currency,
            question.query_id,
            keys=keys,
            now=now,
        )
    except ShopError as refusal:
        return None, refusal
    return order.id, None


def _told_before(known: PreCheckout, question: Question, now: datetime) -> ShopError | None:
    if known.declined_because:
        refusal: ShopError = getattr(errors, known.declined_because)()
        return refusal
    return CheckoutTooLate() if is_too_late(question.received_at, now) else None
