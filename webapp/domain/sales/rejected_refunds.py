"""Refunds that Telegram rejected, until the owner decides about them."""

from datetime import datetime

from sqlalchemy import select

from webapp.db.engine import db
from webapp.db.models import Refund
from webapp.domain.access import ledger
from webapp.domain.queue import outbox
from webapp.domain.sales import refunds


class NotRejected(ValueError):
    """Telegram rejected no refund of this charge about which the owner could decide."""


def undecided() -> list[Refund]:
    """Return the refunds that Telegram rejected and about which the owner has not decided."""
    query = select(Refund).where(Refund.refused_at.is_not(None), Refund.declined_at.is_(None))
    return list(
        db.session.scalars(query.order_by(Refund.refused_at), execution_options={"populate_existing": True})
    )


def decline(charge_id: str, why: str, now: datetime) -> Refund:
    """Keep what Telegram refused to give back, and tell the buyer why.

    The buyer asks no more for it; the owner can still :func:`webapp.domain.sales.refunds.request_refund` it.

    :raise NotRejected: Telegram rejected nothing of the kind
    """
    refund = refunds.find(charge_id)
    if refund is None or not refund.refused_at or refund.declined_at:
        raise NotRejected(charge_id)
    ledger.lock(refund.telegram_id)
    refunds.change(charge_id, declined_at=now, declined_because=why)
    facts = {
        "charge_id": charge_id,
        "stars": refund.stars,
        "title": refunds.title_of(charge_id),
        "problem": why,
    }
    dedupe_key = f"refund_declined:{charge_id}:{refund.attempts}"
    outbox.add(refund.telegram_id, "refund_declined", facts, dedupe_key=dedupe_key, now=now)
    return refund
