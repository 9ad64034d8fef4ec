"""Renewals of plans: the request is committed, Telegram is asked, its answer is committed."""

import logging

from webapp import clock
from webapp.bot_api.client import Refused
from webapp.db.models import Subscription
from webapp.db.transactions import transaction
from webapp.domain.people import rate_limits
from webapp.domain.sales import renewals, subscriptions
from webapp.errors import TelegramBusy
from webapp.usecases import calls
from webapp.usecases.context import Context

log = logging.getLogger(__name__)

REQUESTS_A_MINUTE = 6  # of a buyer: a renewal turned off or on, a charge given back
AT_ONCE = 20  # plans of one round


def cancel_renewal(context: Context, subscription: Subscription, *, by: str) -> Subscription:
    """Stop a plan's renewal at Telegram, or write down that it has to be asked again.

    :return: the subscription; while its wish is left, Telegram has not answered
    :raise RateLimited: its buyer changed their mind six times within a minute
    """
    with transaction():
        _count(subscription, by)
        renewals.request_cancel(subscription, by=by, now=clock.now())
    return _carry_out_now(context, subscription, "cancel")


def allow_renewal(context: Context, subscription: Subscription, *, by: str) -> Subscription:
    """Let a person turn a plan's renewal on again, or write down that Telegram has to be asked again.

    :raise OffSale: the plan is no longer sold
    :raise RateLimited: its buyer changed their mind six times within a minute
    """
    with transaction():
        _count(subscription, by)
        renewals.request_resume(subscription, by=by, now=clock.now())
    return _carry_out_now(context, subscription, "resume")


def carry_out(context: Context, subscription: Subscription) -> Subscription:
    """Ask Telegram for what is requested of a plan's renewal, and write down what it says."""
    wish = subscription.wish or "cancel"
    try:
        calls.edit_subscription(
            context, subscription.telegram_id, subscription.first_charge_id, is_canceled=wish == "cancel"
        )
    except calls.NOT_KNOWN as error:
        log.warning("renewal not changed: %s", error.description)
        with transaction():
            renewals.mark_attempted(subscription, clock.now(), after_seconds=calls.pause_of(error))
    except Refused as error:
        log.error("renewal not changed: %s", error.description)
        with transaction():
            renewals.mark_rejected(subscription, error.description)
    else:
        with transaction():
            renewals.mark_done(subscription, wish, clock.now())
    return subscriptions.find(subscription.public_id) or subscription


def carry_out_due(context: Context) -> int:
    """Ask Telegram about every plan whose turn it is, and return about how many; none in a pause."""
    due = renewals.due(AT_ONCE, clock.now())
    for number, subscription in enumerate(due):
        if context.client.pause_seconds("editUserStarSubscription"):
            return number
        carry_out(context, subscription)
    return len(due)


def count_request(telegram_id: int) -> None:
    """Count one more change of a buyer's mind.

    :raise RateLimited: it is the seventh within a minute
    """
    rate_limits.hit(f"wish:{telegram_id}", REQUESTS_A_MINUTE, 60, clock.now())


def _count(subscription: Subscription, by: str) -> None:
    if by == "buyer":
        count_request(subscription.telegram_id)


def _carry_out_now(context: Context, subscription: Subscription, wish: str) -> Subscription:
    if subscription.wish != wish:
        return subscription  # it is so already
    try:
        with context.slot():
            return carry_out(context, subscription)
    except TelegramBusy:
        return subscription  # the request is kept, and the bot asks in a moment
