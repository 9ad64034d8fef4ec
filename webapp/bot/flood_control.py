"""The pauses that Telegram asks for, kept by what python-telegram-bot sends."""

import math
import os
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from telegram.error import RetryAfter
from telegram.ext import BaseRateLimiter

from webapp.bot_api.client import BotApi, chat_of

# python-telegram-bot 22.2: RetryAfter.retry_after is a timedelta, as it will be in any case; else it warns.
os.environ.setdefault("PTB_TIMEDELTA", "true")


class RateLimiter(BaseRateLimiter[None]):
    """Keeps the pauses that Telegram asked this process for, whoever heard of them."""

    def __init__(self, client: BotApi) -> None:
        self.client = client

    async def initialize(self) -> None:
        """Need nothing."""

    async def shutdown(self) -> None:
        """Leave nothing."""

    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, Any]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: None,  # noqa: ARG002
    ) -> Any:
        """Call Telegram unless it asked for silence.

        :raise RetryAfter: it did, now or before
        """
        chat = chat_of(data)
        if left := self.client.pause_seconds(endpoint, chat):
            raise RetryAfter(math.ceil(left))
        try:
            return await callback(*args, **kwargs)
        except RetryAfter as error:
            self.client.keep_silent(endpoint, seconds_of(error), chat)
            raise


def seconds_of(error: RetryAfter) -> float:
    """Return for how long Telegram wants silence."""
    asked = error.retry_after
    return asked.total_seconds() if isinstance(asked, timedelta) else asked
