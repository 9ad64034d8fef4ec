"""Charges: Stars that Telegram took, recorded once and turned into access."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import joinedload

from webapp.db.engine import db
from webapp.db.models import Charge, LedgerEntry, Subscription
from webapp.db.types import UTCDateTime
from webapp.db.writes import Change, Insertion, Write, write
from webapp.domain.access import entitlements, ledger
from webapp.domain.access.signal_facts import Sold
from webapp.domain.people.keys import KeyRing
from webapp.domain.queue import outbox
from webapp.domain.sales import billing, charge_alarms, charge_plans, outcomes, refunds, renewals
from webapp.domain.sales.charge_context import ChargeContext, ChargeFacts, load_context
from webapp.domain.sales.outcomes import (
    AlreadyRecorded,
    Outcome,
    Quarantined,
    Recorded,
    RefundedBefore,
    Rejection,
    Sale,
    SentBack,
)
from webapp.domain.sales.payloads import SaleKind
from webapp.errors import ChargeNotFound

BY_ID = select(Charge).where(Charge.telegram_payment_charge_id == bindparam("charge_id"))
WRITTEN = tuple(column.key for column in Charge.__table__.columns if column.key != "id")
PAY = text(
    """
    UPDATE orders SET charge_id = :charge_id, closed_at = :now, reserved_until = NULL
    WHERE id = :id AND charge_id IS NULL RETURNING id
    """
).bindparams(bindparam("now", type_=UTCDateTime()))


def record_charge(
    facts: ChargeFacts, *, keys: KeyRing, now: datetime, owner_ids: Iterable[int] = ()
) -> Recorded:
    """Record a charge once, unlock what it paid for and tell the buyer; all or nothing.

    Repeated any number of times, from an update or from the statement, it is the same charge. One
    that cannot be identified is quarantined, and never refunded by itself. One that is identified but buys
    nothing, such as a second payment for what is owned for ever, is sent back by itself.
    """
    # Deliveries of one charge wait for each other here; behind that stands the unique charge id.
    ledger.lock(facts.telegram_id)
    context = load_context(facts, keys)
    charge = _write(outcomes.name_outcome(context), context, owner_ids, now)
    return Recorded(charge, context.agreement.correlation_id if context.agreement else None)


def deliver(charge: Charge, sale: Sale, now: datetime, *, news_at: datetime | None = None) -> list[Write]:
    """Begin or renew the plan that a charge pays for; return what closes its order and tells the buyer.

    :param news_at: when that was decided, if not when it was paid
    """
    replaced: list[Subscription] = []
    is_plan = sale.is_subscription
    if is_plan and sale.public_id and sale.paid_until:
        plan = billing.record(sale.plan, charge, sale.paid_until)
        earlier, later = ([], []) if sale.is_renewal else charge_plans.other_tiers(charge, plan, now)
        replaced = [other for other in earlier if other.renews]
        renewals.request_cancels([*replaced, plan] if later else replaced, by="shop", now=now)
    kind = "receipt" if not is_plan else "renewed" if sale.is_renewal else "subscribed"
    more = {
        "paid_until": sale.paid_until and sale.paid_until.isoformat(),
        "replaced": [other.title for other in replaced],
    }
    return [
        *_payment(charge, sale, now),
        *_message(charge, kind, sale, now, more, news_at or charge.charged_at),
    ]


def find(charge_id: str) -> Charge | None:
    """Return a recorded charge by Telegram's id."""
    return db.session.scalar(BY_ID, {"charge_id": charge_id})


def get(charge_id: str) -> Charge:
    """Return a recorded charge by Telegram's id.

    :raise ChargeNotFound: Telegram never told us of it
    """
    charge = find(charge_id)
    if charge is None:
        raise ChargeNotFound(charge=charge_id)
    return charge


def get_for(telegram_id: int, charge_id: str) -> Charge:
    """Return a person's own charge, with its order.

    :raise ChargeNotFound: there is none, or it is someone else's
    """
    query = select(Charge).where(Charge.telegram_payment_charge_id == charge_id)
    charge = db.session.scalar(query.options(joinedload(Charge.order)))
    if charge is None or charge.telegram_id != telegram_id:
        raise ChargeNotFound(charge=charge_id)
    return charge


def of(telegram_id: int, *, limit: int = 100) -> list[Charge]:
    """Return a person's charges, the latest first."""
    query = select(Charge).where(Charge.telegram_id == telegram_id)
    return list(db.session.scalars(query.order_by(Charge.charged_at.desc(), Charge.id.desc()).limit(limit)))


def entry(facts: ChargeFacts, sale: Sale | None, now: datetime, *, kind: str = "charge") -> LedgerEntry:
    """Return the ledger's entry for what a charge gives; nothing without a sale."""
    return LedgerEntry(
        telegram_id=facts.telegram_id,
        kind=kind,
        charge_id=facts.charge_id,
        stars=facts.stars if kind == "charge" and facts.currency == "XTR" else 0,
        title=sale.title if sale else "",
        keys=sale.keys if sale else [],
        pass_days=sale.pass_days if sale else None,
        paid_until=sale.paid_until if sale else None,
        grace_days=sale.grace_days if sale else 0,
        occurred_at=facts.charged_at,
        recorded_at=now,
        cause=facts.cause,
    )


def _write(outcome: Outcome, context: ChargeContext, owner_ids: Iterable[int], now: datetime) -> Charge:
    """Write what an outcome says, and return the charge."""
    facts = context.facts
    match outcome:
        case AlreadyRecorded():
            charge = get(facts.charge_id)
            charge_plans.extend(charge, facts, now)
            return charge
        case Quarantined(sale, problem):
            charge = _book(*_rows(facts, sale, now, problem=problem, gives=False))
            charge_alarms.quarantined(charge, problem, owner_ids, now)
            return charge
        case SentBack(sale, reason):
            problem_of_ours = reason if reason in charge_alarms.ALARMING else None
            charge = _book(*_rows(facts, sale, now, problem=problem_of_ours, gives=False))
            _send_back(charge, sale, reason, owner_ids, now)
            return charge
        case RefundedBefore(sale):
            return _record_refunded(facts, sale, now)
        case _:
            return _unlock(context, outcome.sale, now)


def _send_back(
    charge: Charge, sale: Sale, reason: Rejection, owner_ids: Iterable[int], now: datetime
) -> None:
    """Give back by ourselves what buys nothing, and stop the plan that would go on charging for it."""
    message = _message(charge, "sent_back", sale, now, {"reason": reason}, charge.charged_at)
    write(*_payment(charge, sale, now), *message)
    refunds.request_refund(
        charge,
        charge_alarms.REASONS[reason],
        requested_by="shop",
        now=now,
        stops_charge_id=charge_plans.to_stop(charge, sale, reason) if sale.is_subscription else None,
    )
    if reason in charge_alarms.ALARMING:
        charge_alarms.tell_owners(charge, reason, owner_ids, now)


def _record_refunded(facts: ChargeFacts, sale: Sale, now: datetime) -> Charge:
    charge, booked = _rows(facts, sale, now)
    _book(charge, booked, *_payment(charge, sale, now))
    if sale.is_subscription:
        # Telegram may renew it all the same, and knows it by its first charge.
        billing.record(sale.plan, charge, charge.charged_at)
        billing.end_refunded(charge)
    return charge


def _unlock(context: ChargeContext, sale: Sale, now: datetime) -> Charge:
    charge, booked = _rows(context.facts, sale, now)
    sold = Sold(charge.slug, charge.stars, sale.is_renewal)
    unlocked = entitlements.additions(context.entries, context.access, booked, sold)
    return _book(charge, booked, *unlocked, *deliver(charge, sale, now))


def _rows(
    facts: ChargeFacts, sale: Sale | None, now: datetime, *, problem: str | None = None, gives: bool = True
) -> tuple[Charge, LedgerEntry]:
    """Return a charge and its ledger entry; one that gives nothing keeps its Stars and its title."""
    # The statement leaves out an affiliate's share: what was identified was paid in full.
    if sale and not isinstance(problem, outcomes.Problem):
        facts = replace(facts, stars=sale.stars)
    charge = Charge(
        telegram_payment_charge_id=facts.charge_id,
        telegram_id=facts.telegram_id,
        order_id=sale.order_id if sale else None,
        title=sale.title if sale else "",
        slug=sale.product.slug if sale else None,
        is_trial=bool(sale and sale.kind == SaleKind.TRIAL),
        stars=facts.stars,
        currency=facts.currency,
        payload=facts.payload,
        paid_until=sale.paid_until if sale and gives else None,
        charged_at=facts.charged_at,
        recorded_at=now,
        cause=facts.cause,
        quarantined_because=problem,
    )
    booked = entry(facts, sale if gives else None, now)
    booked.title = charge.title
    return charge, booked


def _book(charge: Charge, booked: LedgerEntry, *more: Write) -> Charge:
    """Write a charge, its ledger entry and what follows from them."""
    row = Insertion(Charge, {name: getattr(charge, name) for name in WRITTEN}, returning="id")
    charge.id = write(row, ledger.addition(booked), *more)[0]
    return charge


def _payment(charge: Charge, sale: Sale, now: datetime) -> list[Write]:
    """Return what closes an order with the charge that paid it, unless another charge did before."""
    if sale.order_id is None:
        return []
    return [Change(PAY, {"id": sale.order_id, "charge_id": charge.telegram_payment_charge_id, "now": now})]


def _message(
    charge: Charge, kind: str, sale: Sale, now: datetime, more: dict[str, Any], news_at: datetime
) -> list[Write]:
    """Return what tells the buyer, as long as that is news."""
    facts = {
        "charge_id": charge.telegram_payment_charge_id,
        "title": sale.title,
        "slug": sale.product.slug,
        "stars": charge.stars,
        "keys": sale.keys,
        "pass_days": sale.pass_days,
        "charged_at": charge.charged_at.isoformat(),
        **more,
    }
    dedupe_key = f"{kind}:{charge.telegram_payment_charge_id}"
    return outbox.news(charge.telegram_id, kind, facts, dedupe_key=dedupe_key, happened_at=news_at, now=now)
