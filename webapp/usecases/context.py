"""What the use cases of one process share."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import current_app

from webapp.bot_api import client as bot_api
from webapp.bot_api.client import BotApi
from webapp.config import Config
from webapp.domain.people.keys import KeyRing
from webapp.errors import TelegramBusy


@dataclass(frozen=True)
class Context:
    """The settings of a process, its keys, and its slots for calls that somebody waits for."""

    config: Config
    keys: KeyRing
    # A slow Bot API may hold these threads; the rest go on serving pages.
    slots: threading.BoundedSemaphore

    @property
    def client(self) -> BotApi:
        return bot_api.get_client(
            self.config.bot_api_url, self.config.bot_token, path=self.config.bot_api_path
        )

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a slot for a call to Telegram; nobody waits for a free one.

        :raise TelegramBusy: all of them are taken
        """
        if not self.slots.acquire(blocking=False):
            raise TelegramBusy(retry_after_seconds=2)
        try:
            yield
        finally:
            self.slots.release()


def current() -> Context:
    """Return the context of the application at work."""
    context: Context = current_app.extensions["context"]
    return context
