"""Reservations: an order held for the one payment that Telegram asks about."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, text, update

from webapp.db.engine import db
from webapp.db.models import Order, User
from webapp.db.types import UTCDateTime
from webapp.db.writes import run
from webapp.domain.people.keys import KeyRing
from webapp.domain.sales import orders, payloads
from webapp.errors import (
    Banned,
    NotYourOrder,
    OffSale,
    OrderClosed,
    OrderExpired,
    OrderNotFound,
    PaymentInProgress,
    PriceChanged,
)

# How long Telegram waits for our answer (Bot API: answerPreCheckoutQuery); an approval of which nobody
# knows whether it arrived holds its order no longer.
UNANSWERED_SECONDS = 10
# Between Telegram's question and its charge: 10 s for the answer, the rest for the charge.
RESERVATION_SECONDS = 60
HOLD = text(
    """
    UPDATE orders SET reserved_query_id = :query_id, reserved_until = :until
    WHERE id = :id AND closed_at IS NULL AND expires_at > :now
        AND (reserved_until IS NULL OR reserved_until <= :now OR reserved_until > :absurd
            OR reserved_query_id = :query_id)
    RETURNING id
    """
).bindparams(*(bindparam(name, type_=UTCDateTime()) for name in ("until", "now", "absurd")))


def reserve(
    payload: str, payer_id: int, stars: int, currency: str, query_id: str, *, keys: KeyRing, now: datetime
) -> Order:
    """Hold an order for the one payment that Telegram asks about, as long as Telegram waits for an answer.

    Asked again for the same query it holds the same order; another query has to wait until the
    reservation ends, since both would be charged.

    :param stars: what Telegram is about to take
    :raise OrderNotFound: not a payload of ours, or an order that was never made
    :raise NotYourOrder: somebody else opened the invoice link
    :raise PriceChanged: stars or currency differ from the order's
    :raise OrderExpired: its quarter of an hour is over
    :raise OrderClosed: already paid, or replaced by a newer order
    :raise OffSale: the product went off sale since
    :raise Banned: the shop is closed to this person
    :raise AlreadyOwned: the person got it another way since
    :raise AlreadySubscribed: the person subscribed another way since
    :raise TrialUsed: the person had the trial, or the plan itself, since
    :raise PaymentInProgress: another query holds it
    """
    order = _described_by(payload, keys)
    _check(order, payer_id, stars, currency, now)
    until = now + timedelta(seconds=UNANSWERED_SECONDS)
    # By a clock that was ahead, and is not any more.
    absurd = now + timedelta(seconds=orders.LIFE_SECONDS)
    held = {"id": order.id, "query_id": query_id, "until": until, "now": now, "absurd": absurd}
    if not run(HOLD, held):
        # It may have been paid while we waited for its row.
        closed_at = db.session.scalar(select(Order.closed_at).where(Order.id == order.id))
        raise (OrderClosed if closed_at else PaymentInProgress)(order=order.public_id)
    return order


def hold_until(order_id: int, query_id: str, until: datetime) -> None:
    """Have a query hold its order until then, unless the order was paid or another query holds it."""
    db.session.execute(
        update(Order)
        .where(Order.id == order_id, Order.reserved_query_id == query_id, Order.closed_at.is_(None))
        .values(reserved_until=until)
    )


def _described_by(payload: str, keys: KeyRing) -> Order:
    try:
        described = payloads.unseal(payload, keys)
    except payloads.PayloadInvalid as error:
        raise OrderNotFound(payload="not ours") from error
    order = orders.find(described.order_id)
    if order is None:
        raise OrderNotFound(order=described.order_id)
    return order


def _check(order: Order, payer_id: int, stars: int, currency: str, now: datetime) -> None:
    if payer_id != order.telegram_id:
        raise NotYourOrder(order=order.public_id)
    if currency != "XTR" or stars != order.stars:
        raise PriceChanged(order=order.public_id)
    if order.is_paid:
        raise OrderClosed(order=order.public_id)
    if now >= order.expires_at:
        raise OrderExpired(order=order.public_id)
    if order.closed_at:
        raise OrderClosed(order=order.public_id)
    if not order.product.is_on_sale:
        raise OffSale(slug=order.product.slug)
    buyer = db.session.get_one(User, order.telegram_id, populate_existing=True)
    if buyer.banned_at:
        raise Banned()
    orders.check_holdings(payer_id, order, now)
