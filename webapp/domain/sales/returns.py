"""Charges that their buyers give back by themselves, within the days that were agreed."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import select

from webapp.db.engine import db
from webapp.db.models import Charge, Order, Product, Refund
from webapp.domain.access import ledger
from webapp.domain.sales import refunds
from webapp.errors import (
    ChargeNotFound,
    RefundDeclined,
    RefundedBefore,
    RefundRefused,
    RefundWindowOver,
    ShopError,
)

REST = timedelta(hours=1)  # of a buyer whose refund Telegram refused: each try writes two ledger entries


def request_return(telegram_id: int, charge_id: str, now: datetime) -> Refund:
    """Request one's own charge back, within the days that its order promised.

    Requested again it is the same refund. What opens one thing a person may give back so once, whatever
    product it came with; reading everything and giving it back each time would be no purchase.

    :raise ChargeNotFound: no such charge, or someone else's
    :raise RefundRefused: Telegram said no less than an hour ago
    :raise RefundDeclined: Telegram said no, and then the owner
    :raise RefundWindowOver: its days are over, or it never had any
    :raise RefundedBefore: an earlier purchase that opened the same was given back so
    """
    ledger.lock(telegram_id)
    charge = db.session.scalar(select(Charge).where(Charge.telegram_payment_charge_id == charge_id))
    if charge is None or charge.telegram_id != telegram_id:
        raise ChargeNotFound(charge=charge_id)
    known = refunds.find(charge_id)
    if known and not known.refused_at:
        return known
    if reason := _not_now(known, now):
        raise reason(charge=charge_id)
    ends_at = windows([charge]).get(charge_id)
    if ends_at is None or now >= ends_at:
        raise RefundWindowOver(charge=charge_id)
    if charge_id in _used_up(telegram_id, refunds.for_user(telegram_id)):
        raise RefundedBefore(charge=charge_id)
    return refunds.request_refund(charge, "given back by the buyer", requested_by="buyer", now=now)


def returnable(
    telegram_id: int, charges: Collection[Charge], now: datetime, known: Mapping[str, Refund] | None = None
) -> dict[str, datetime]:
    """Return until when a person may give these charges of theirs back, by charge id, of those they may.

    :param known: the person's refunds by charge id, where they were read already
    """
    known = refunds.for_user(telegram_id) if known is None else known
    used_up = _used_up(telegram_id, known)
    return {
        charge_id: ends_at
        for charge_id, ends_at in windows(charges).items()
        if now < ends_at and charge_id not in used_up and not _stands(known.get(charge_id), now)
    }


def windows(charges: Collection[Charge]) -> dict[str, datetime]:
    """Return until when each of these may be given back by its buyer, by charge id."""
    days = (
        select(Charge.telegram_payment_charge_id, Order.refund_days, Product.refund_days)
        .outerjoin(Order, Order.id == Charge.order_id)
        .outerjoin(Product, Product.slug == Charge.slug)
        .where(Charge.id.in_([charge.id for charge in charges]), Charge.quarantined_because.is_(None))
    )
    # Frozen with the order; without one, after a rebuild, what the catalogue says today.
    found = {
        charge_id: (agreed if agreed is not None else listed or 0)
        for charge_id, agreed, listed in db.session.execute(days)
    }
    return {
        charge.telegram_payment_charge_id: charge.charged_at
        + timedelta(days=found[charge.telegram_payment_charge_id])
        for charge in charges
        if found.get(charge.telegram_payment_charge_id)
    }


def _not_now(refund: Refund | None, now: datetime) -> type[ShopError] | None:
    """Return why a buyer has to wait with a refund that Telegram refused."""
    if refund and refund.declined_at:
        return RefundDeclined
    is_resting = refund and refund.refused_at and now - refund.refused_at < REST
    return RefundRefused if is_resting else None


def _stands(refund: Refund | None, now: datetime) -> bool:
    """Tell whether a refund is under way, done, or not to be asked for again."""
    return refund is not None and (not refund.refused_at or _not_now(refund, now) is not None)


def _used_up(telegram_id: int, known: Mapping[str, Refund]) -> set[str | None]:
    """Return the charges that gave something of what a person gave back before, or wants to."""
    given_back = {
        charge_id
        for charge_id, refund in known.items()
        if refund.requested_by == "buyer" and not refund.refused_at
    }
    if not given_back:
        return set()
    giving = [entry for entry in ledger.of(telegram_id) if entry.kind in {"charge", "grant"}]
    keys = {(entry.charge_id, key) for entry in giving for key in entry.keys}
    before = {key for charge_id, key in keys if charge_id in given_back}
    return {charge_id for charge_id, key in keys if key in before} - given_back
