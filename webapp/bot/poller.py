"""Updates fetched from Telegram, kept, and only then confirmed."""

import logging
from collections.abc import Callable
from typing import Any

from flask import Flask

from webapp import clock
from webapp.bot.leases import Turn
from webapp.bot.wakeups import Stop, Wakeups, jittered, longer
from webapp.bot_api.client import (
    BotApiError,
    Conflict,
    NotReached,
    OutcomeUnknown,
    RetryAfter,
    Unauthorized,
)
from webapp.bot_api.registration import ALLOWED_UPDATES
from webapp.domain.queue import inbox
from webapp.usecases import receiving
from webapp.usecases.context import Context

log = logging.getLogger(__name__)

# How long Telegram may hold a poll open; it allows up to 50. Nothing is heard for as long, and a little
# longer, after a poll that the network swallowed.
POLL_SECONDS = 10
POLL_SLACK_SECONDS = 5
OTHER_POLL = "other getUpdates request"  # in Telegram's words for a conflict of two polls
UPDATES_AT_ONCE = 100  # Bot API: getUpdates, limit
TURN_LOOK_SECONDS = 1.0  # how soon a process that stands by notices that nobody polls
# What another poll of ours may take to end after its process did; conflicts beyond that are somebody else's.
CONFLICT_SECONDS = 2.0 * (POLL_SECONDS + POLL_SLACK_SECONDS)
CONFLICTS_FORGOTTEN_SECONDS = 120.0
GAP_SECONDS = 2.0 * (POLL_SECONDS + POLL_SLACK_SECONDS)  # as long as two polls may take


class Poller:
    """Fetches updates; Telegram hears that they arrived by the next poll's offset, after the commit."""

    def __init__(self, app: Flask, turn: Turn, wakeups: Wakeups, after_gap: Callable[[], None]) -> None:
        """Prepare to poll.

        :param after_gap: called where updates may have expired while this process could not poll
        """
        self.app = app
        self.context: Context = app.extensions["context"]
        self.turn = turn
        self.wakeups = wakeups
        self.after_gap = after_gap
        self.offset: int | None = None
        self.pause = 1.0
        self.heard_at = clock.ticks()
        self.conflicts: list[float] = []  # when others polled, of late

    def step(self) -> None:
        """Poll once, or wait after a failure or while another process polls."""
        if not self._is_our_turn():
            self.wakeups.pause(TURN_LOOK_SECONDS)
            return
        try:
            updates = self._fetch()
        except Unauthorized as error:
            raise Stop("Telegram no longer knows this BOT_TOKEN.") from error
        except Conflict as error:
            self._note_conflict(error)
            self._wait(self.pause)
        except RetryAfter as error:
            self._wait(error.retry_after_seconds)
        except BotApiError as error:
            if not isinstance(error, NotReached | OutcomeUnknown):
                log.error("Telegram refused the poll: %s", error.description)
            self._wait(self.pause)
        else:
            self.pause = 1.0
            self._look_back()
            self._keep(updates)

    def _is_our_turn(self) -> bool:
        if self.turn.is_mine():
            return True
        # Another process may have polled meanwhile, and numbers may have begun anew: what was next for this
        # one would confirm, unread, whatever is below it.
        self.offset = None
        return self.turn.renew()

    def _note_conflict(self, error: Conflict) -> None:
        """Say that another program polls; a poll of a process that just ended is none."""
        ticks = clock.ticks()
        recent = [at for at in self.conflicts if ticks - at < CONFLICTS_FORGOTTEN_SECONDS]
        self.conflicts = [*recent, ticks]
        if OTHER_POLL in error.description and ticks - self.conflicts[0] <= CONFLICT_SECONDS:
            return
        log.error("not polling: %s. Only one program may poll, and none while a webhook is set.", error)

    def _look_back(self) -> None:
        """Ask the statement, after a gap, for what may have expired in it."""
        ticks = clock.ticks()
        if ticks - self.heard_at > GAP_SECONDS:
            self.after_gap()
        self.heard_at = ticks

    def _fetch(self) -> list[dict[str, Any]]:
        asked: dict[str, Any] = {
            "timeout": POLL_SECONDS,
            "limit": UPDATES_AT_ONCE,
            "allowed_updates": list(ALLOWED_UPDATES),
        }
        if self.offset is not None:
            asked["offset"] = self.offset
        updates: list[dict[str, Any]] = self.context.client.call(
            "getUpdates", asked, timeout_seconds=POLL_SECONDS + POLL_SLACK_SECONDS
        )
        return updates

    def _keep(self, updates: list[dict[str, Any]]) -> None:
        if not updates:
            return
        with self.app.app_context():
            # Questions first: they wait for nobody's payment to be booked.
            for update in sorted(updates, key=_is_patient):
                receiving.receive(update, "polling", self.context)
                self.wakeups.wake()
        # Only what is committed may be confirmed.
        ids = [update["update_id"] for update in updates if _has_id(update)]
        self.offset = max(ids) + 1 if ids else self.offset

    def _wait(self, seconds: float) -> None:
        self.wakeups.pause(jittered(seconds))
        self.pause = longer(self.pause)


def _is_patient(update: object) -> bool:
    return not (isinstance(update, dict) and inbox.PRE_CHECKOUT in update)


def _has_id(update: object) -> bool:
    return isinstance(update, dict) and type(update.get("update_id")) is int
