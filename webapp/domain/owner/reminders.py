"""Reminders in the chat, before something that was paid for ends or renews."""

from datetime import datetime, timedelta

from sqlalchemy import select

from webapp.db.engine import db
from webapp.db.models import Entitlement, Subscription
from webapp.domain.access import ledger
from webapp.domain.queue import outbox
from webapp.domain.sales import subscriptions


def write(ahead: timedelta, now: datetime) -> int:
    """Remind everybody, once, whose pass ends or whose plan ends or renews within this time.

    What lasts hardly longer than that altogether is left out: its buyer has just read when it ends.

    :return: how many were written
    """
    plans = [one for one in _plans(ahead, now) if one.paid_until - one.started_at > 2 * ahead]
    reminded = [_remind_of_plan(one, now) for one in plans]
    for one in _passes(ahead, now):
        if one.until and one.until - one.since > 2 * ahead:
            reminded.append(_remind_of_pass(one, one.until, now))
    return sum(reminded)


def _plans(ahead: timedelta, now: datetime) -> list[Subscription]:
    query = select(Subscription).where(Subscription.paid_until > now, Subscription.paid_until <= now + ahead)
    return list(db.session.scalars(query, execution_options={"populate_existing": True}))


def _passes(ahead: timedelta, now: datetime) -> list[Entitlement]:
    query = select(Entitlement).where(Entitlement.until > now, Entitlement.until <= now + ahead)
    return list(db.session.scalars(query, execution_options={"populate_existing": True}))


def _remind_of_plan(plan: Subscription, now: datetime) -> bool:
    told = {
        "title": plan.title,
        "stars": plan.stars,
        "subscription": plan.public_id,
        "at": plan.paid_until.isoformat(),
    }
    kind = "renews_soon" if plan.renews else "plan_ends_soon"
    dedupe_key = f"{kind}:{plan.public_id}:{plan.paid_until.isoformat()}"
    return outbox.add(plan.telegram_id, kind, told, dedupe_key=dedupe_key, now=now)


def _remind_of_pass(entitlement: Entitlement, until: datetime, now: datetime) -> bool:
    plans = subscriptions.running(entitlement.telegram_id, [entitlement.key], now)
    if any(plan.ends_at >= until for plan in plans):
        return False
    entries = [one for one in ledger.of(entitlement.telegram_id) if entitlement.key in one.keys]
    title = next((one.title for one in reversed(entries) if one.title), entitlement.key)
    told = {"title": title, "at": until.isoformat()}
    # Several keys of one purchase end together, and are one message.
    dedupe_key = f"pass_ends_soon:{entitlement.telegram_id}:{until.isoformat()}"
    return outbox.add(entitlement.telegram_id, "pass_ends_soon", told, dedupe_key=dedupe_key, now=now)
