"""Messages of the outbox, sent one after the other by one process at a time."""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from flask import Flask

from webapp import clock
from webapp.bot import languages
from webapp.bot_api.client import BotApiError, Conflict, Refused, RetryAfter, Unauthorized
from webapp.db.models import OutboxMessage
from webapp.db.transactions import run_in_transaction
from webapp.domain.owner import broadcasts, support
from webapp.domain.queue import outbox
from webapp.texts import notifications
from webapp.usecases.context import Context

log = logging.getLogger(__name__)

DUTY = "outbox"
A_SECOND = 25  # under Telegram's 30 for a bot as a whole
ALARMS_AT_ONCE = 20


class Messages:
    """What the outbox owes people, sent by any thread of this process."""

    def __init__(self, app: Flask, holds: Callable[[str], bool]) -> None:
        """Prepare to send.

        :param holds: whether this process has a duty, by its name
        """
        self.app = app
        self.holds = holds
        self.context: Context = app.extensions["context"]

    def send_due(self) -> int:
        """Send what waits in the outbox, and return how many messages there were."""
        with self.app.app_context():
            now = clock.now()
            if self._pause_seconds() or not outbox.is_due(now) or not self.holds(DUTY):
                return 0
            batch = run_in_transaction(lambda: outbox.claim(A_SECOND, clock.now()))
            for number, message in enumerate(batch):
                if self._pause_seconds():
                    self._give_back(batch[number:])
                    break
                self._send(message)
                time.sleep(1 / A_SECOND)
            return len(batch)

    def send_alarms(self, kind: str) -> None:
        """Send what waits of one kind, without the duty to send: whoever has it is not at work."""
        with self.app.app_context():
            for message in run_in_transaction(lambda: outbox.claim(ALARMS_AT_ONCE, clock.now(), only=kind)):
                self._send(message)

    def _send(self, message: OutboxMessage) -> None:
        if message.kind == outbox.OWNERS_NEWS and not broadcasts.is_wanted(message):
            self._note(partial(outbox.failed, message, broadcasts.DECLINED))
            return
        try:
            method, params = self._call(message)
        except Exception as error:
            # Written by a newer release, perhaps: it must not stand in the way of the rest.
            log.exception("no words for a message", extra={"kind": message.kind})
            self._note(partial(outbox.retry, message, f"{type(error).__name__}: {error}"))
            return
        try:
            sent = self.context.client.call(method, params)
        except RetryAfter as error:
            pause = error.retry_after_seconds
            self._note(partial(outbox.retry, message, error.description, after_seconds=pause))
        except BotApiError as error:
            # A wrong token says nothing about the message.
            is_final = isinstance(error, Refused) and not isinstance(error, Unauthorized | Conflict)
            note = self._note_failed if is_final else outbox.retry
            self._note(partial(note, message, error.description))
        else:
            self._note(partial(self._note_sent, message, sent))

    def _call(self, message: OutboxMessage) -> tuple[str, dict[str, Any]]:
        """Return the call that sends a message, and with what."""
        where: dict[str, Any] = {"chat_id": message.telegram_id}
        config = self.context.config
        if config.owner_topic and message.telegram_id == config.owner_group:
            where["message_thread_id"] = config.owner_topic
        if message.kind in support.COPIES:
            copied = {name: message.facts[name] for name in ("from_chat_id", "message_id")}
            return "copyMessage", where | copied
        told = notifications.told(message.kind, message.facts, languages.code_of(message.telegram_id))
        markup = told.reply_markup()
        return "sendMessage", where | {"text": told.text} | ({"reply_markup": markup} if markup else {})

    def _note_sent(self, message: OutboxMessage, sent: Any, now: datetime) -> None:
        outbox.sent(message, now)
        if message.kind in support.RELAYS:
            support.note_relay(message, sent["message_id"], now)

    def _note_failed(self, message: OutboxMessage, error: str, now: datetime) -> None:
        log.warning("a message cannot be delivered: %s", error, extra={"kind": message.kind})
        outbox.failed(message, error, now)
        if message.kind in support.ANSWERS:
            support.note_undelivered(message, self.context.config.owner_chats, now)

    def _give_back(self, batch: list[OutboxMessage]) -> None:
        pause = self._pause_seconds()
        for message in batch:
            self._note(partial(outbox.retry, message, "waits with the others", after_seconds=pause))

    def _pause_seconds(self) -> float:
        """Return for how long nobody may be written to."""
        return self.context.client.pause_seconds("sendMessage")

    def _note(self, note: Callable[[datetime], None]) -> None:
        run_in_transaction(lambda: note(clock.now()))
