"""The pauses that Telegram asks for, kept by what python-telegram-bot sends."""

import math
from collections.abc import Callable, Coroutine
from typing import Any

from telegram.error import RetryAfter
from telegram.ext import BaseRateLimiter

from webapp.bot_api.client import BotApi, chat_of


class FloodControl(BaseRateLimiter[None]):
    """Has chat keep the pauses that Telegram asked this process for, whoever heard of them."""

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


def _seconds(error: RetryAfter) -> float:
    # What is public about it changes its type with a coming release of the library.
    return error._retry_after.total_seconds()


def seconds_of(error: RetryAfter) -> float:
    """Return for how long Telegram wants silence."""
    # What is public about it changes its type with a coming release of the library.
    return error._retry_after.total_seconds()
