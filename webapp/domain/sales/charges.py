"""Charges: Stars that Telegram took, recorded once and turned into access."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.attributes import set_committed_value

from webapp.db.extensions import db
from webapp.db.models import Charge, LedgerEntry, Subscription
from webapp.db.statements import Write, insertion, write
from webapp.domain.access import entitlements, ledger
from webapp.domain.access.signals import Sold
from webapp.domain.people.keys import KeyRing
from webapp.domain.queue import outbox
from webapp.domain.sales import orders, outcomes, refunds, subscriptions
from webapp.domain.sales.outcomes import ChargeFacts, Sale
from webapp.errors import N_, ChargeNotFound

BY_ID = select(Charge).where(Charge.telegram_payment_charge_id == bindparam("charge_id"))
WRITTEN = tuple(column.key for column in Charge.__table__.columns if column.key != "id")
# Sent back like all that cannot be delivered, but somebody has to look why it was charged.
ALARMING = frozenset({"OffSale", "Banned"})
REASONS = {
    "AlreadyOwned": N_("paid twice"),
    "AlreadySubscribed": N_("subscribed twice"),
    "TrialUsed": N_("a second trial"),
    "OffSale": N_("no longer sold"),
    "Banned": N_("the shop is closed to this person"),
}


def record_charge(
    facts: ChargeFacts, *, keys: KeyRing, now: datetime, owner_ids: Iterable[int] = ()
) -> Charge:
    """Have a charge on the ledger, what it paid for unlocked, and the buyer told; all or nothing.

    Repeated any number of times, from an update or from the statement, it is the same charge. One
    that cannot be understood is kept, gives no access and waits for the owner; it is never refunded by
    itself. One that is understood but buys nothing, such as a second payment for what is owned for
    ever, is refunded by itself.
    """
    # Deliveries of one charge wait for each other here; behind that stands the unique charge id.
    ledger.lock(facts.telegram_id)
    background = outcomes.look_up(facts, keys)
    if background.is_recorded:
        known = get(facts.charge_id)
        set_committed_value(known, "order", background.order)
        _extend(known, facts, now)
        return known
    sale, problem = outcomes.understand(facts, background)
    if sale is None or problem:
        charge = _book(*_described(facts, sale, problem, now, gives=False))
        _park(charge, owner_ids, now)
        return charge
    facts = replace(facts, stars=sale.stars)
    if background.is_refunded(facts.charge_id):
        # Its refund arrived before it: nothing to unlock, and nothing to tell.
        charge, booked = _described(facts, sale, None, now)
        _book(charge, booked, *_closing(sale, charge, now))
        if sale.is_subscription:
            # Telegram may renew it all the same, and knows it by its first charge.
            subscriptions.record(sale.plan, charge, charge.charged_at)
            subscriptions.refunded(charge)
        return charge
    reason = outcomes.undeliverable(sale, facts, background.entries)
    if reason:
        problem = reason if reason in ALARMING else None
        charge = _book(*_described(facts, sale, problem, now, gives=False))
        _send_back(charge, sale, reason, owner_ids, now)
        return charge
    # Asked before the charge is there, which would be its own predecessor.
    is_renewal = outcomes.is_renewal(sale, facts)
    charge, booked = _described(facts, sale, None, now)
    sold = Sold(charge.slug, charge.stars, is_renewal)
    unlocked = entitlements.additions(background.entries, booked, sold)
    delivered = deliver(charge, sale, now, is_renewal=is_renewal, paid_until=charge.paid_until)
    return _book(charge, booked, *unlocked, *delivered)


def deliver(
    charge: Charge,
    sale: Sale,
    now: datetime,
    *,
    is_renewal: bool,
    paid_until: datetime | None,
    news_at: datetime | None = None,
) -> list[Write]:
    """Begin or renew the plan that a charge pays for; return what closes its order and tells the buyer.

    :param news_at: when that was decided, if not when it was paid
    """
    replaced: list[Subscription] = []
    if sale.is_subscription and sale.public_id and paid_until:
        plan = subscriptions.record(sale.plan, charge, paid_until)
        earlier, later = ([], []) if is_renewal else _other_tiers(charge, plan, now)
        replaced = [one for one in earlier if one.renews]
        subscriptions.stop([*replaced, plan] if later else replaced, by="shop", now=now)
    kind = "receipt" if not sale.is_subscription else "renewed" if is_renewal else "subscribed"
    more = {"paid_until": paid_until and paid_until.isoformat(), "replaced": [one.title for one in replaced]}
    return [*_closing(sale, charge, now), *_telling(charge, kind, sale, now, more, news_at=news_at)]


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
        paid_until=sale.paid_until(facts) if sale else None,
        grace_days=sale.grace_days if sale else 0,
        occurred_at=facts.charged_at,
        recorded_at=now,
        cause=facts.cause,
    )


def _described(
    facts: ChargeFacts, sale: Sale | None, problem: str | None, now: datetime, *, gives: bool = True
) -> tuple[Charge, LedgerEntry]:
    """Return a charge and its ledger entry; one that gives nothing keeps its Stars and its title."""
    charge = Charge(
        telegram_payment_charge_id=facts.charge_id,
        telegram_id=facts.telegram_id,
        order_id=sale.order.id if sale and sale.order else None,
        title=sale.title if sale else "",
        slug=sale.product.slug if sale else None,
        is_trial=bool(sale and sale.kind == "trial"),
        stars=facts.stars,
        currency=facts.currency,
        payload=facts.payload,
        paid_until=sale.paid_until(facts) if sale and gives else None,
        charged_at=facts.charged_at,
        recorded_at=now,
        cause=facts.cause,
        quarantined_because=problem,
    )
    set_committed_value(charge, "order", sale.order if sale else None)
    booked = entry(facts, sale if gives else None, now)
    booked.title = charge.title
    return charge, booked


def _book(charge: Charge, booked: LedgerEntry, *more: Write) -> Charge:
    """Write a charge, its ledger entry and what follows from them."""
    row = insertion(Charge, {name: getattr(charge, name) for name in WRITTEN}, returning="id")
    charge.id = write(row, ledger.addition(booked), *more)[0]
    return charge


def _extend(charge: Charge, facts: ChargeFacts, now: datetime) -> None:
    """Give what Telegram reports beyond the end that the statement had only implied."""
    if not (facts.paid_until and charge.paid_until) or facts.paid_until <= charge.paid_until:
        return
    entries = [one for one in ledger.of(charge.telegram_id) if one.charge_id == facts.charge_id]
    booked = next((one for one in entries if one.kind == "charge"), None)
    if booked is None or any(one.paid_until == facts.paid_until for one in entries):
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
    subscriptions.extend(charge)


def _other_tiers(
    charge: Charge, plan: Subscription, now: datetime
) -> tuple[list[Subscription], list[Subscription]]:
    """Return the plans that open some of the same: those that a new one takes the place of, and those
    that take its place, since they were paid for later though their charge arrived before.
    """
    running = subscriptions.running(charge.telegram_id, plan.keys, now)
    others = [one for one in running if one.public_id != plan.public_id]
    earlier = [one for one in others if one.started_at <= charge.charged_at]
    return earlier, [one for one in others if one not in earlier]


def _send_back(charge: Charge, sale: Sale, reason: str, owner_ids: Iterable[int], now: datetime) -> None:
    """Give back by ourselves what buys nothing, and stop the plan that would go on charging for it."""
    stops = None
    if sale.is_subscription:
        known = subscriptions.find(sale.public_id)
        is_double = reason == "AlreadySubscribed"
        if is_double:
            stops = charge.telegram_payment_charge_id
        else:
            stops = known.first_charge_id if known else _first_of(charge)
    write(*_closing(sale, charge, now), *_telling(charge, "sent_back", sale, now, {"reason": reason}))
    refunds.request(charge, REASONS[reason], requested_by="shop", now=now, stops_charge_id=stops)
    if reason in ALARMING:
        _alarm(charge, reason, owner_ids, now)


def _first_of(charge: Charge) -> str:
    """Return the first charge that we have of a plan's invoice: Telegram knows a plan by its first.

    It began no plan here, perhaps, since it waits for the owner.
    """
    mine = Charge.telegram_id == charge.telegram_id, Charge.payload == charge.payload
    query = select(Charge.telegram_payment_charge_id).where(*mine).order_by(Charge.charged_at, Charge.id)
    return str(db.session.scalars(query.limit(1)).one())


def _park(charge: Charge, owner_ids: Iterable[int], now: datetime) -> None:
    told = {"charge_id": charge.telegram_payment_charge_id, **_amount(charge)}
    dedupe_key = f"in_review:{charge.telegram_payment_charge_id}"
    if outbox.is_news(charge.charged_at, now):
        outbox.add(charge.telegram_id, "in_review", told, dedupe_key=dedupe_key, now=now)
    _alarm(charge, charge.quarantined_because or "", owner_ids, now)


def _alarm(charge: Charge, problem: str, owner_ids: Iterable[int], now: datetime) -> None:
    if not outbox.is_news(charge.charged_at, now):
        return
    told = {
        "charge_id": charge.telegram_payment_charge_id,
        **_amount(charge),
        "problem": problem,
        "telegram_id": charge.telegram_id,
    }
    outbox.tell_owners(owner_ids, "owner_in_review", told, about=charge.telegram_payment_charge_id, now=now)


def _amount(charge: Charge) -> dict[str, Any]:
    return {"stars": charge.stars, "currency": charge.currency}


def _closing(sale: Sale, charge: Charge, now: datetime) -> list[Write]:
    return [orders.payment(sale.order, charge.telegram_payment_charge_id, now)] if sale.order else []


def _telling(
    charge: Charge,
    kind: str,
    sale: Sale,
    now: datetime,
    more: dict[str, Any],
    *,
    news_at: datetime | None = None,
) -> list[Write]:
    if not outbox.is_news(news_at or charge.charged_at, now):
        return []
    told = {
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
    return [outbox.addition(charge.telegram_id, kind, told, dedupe_key=dedupe_key, now=now)]
