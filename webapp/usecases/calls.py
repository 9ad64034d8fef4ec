"""Calls to Telegram, and what may be concluded from their answers."""

import logging
from typing import Any

from webapp.bot_api.client import (
    BotApiError,
    NotReached,
    OutcomeUnknown,
    Refused,
    RetryAfter,
    Unauthorized,
)
from webapp.errors import TelegramBusy, TelegramRefused
from webapp.usecases.context import Context

log = logging.getLogger(__name__)

WAITING_SECONDS = 5.0  # what a person waits for an invoice before being told to try again
# Nobody knows whether it was done. A wrong token says nothing about the money either.
NOT_KNOWN = (OutcomeUnknown, NotReached, RetryAfter, Unauthorized)


def ask_for_person(context: Context, method: str, params: dict[str, Any], **about: str) -> Any:
    """Return what Telegram gives to somebody who waits for it; nothing is owed if it does not.

    :raise TelegramBusy: Telegram did not answer in time, or too many wait for it already
    :raise TelegramRefused: Telegram will not do it
    """
    with context.slot():
        try:
            return context.client.call(method, params, timeout_seconds=WAITING_SECONDS)
        except RetryAfter as error:
            raise TelegramBusy(retry_after_seconds=error.retry_after_seconds) from error
        except Refused as error:
            log.error("%s refused: %s", method, error.description, extra=about)
            raise TelegramRefused(**about) from error
        except BotApiError as error:
            log.warning("no %s: %s", method, error.description, extra=about)
            raise TelegramBusy from error


def edit_subscription(context: Context, telegram_id: int, first_charge_id: str, *, is_canceled: bool) -> None:
    """Ask Telegram to charge no more for a plan, or to let its payer turn it on again.

    :raise BotApiError: Telegram did not do it, or nobody knows
    """
    context.client.call(
        "editUserStarSubscription",
        {
            "user_id": telegram_id,
            "telegram_payment_charge_id": first_charge_id,
            "is_canceled": is_canceled,
        },
    )


def pause_of(error: BotApiError) -> float | None:
    """Return how many seconds Telegram asks to wait before the next try, if it says so."""
    return error.retry_after_seconds if isinstance(error, RetryAfter) else None
