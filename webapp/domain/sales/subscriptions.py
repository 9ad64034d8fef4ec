"""Subscriptions: plans that Telegram charges for again until somebody says stop.

Access follows from the ledger's dates. What is kept here is which charge began a plan, whether
Telegram will charge again, and what Telegram is to be asked about that.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import exists, select, update

from webapp.db.engine import db
from webapp.db.models import Charge, Product, Subscription
from webapp.domain.people.keys import KeyRing
from webapp.domain.queue import outbox
from webapp.domain.sales import payloads
from webapp.errors import SubscriptionNotFound

MONTH_SECONDS = 2_592_000  # Bot API: createInvoiceLink, subscription_period


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


def list_for(telegram_id: int) -> list[Subscription]:
    """Return a person's subscriptions, ended ones included, the latest first."""
    query = select(Subscription).where(Subscription.telegram_id == telegram_id)
    query = query.order_by(Subscription.started_at.desc(), Subscription.public_id)
    return list(db.session.scalars(query, execution_options={"populate_existing": True}))


def list_for_product(product: Product) -> list[Subscription]:
    """Return everybody's subscriptions to a product."""
    query = select(Subscription).where(Subscription.product_id == product.id)
    return list(db.session.scalars(query, execution_options={"populate_existing": True}))


def running(telegram_id: int, keys: Collection[str], now: datetime) -> list[Subscription]:
    """Return a person's plans that give any of these entitlement keys now."""
    return [one for one in list_for(telegram_id) if one.is_running(now) and set(one.keys) & set(keys)]


def cover(telegram_id: int, keys: list[str], now: datetime) -> bool:
    """Tell whether a person's running plans open all of this already."""
    plans = running(telegram_id, keys, now)
    return bool(plans) and set(keys) <= {key for plan in plans for key in plan.keys}


def paid_by(charge: Charge) -> Subscription | None:
    """Return the plan that a charge began or renewed."""
    if charge.paid_until is None:
        return None
    plans = [one for one in list_for(charge.telegram_id) if one.payload == charge.payload]
    return plans[0] if plans else None


def state(subscription: Subscription, now: datetime) -> str:
    """Return the state of a plan.

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
    return any(one.product_id == product.id and now < one.paid_until for one in list_for(telegram_id))


def had(telegram_id: int, product: Named, *, by: datetime | None = None) -> bool:
    """Tell whether a person ever tried a plan, or had it: ever or by a moment."""
    # Two trials may be charged in one second, and the later one told first: whichever is here counts.
    trial = exists().where(Charge.telegram_id == telegram_id, Charge.slug == product.slug, Charge.is_trial)
    begun = [one.started_at for one in list_for(telegram_id) if one.product_id == product.id]
    return any(by is None or at <= by for at in begun) or bool(db.session.scalar(select(trial)))


def unreadable(keys: KeyRing, now: datetime) -> int:
    """Return how many plans go on whose payload none of our keys opens any more.

    A payload lives as long as its plan: each renewal repeats it, and would not be understood.
    """
    going_on = select(Subscription.payload).where(
        Subscription.paid_until > now - timedelta(seconds=MONTH_SECONDS), Subscription.canceled_at.is_(None)
    )
    return sum(not _opens(payload, keys) for payload in db.session.scalars(going_on))


def change(subscription: Subscription, **changes: object) -> None:
    """Change a subscription, and the row in hand with it."""
    db.session.execute(
        update(Subscription).where(Subscription.public_id == subscription.public_id).values(**changes)
    )
    db.session.get(Subscription, subscription.public_id, populate_existing=True)


def tell_buyer(
    subscription: Subscription,
    kind: str,
    about: object,
    now: datetime,
    add: Callable[..., object] = outbox.add,
) -> None:
    """Tell the person who pays for a plan something about it, once.

    :param about: what makes it another message than the last of its kind
    """
    facts = {
        "title": subscription.title,
        "stars": subscription.stars,
        "subscription": subscription.public_id,
        "paid_until": subscription.paid_until.isoformat(),
        "ends_at": subscription.ends_at.isoformat(),
        "by": subscription.wished_by,
    }
    dedupe_key = f"{kind}:{subscription.public_id}:{about}"
    add(subscription.telegram_id, kind, facts, dedupe_key=dedupe_key, now=now)


def _opens(payload: str, keys: KeyRing) -> bool:
    try:
        payloads.unseal(payload, keys)
    except payloads.PayloadInvalid:
        return False
    return True
