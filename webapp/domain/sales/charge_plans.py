"""What a charge does to plans: their later ends, their other tiers, and which to stop."""

from datetime import datetime

from sqlalchemy import select

from webapp.db.engine import db
from webapp.db.models import Charge, LedgerEntry, Subscription
from webapp.domain.access import entitlements, ledger
from webapp.domain.access.signal_facts import Sold
from webapp.domain.sales import billing, subscriptions
from webapp.domain.sales.charge_context import ChargeFacts
from webapp.domain.sales.outcomes import Rejection, Sale


def extend(charge: Charge, facts: ChargeFacts, now: datetime) -> None:
    """Give what Telegram reports beyond the end that the statement had only implied."""
    if not (facts.paid_until and charge.paid_until) or facts.paid_until <= charge.paid_until:
        return
    entries = [known for known in ledger.of(charge.telegram_id) if known.charge_id == facts.charge_id]
    booked = next((known for known in entries if known.kind == "charge"), None)
    if booked is None or any(known.paid_until == facts.paid_until for known in entries):
        return
    longer = LedgerEntry(
        telegram_id=charge.telegram_id,
        kind="grant",
        charge_id=facts.charge_id,
        title=booked.title,
        keys=booked.keys,
        paid_until=facts.paid_until,
        grace_days=booked.grace_days,
        occurred_at=booked.occurred_at,
        recorded_at=now,
        cause=facts.cause,
    )
    entitlements.book(longer, sold=Sold(charge.slug, is_renewal=True))
    billing.extend(charge)


def to_stop(charge: Charge, sale: Sale, reason: Rejection) -> str:
    """Return the first charge of the plan that goes on charging for what was sent back."""
    if reason == Rejection.ALREADY_SUBSCRIBED:
        return charge.telegram_payment_charge_id
    known = subscriptions.find(sale.public_id)
    if known:
        return known.first_charge_id
    # The first that we have of this invoice: it began no plan here, perhaps, since it is quarantined.
    mine = Charge.telegram_id == charge.telegram_id, Charge.payload == charge.payload
    query = select(Charge.telegram_payment_charge_id).where(*mine).order_by(Charge.charged_at, Charge.id)
    return str(db.session.scalars(query.limit(1)).one())


def other_tiers(
    charge: Charge, plan: Subscription, now: datetime
) -> tuple[list[Subscription], list[Subscription]]:
    """Return the plans that open some of the same: those that a new one takes the place of, and those
    that take its place, since they were paid for later though their charge arrived before.
    """
    running = subscriptions.running(charge.telegram_id, plan.keys, now)
    others = [other for other in running if other.public_id != plan.public_id]
    earlier = [other for other in others if other.started_at <= charge.charged_at]
    return earlier, [other for other in others if other not in earlier]
