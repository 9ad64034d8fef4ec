"""Renewals that somebody wants stopped or allowed again, until Telegram says yes or no."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select

from webapp.db import retried
from webapp.db.engine import db
from webapp.db.models import Subscription
from webapp.db.retried import Retries
from webapp.domain.sales import subscriptions
from webapp.errors import OffSale

RETRIES = Retries(Subscription, longest_pause_seconds=600)


def request_cancel(subscription: Subscription, *, by: str, now: datetime) -> None:
    """Request that Telegram renews a plan no more; it renews until Telegram agrees.

    :param by: buyer, shop or owner
    """
    if subscription.renews:
        _request(subscription, "cancel", by, now)


def request_cancels(plans: Collection[Subscription], *, by: str, now: datetime) -> None:
    """Request that Telegram renews none of these plans, those excepted that it will not renew anyway."""
    for plan in plans:
        if plan.wish != "cancel" and plan.is_running(now):
            request_cancel(plan, by=by, now=now)


def request_resume(subscription: Subscription, *, by: str, now: datetime) -> None:
    """Request that the person can turn a plan's renewal on again; nothing changes until Telegram agrees.

    :param by: buyer, shop or owner
    :raise OffSale: it is no longer sold, so a renewal would only be sent back
    """
    if subscription.renews:
        return
    if not subscriptions.is_sold(subscription):
        raise OffSale(subscription=subscription.public_id)
    _request(subscription, "resume", by, now)


def mark_attempted(subscription: Subscription, now: datetime, *, after_seconds: float | None = None) -> None:
    """Note that Telegram was asked and its answer is not known; it is asked again later."""
    subscriptions.change(
        subscription, **RETRIES.attempted(subscription.attempts, now, after_seconds=after_seconds)
    )


def mark_done(subscription: Subscription, wish: str, now: datetime) -> None:
    """Note that Telegram did what was requested.

    Cancelled by us, the person cannot turn renewal on again. Taking that back only lets them: it
    goes on when they do so in Telegram, and Telegram says active.
    """
    changes: dict[str, object] = {"locked_at": None}
    if wish == "cancel":
        changes = {"canceled_at": subscription.canceled_at or now, "locked_at": now}
    subscriptions.change(subscription, wish=None, next_attempt_at=None, **changes)
    if wish == "cancel":
        subscriptions.tell_buyer(subscription, "renewal_stopped", f"{subscription.wished_at}", now)


def mark_rejected(subscription: Subscription, why: str) -> None:
    """Note that Telegram said no for good: renewal is as it was."""
    subscriptions.change(subscription, wish=None, next_attempt_at=None, refused_because=why[:255])


def mark_stopped(telegram_id: int, first_charge_id: str, now: datetime) -> None:
    """Note that Telegram will charge no more for a plan since its charge is given back."""
    for plan in subscriptions.list_for(telegram_id):
        if plan.first_charge_id == first_charge_id and plan.renews:
            subscriptions.change(plan, canceled_at=now, locked_at=now, wish=None, next_attempt_at=None)


def due(limit: int, now: datetime) -> list[Subscription]:
    """Return the plans about which Telegram is to be asked now."""
    query = (
        select(Subscription)
        .where(
            Subscription.wish.is_not(None),
            RETRIES.is_due(now),
        )
        .order_by(Subscription.next_attempt_at)
        .limit(limit)
    )
    return list(db.session.scalars(query, execution_options={"populate_existing": True}))


def _request(subscription: Subscription, wish: str, by: str, now: datetime) -> None:
    subscriptions.change(
        subscription,
        wish=wish,
        wished_by=by,
        wished_at=now,
        refused_because=None,
        **retried.afresh(now),
    )
