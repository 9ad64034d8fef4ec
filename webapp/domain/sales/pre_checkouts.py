"""Telegram asks whether it may charge: the last gate before money moves."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from webapp import errors
from webapp.db.engine import db
from webapp.db.models import Order, PreCheckout
from webapp.db.writes import insert_once
from webapp.domain.people.keys import KeyRing
from webapp.domain.sales import reservations
from webapp.errors import CheckoutTooLate, ShopError

ANSWER_WITHIN_SECONDS = 6  # our own cut-off
TELEGRAM_WAITS_SECONDS = reservations.UNANSWERED_SECONDS


class Approval(StrEnum):
    """What became of the answer that Telegram may charge."""

    ARRIVED = "arrived"
    LOST = "lost"  # it never left, or Telegram did not take it
    UNKNOWN = "unknown"


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


def settle(question: Question, approval: Approval, now: datetime) -> None:
    """Have an approval hold its order only while Telegram can charge for it.

    One that arrived holds it until the charge, one that was lost no more. One that may have arrived makes
    way for the payer's next question, since the shop gives a second charge back; where a second charge buys
    more, that question waits until Telegram has given up this one. A copy of a question changes nothing.
    """
    known = db.session.get(PreCheckout, question.query_id, populate_existing=True)
    if known is None or known.order_id is None or known.received_at != question.received_at:
        return
    if approval is Approval.ARRIVED:
        until = now + timedelta(seconds=reservations.RESERVATION_SECONDS)
    elif approval is Approval.UNKNOWN and db.session.get_one(Order, known.order_id).adds_up:
        until = known.decided_at + timedelta(seconds=TELEGRAM_WAITS_SECONDS)
    else:
        until = now
    reservations.hold_until(known.order_id, question.query_id, until)


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
        order = reservations.reserve(
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
        return errors.of_code(known.declined_because)
    return CheckoutTooLate() if is_too_late(question.received_at, now) else None
