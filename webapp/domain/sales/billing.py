"""What charges, and what Telegram says of renewals, make of a plan."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from webapp.db.engine import db
from webapp.db.models import Charge, Subscription
from webapp.db.writes import insert_once
from webapp.domain.access import ledger
from webapp.domain.queue import outbox
from webapp.domain.sales import subscriptions
from webapp.domain.sales.subscriptions import Plan

# Update ids count up, except after an idle week (Bot API: Update), and wait for a day at most: those that
# arrive nearer to each other than this tell an order.
NEAR = timedelta(days=6)
STATES = frozenset({"canceled", "active", "failed"})  # Bot API: BotSubscriptionUpdated


class SubscriptionUnknown(Exception):
    """Telegram speaks of a plan whose first charge has not arrived: worth trying again."""


@dataclass(frozen=True)
class Renewal:
    """What Telegram says about a plan's renewal; no date comes with it."""

    public_id: str
    telegram_id: int
    state: str  # canceled | active | failed
    update_id: int


def record(plan: Plan, charge: Charge, paid_until: datetime) -> Subscription:
    """Begin or extend a plan by a charge, whichever of its charges arrives first.

    A charge proves that renewal works: what was said of a failed one is over.
    """
    subscription = subscriptions.find(plan.public_id)
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
    subscriptions.change(subscription, **changes)
    return subscription


def extend(charge: Charge) -> None:
    """Extend a plan to the later end that Telegram reports of one of its charges."""
    subscription = subscriptions.paid_by(charge)
    if subscription:
        subscriptions.change(subscription, paid_until=_end(subscription))


def end_refunded(charge: Charge) -> None:
    """End a plan with the latest of its charges that were not given back."""
    subscription = subscriptions.paid_by(charge)
    if subscription is None:
        return
    subscriptions.change(subscription, paid_until=_end(subscription), failed_at=None)


def note_state(news: Renewal, now: datetime) -> None:
    """Note what Telegram says of a plan's renewal; access is not touched.

    States that arrive out of order are put right by their update ids.

    :raise SubscriptionUnknown: no charge of this plan has arrived yet
    """
    ledger.lock(news.telegram_id)
    subscription = subscriptions.find(news.public_id)
    if subscription is None or subscription.telegram_id != news.telegram_id:
        raise SubscriptionUnknown(news.public_id)
    if _is_old(subscription, news, now) or (news.state == "failed" and _was_paid(subscription, news, now)):
        return
    was_renewing = subscription.renews
    changes: dict[str, dict[str, object]] = {
        "canceled": {"canceled_at": subscription.canceled_at or now},
        "active": {"canceled_at": None, "locked_at": None, "failed_at": None},
        "failed": {"failed_at": now, "failed_update_id": news.update_id},
    }
    subscriptions.change(subscription, stated_update_id=news.update_id, stated_at=now, **changes[news.state])
    if news.state == "failed":
        subscriptions.tell_buyer(subscription, "renewal_failed", news.update_id, now)
    if news.state == "canceled" and was_renewing:
        subscriptions.tell_buyer(subscription, "renewal_off", news.update_id, now, outbox.note)


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


def _is_old(subscription: Subscription, news: Renewal, now: datetime) -> bool:
    seen, at = subscription.stated_update_id, subscription.stated_at
    return seen is not None and at is not None and news.update_id <= seen and now - at < NEAR


def _was_paid(subscription: Subscription, news: Renewal, now: datetime) -> bool:
    """Tell whether a renewal that failed, says Telegram, was paid for after all."""
    paid = select(Charge).where(
        Charge.telegram_id == subscription.telegram_id,
        Charge.payload == subscription.payload,
        Charge.paid_until.is_not(None),
    )
    last = db.session.scalar(paid.order_by(Charge.charged_at.desc(), Charge.id.desc()).limit(1))
    return bool(last and last.paid_until and _followed(last, last.paid_until, news.update_id, now))


def _followed(charge: Charge, paid_until: datetime, update_id: int | None, heard_at: datetime) -> bool:
    """Tell whether Telegram took a charge after the failure that an update told of.

    The failure has no time of Telegram's, and ours says only when it arrived. So its update's id decides.
    Where the charge has none near, as from the statement, a failure told in the first half of what the
    charge pays for was of this very renewal: updates wait a day at most (Bot API: getUpdates).
    """
    is_near = abs(heard_at - charge.recorded_at) < NEAR
    if charge.update_id is not None and update_id is not None and is_near:
        return charge.update_id > update_id
    return heard_at < charge.charged_at + (paid_until - charge.charged_at) / 2
