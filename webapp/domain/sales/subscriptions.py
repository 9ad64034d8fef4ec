"""Subscriptions: plans that Telegram charges for again until somebody says stop.

Access follows from the ledger's dates. What is kept here is which charge began a plan, whether
Telegram will charge again, and what Telegram is to be asked about that.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import exists, select, update

from webapp.db.extensions import db
from webapp.db.models import Charge, Product, Subscription
from webapp.db.retried import is_over
from webapp.db.statements import insert_once
from webapp.domain.access import ledger
from webapp.domain.people.keys import KeyRing
from webapp.domain.queue import outbox
from webapp.domain.sales import payloads
from webapp.errors import OffSale, SubscriptionNotFound

MONTH_SECONDS = 2_592_000  # Bot API: createInvoiceLink, subscription_period
LONGEST_PAUSE_SECONDS = 600
# Update ids count up, except after an idle week (Bot API: Update), and wait for a day at most: those that
# arrive nearer to each other than this tell an order.
NEAR = timedelta(days=6)
STATES = frozenset({"canceled", "active", "failed"})  # Bot API: BotSubscriptionUpdated


class SubscriptionUnknown(Exception):
    """Telegram speaks of a plan whose first charge has not arrived: worth trying again."""


class Named(Protocol):
    """A product as its plans and charges name it."""

    @property
    def id(self) -> int: ...
    @property
    def slug(self) -> str: ...


@dataclass(frozen=True)
class Plan:
    """What a subscription's order agreed on."""

    public_id: str  # the order's
    product: Named
    title: str
    stars: int
    keys: list[str]
    grace_days: int


@dataclass(frozen=True)
class Renewal:
    """What Telegram says about a plan's renewal; no date comes with it."""

    public_id: str
    telegram_id: int
    state: str  # canceled | active | failed
    update_id: int


def find(public_id: str) -> Subscription | None:
    """Return a subscription as the database has it now."""
    return db.session.get(Subscription, public_id, populate_existing=True)


def get_for(telegram_id: int, public_id: str) -> Subscription:
    """Return somebody's own subscription.

    :raise SubscriptionNotFound: there is none, or it is someone else's
    """
    subscription = find(public_id)
    if subscription is None or subscription.telegram_id != telegram_id:
        raise SubscriptionNotFound(subscription=public_id)
    return subscription


def of(telegram_id: int) -> list[Subscription]:
    """Return a person's subscriptions, ended ones included, the latest first."""
    query = select(Subscription).where(Subscription.telegram_id == telegram_id)
    query = query.order_by(Subscription.started_at.desc(), Subscription.public_id)
    return list(db.session.scalars(query, execution_options={"populate_existing": True}))


def running(telegram_id: int, keys: Collection[str], now: datetime) -> list[Subscription]:
    """Return a person's plans that give any of these entitlement keys now."""
    return [one for one in of(telegram_id) if one.is_running(now) and set(one.keys) & set(keys)]


def state(subscription: Subscription, now: datetime) -> str:
    """Return how it stands with a plan.

    :return: ended, or lapsed while it is open for its days of grace alone; cancelling or resuming while
        Telegram has not agreed yet; locked when we cancelled it, cancelled when only its payer can turn
        it on again; failed or due, or simply renewing
    """
    if not subscription.is_running(now):
        return "ended"
    is_paid = now < subscription.paid_until
    if not (subscription.renews or is_paid):
        return "lapsed"
    if subscription.wish:
        return "cancelling" if subscription.wish == "cancel" else "resuming"
    if not subscription.renews:
        return "locked" if subscription.locked_at else "cancelled"
    if subscription.failed_at:
        return "failed"
    return "renewing" if is_paid else "due"


def was_refused(subscription: Subscription) -> bool:
    """Tell whether Telegram said no to the last wish, and has said nothing of the plan since."""
    wished_at, stated_at = subscription.wished_at, subscription.stated_at
    if not subscription.refused_because or wished_at is None:
        return False
    return stated_at is None or stated_at < wished_at


def is_sold(subscription: Subscription) -> bool:
    """Tell whether a plan is still one that the shop sells."""
    return db.session.get_one(Product, subscription.product_id, populate_existing=True).is_on_sale


def holds(telegram_id: int, product: Product, now: datetime) -> bool:
    """Tell whether a person has paid for a plan beyond now."""
    return any(one.product_id == product.id and now < one.paid_until for one in of(telegram_id))


def had(telegram_id: int, product: Named, *, by: datetime | None = None) -> bool:
    """Tell whether a person ever tried a plan, or had it: ever or by a moment."""
    # Two trials may be charged in one second, and the later one told first: whichever is here counts.
    tried = exists().where(Charge.telegram_id == telegram_id, Charge.slug == product.slug, Charge.is_trial)
    begun = [one.started_at for one in of(telegram_id) if one.product_id == product.id]
    return any(by is None or at <= by for at in begun) or bool(db.session.scalar(select(tried)))


def record(plan: Plan, charge: Charge, paid_until: datetime) -> Subscription:
    """Have a plan begun or extended by a charge, whichever of its charges arrives first.

    A charge proves that renewal works: what was said of a failed one is over.
    """
    subscription = find(plan.public_id)
    if subscription is None:
        return _begin(plan, charge, paid_until)
    paid_before = paid_until if subscription.is_refunded else subscription.paid_until
    changes: dict[str, object] = {"paid_until": max(paid_before, paid_until)}
    if charge.charged_at < subscription.started_at:
        # Arrived after a renewal of it, but it is the one that Telegram knows the plan by.
        changes |= {
            "first_charge_id": charge.telegram_payment_charge_id,
            "started_at": charge.charged_at,
        }
    if subscription.failed_at and _followed(
        charge, paid_until, subscription.failed_update_id, subscription.failed_at
    ):
        changes |= {"failed_at": None, "failed_update_id": None}
    _update(subscription, **changes)
    return subscription


def extend(charge: Charge) -> None:
    """Have a plan paid for until the later end that Telegram reports of one of its charges."""
    subscription = paid_by(charge)
    if subscription:
        _update(subscription, paid_until=_end(subscription))


def paid_by(charge: Charge) -> Subscription | None:
    """Return the plan that a charge began or renewed."""
    if charge.paid_until is None:
        return None
    plans = [one for one in of(charge.telegram_id) if one.payload == charge.payload]
    return plans[0] if plans else None


def refunded(charge: Charge) -> None:
    """Have a plan end with the latest of its charges that were not given back."""
    subscription = paid_by(charge)
    if subscription is None:
        return
    _update(subscription, paid_until=_end(subscription), failed_at=None)


def note(told: Renewal, now: datetime) -> None:
    """Remember what Telegram says of a plan's renewal; access is not touched.

    States that arrive out of order are put right by their update ids.

    :raise SubscriptionUnknown: no charge of this plan has arrived yet
    """
    ledger.lock(told.telegram_id)
    subscription = find(told.public_id)
    if subscription is None or subscription.telegram_id != told.telegram_id:
        raise SubscriptionUnknown(told.public_id)
    if _is_old(subscription, told, now) or (told.state == "failed" and _was_paid(subscription, told, now)):
        return
    was_renewing = subscription.renews
    changes: dict[str, dict[str, object]] = {
        "canceled": {"canceled_at": subscription.canceled_at or now},
        "active": {"canceled_at": None, "locked_at": None, "failed_at": None},
        "failed": {"failed_at": now, "failed_update_id": told.update_id},
    }
    _update(subscription, stated_update_id=told.update_id, stated_at=now, **changes[told.state])
    if told.state == "failed":
        _tell(subscription, "renewal_failed", told.update_id, now)
    if told.state == "canceled" and was_renewing:
        _tell(subscription, "renewal_off", told.update_id, now, outbox.note)


def ask(subscription: Subscription, wish: str, *, by: str, now: datetime) -> None:
    """Want renewal stopped or allowed again; nothing is true of it until Telegram agrees.

    :param wish: cancel or resume
    :param by: buyer, shop or owner
    :raise OffSale: it is no longer sold, so a renewal would only be sent back
    """
    if (wish == "cancel") != subscription.renews:
        return
    if wish == "resume" and not is_sold(subscription):
        raise OffSale(subscription=subscription.public_id)
    _update(
        subscription,
        wish=wish,
        wished_by=by,
        wished_at=now,
        next_attempt_at=now,
        attempts=0,
        refused_because=None,
    )


def settle(subscription: Subscription, wish: str, now: datetime) -> None:
    """Note that Telegram did what was wished.

    Cancelled by us, the person cannot turn renewal on again. Taking that back only lets them: it
    goes on when they do so in Telegram, and Telegram says active.
    """
    changes: dict[str, object] = {"locked_at": None}
    if wish == "cancel":
        changes = {"canceled_at": subscription.canceled_at or now, "locked_at": now}
    _update(subscription, wish=None, next_attempt_at=None, **changes)
    if wish == "cancel":
        _tell(subscription, "renewal_stopped", f"{subscription.wished_at}", now)


def stopped(telegram_id: int, first_charge_id: str, now: datetime) -> None:
    """Note that Telegram will charge no more for a plan since its charge is given back."""
    for one in of(telegram_id):
        if one.first_charge_id == first_charge_id and one.renews:
            _update(one, canceled_at=now, locked_at=now, wish=None, next_attempt_at=None)


def tried(subscription: Subscription, now: datetime, *, after_seconds: float | None = None) -> None:
    """Note that Telegram was asked and its answer is not known; it is asked again later."""
    pause = (
        after_seconds if after_seconds is not None else min(2**subscription.attempts, LONGEST_PAUSE_SECONDS)
    )
    _update(
        subscription,
        attempts=Subscription.attempts + 1,
        next_attempt_at=now + timedelta(seconds=pause),
    )


def refuse(subscription: Subscription, why: str) -> None:
    """Note that Telegram said no for good: renewal is as it was."""
    _update(subscription, wish=None, next_attempt_at=None, refused_because=why[:255])


def due(limit: int, now: datetime) -> list[Subscription]:
    """Return the plans about which Telegram is to be asked now."""
    query = (
        select(Subscription)
        .where(
            Subscription.wish.is_not(None),
            is_over(Subscription.next_attempt_at, LONGEST_PAUSE_SECONDS, now),
        )
        .order_by(Subscription.next_attempt_at)
        .limit(limit)
    )
    return list(db.session.scalars(query, execution_options={"populate_existing": True}))


def stop(subscriptions: Collection[Subscription], *, by: str, now: datetime) -> None:
    """Want the renewal of all these stopped, those excepted that Telegram will not renew anyway."""
    for one in subscriptions:
        if one.renews and one.wish != "cancel" and one.is_running(now):
            ask(one, "cancel", by=by, now=now)


def unreadable(keys: KeyRing, now: datetime) -> int:
    """Return how many plans go on whose payload none of our keys opens any more.

    A payload lives as long as its plan: each renewal repeats it, and would not be understood.
    """
    going_on = select(Subscription.payload).where(
        Subscription.paid_until > now - timedelta(seconds=MONTH_SECONDS), Subscription.canceled_at.is_(None)
    )
    return sum(not _opens(payload, keys) for payload in db.session.scalars(going_on))


def of_product(product: Product) -> list[Subscription]:
    """Return everybody's subscriptions to a product."""
    query = select(Subscription).where(Subscription.product_id == product.id)
    return list(db.session.scalars(query, execution_options={"populate_existing": True}))


def _opens(payload: str, keys: KeyRing) -> bool:
    try:
        payloads.unseal(payload, keys)
    except payloads.PayloadInvalid:
        return False
    return True


def _begin(plan: Plan, charge: Charge, paid_until: datetime) -> Subscription:
    facts = {
        "public_id": plan.public_id,
        "telegram_id": charge.telegram_id,
        "product_id": plan.product.id,
        "payload": charge.payload,
        "title": plan.title,
        "stars": plan.stars,
        "keys": plan.keys,
        "first_charge_id": charge.telegram_payment_charge_id,
        "started_at": charge.charged_at,
        "paid_until": paid_until,
        "grace_days": plan.grace_days,
        "attempts": 0,
    }
    insert_once(Subscription, facts, returning="public_id")
    return db.session.get_one(Subscription, plan.public_id, populate_existing=True)


def _end(subscription: Subscription) -> datetime:
    """Return until when the charges pay that were not given back; its beginning if all were."""
    entries = ledger.of(subscription.telegram_id)
    void = {one.charge_id for one in entries if one.kind == "refund"}
    paid = select(Charge.telegram_payment_charge_id).where(
        Charge.telegram_id == subscription.telegram_id, Charge.payload == subscription.payload
    )
    standing = set(db.session.scalars(paid)) - void
    ends = [one.paid_until for one in entries if one.charge_id in standing and one.paid_until]
    return max(ends, default=subscription.started_at)


def _is_old(subscription: Subscription, told: Renewal, now: datetime) -> bool:
    seen, at = subscription.stated_update_id, subscription.stated_at
    return seen is not None and at is not None and told.update_id <= seen and now - at < NEAR


def _was_paid(subscription: Subscription, told: Renewal, now: datetime) -> bool:
    """Tell whether a renewal that failed, says Telegram, was paid for after all."""
    paid = select(Charge).where(
        Charge.telegram_id == subscription.telegram_id,
        Charge.payload == subscription.payload,
        Charge.paid_until.is_not(None),
    )
    last = db.session.scalar(paid.order_by(Charge.charged_at.desc(), Charge.id.desc()).limit(1))
    return bool(last and last.paid_until and _followed(last, last.paid_until, told.update_id, now))


def _followed(charge: Charge, paid_until: datetime, update_id: int | None, told_at: datetime) -> bool:
    """Tell whether Telegram took a charge after the failure that an update told of.

    The failure has no time of Telegram's, and ours says only when it arrived. So its update's id decides.
    Where the charge has none near, as from the statement, a failure told in the first half of what the
    charge pays for was of this very renewal: updates wait a day at most (Bot API: getUpdates).
    """
    is_near = abs(told_at - charge.recorded_at) < NEAR
    if charge.update_id is not None and update_id is not None and is_near:
        return charge.update_id > update_id
    return told_at < charge.charged_at + (paid_until - charge.charged_at) / 2


def _tell(
    subscription: Subscription,
    kind: str,
    about: object,
    now: datetime,
    add: Callable[..., object] = outbox.add,
) -> None:
    told = {
        "title": subscription.title,
        "stars": subscription.stars,
        "subscription": subscription.public_id,
        "paid_until": subscription.paid_until.isoformat(),
        "ends_at": subscription.ends_at.isoformat(),
        "by": subscription.wished_by,
    }
    dedupe_key = f"{kind}:{subscription.public_id}:{about}"
    add(subscription.telegram_id, kind, told, dedupe_key=dedupe_key, now=now)


def _update(subscription: Subscription, **changes: object) -> None:
    db.session.execute(
        update(Subscription).where(Subscription.public_id == subscription.public_id).values(**changes)
    )
    db.session.get(Subscription, subscription.public_id, populate_existing=True)
