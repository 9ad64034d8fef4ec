"""This machine's clock, compared with Telegram's."""

import logging

from webapp import clock
from webapp.bot_api import witness
from webapp.bot_api.client import SKEW_PROBLEM_SECONDS, BotApiError
from webapp.errors import TelegramBusy
from webapp.usecases.context import Context

log = logging.getLogger(__name__)

BELIEVED_SECONDS = 1.0  # how long a comparison of the clocks is taken for one of just now
ANSWER_SECONDS = 2.0  # people wait for it, though only while the clock seems wrong
OLDEST_SECONDS = 600.0  # where Telegram cannot be asked again


def is_wrong(context: Context) -> bool:
    """Tell whether this machine's clock is more than a minute off, by Telegram's word of just now.

    While all is well nobody asks: every answer of the Bot API tells the time. One that told another
    is asked for again before it is believed, since the clock may have been put right meanwhile; and
    where a second clock agrees with this machine's, it is the Bot API's that is off.
    """
    if _seems_off(context) and clock.ticks() - context.client.compared_at > BELIEVED_SECONDS:
        try:
            with context.slot():
                context.client.call("getMe", timeout_seconds=ANSWER_SECONDS)
        except (BotApiError, TelegramBusy) as error:
            log.warning("clocks not compared: %s", error)
    age = clock.ticks() - context.client.compared_at
    seems_off = _seems_off(context) and age <= OLDEST_SECONDS
    return seems_off and not witness.is_on_our_side(context.config.telegram_js_url)


def _seems_off(context: Context) -> bool:
    return abs(context.client.clock_skew_seconds or 0) > SKEW_PROBLEM_SECONDS
