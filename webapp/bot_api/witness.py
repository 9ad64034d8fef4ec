"""A second clock, asked where the Bot API and this machine disagree: a server of the owner's may be off."""

import logging
from contextlib import suppress
from email.utils import parsedate_to_datetime
from functools import lru_cache

import httpx

from webapp import clock
from webapp.bot_api.client import SKEW_PROBLEM_SECONDS, takes_proxy

log = logging.getLogger(__name__)

ANSWER_SECONDS = 2.0  # people wait for it, though only while the clocks disagree
ASKED_EVERY_SECONDS = 60


def is_on_our_side(url: str) -> bool:
    """Tell whether the site that serves Telegram's script goes by the time of this machine.

    :param url: of that script; where it cannot be asked the Bot API is believed
    """
    began_at = _beginning(url, int(clock.ticks() // ASKED_EVERY_SECONDS))
    if began_at is None:
        return False
    return abs(clock.now().timestamp() - began_at - clock.ticks()) <= SKEW_PROBLEM_SECONDS


@lru_cache(maxsize=4)
def _beginning(url: str, _minute: int) -> float | None:
    """Return when our ticks began by the site's clock, as seconds since 1970."""
    asked_at = clock.ticks()
    try:
        answer = httpx.head(url, timeout=ANSWER_SECONDS, trust_env=takes_proxy(url))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        log.warning("no second clock: %s", type(error).__name__)
        return None
    with suppress(ValueError, OverflowError):
        told = parsedate_to_datetime(answer.headers.get("Date", ""))
        return told.timestamp() - (asked_at + clock.ticks()) / 2
    return None
