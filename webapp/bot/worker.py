"""Updates leased from the inbox: the worker settles money, and gives out chat when its turn has come."""

import logging
from datetime import datetime, timedelta
from functools import partial

from flask import Flask

from webapp import clock
from webapp.bot import items
from webapp.db.engine import db
from webapp.db.models import InboxItem
from webapp.db.transactions import run_in_transaction
from webapp.domain.owner import support
from webapp.domain.people import chats
from webapp.domain.queue import inbox, outbox
from webapp.domain.sales import updates
from webapp.domain.sales.telegram_json import Unreadable
from webapp.ops import logs
from webapp.usecases.context import Context

log = logging.getLogger(__name__)

REPLY_EVERY_SECONDS = 1.0  # to one chat, as often as Telegram allows
# So long chat waits for receipts and alarms; in a backlog of those it goes on beside them.
CHAT_WAITS_SECONDS = 5.0


class Worker:
    """The updates that this process works on. Every method may be called by a thread of its own."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.context: Context = app.extensions["context"]
        self.replies_at: dict[int | None, float] = {}  # when a chat may have its next reply
        self.chat_waits_since: float | None = None

    def settle_money(self) -> int:
        """Put waiting payments and refunds on the ledger, and return how many there were."""
        with self.app.app_context():
            waiting = items.claim(items.AT_ONCE, only=updates.MONEY)
            for item in waiting:
                self._settle(item)
            return len(waiting)

    def _settle(self, item: InboxItem) -> None:
        """Apply an item and note it done in one transaction, or note that it failed."""
        with logs.bind(correlation_id=self._correlation_of(item), update_id=item.update_id):
            try:
                run_in_transaction(partial(self._apply, item))
            except Unreadable as error:
                log.error("update set aside: %s", error, extra={"event": "quarantined", "kind": item.kind})
                items.quarantine(item, error)
            except Exception as error:
                db.session.rollback()
                self.fail(item, error)
            else:
                log.info("settled", extra={"event": item.kind})

    def _apply(self, item: InboxItem) -> None:
        updates.apply(
            item, keys=self.context.keys, now=clock.now(), owner_ids=self.context.config.owner_chats
        )
        inbox.finish(item, clock.now())

    def _correlation_of(self, item: InboxItem) -> str:
        try:
            payload = updates.charge(item).payload if item.kind == "successful_payment" else ""
        except (Unreadable, updates.NotAPayment):
            payload = ""
        return items.correlation_id(payload, self.context.keys)

    def claim_chat(self) -> list[InboxItem]:
        """Take chat whose turn it is: what people write, and kinds of updates yet unknown.

        A person gets one reply a second. What they wrote again meanwhile is answered once. What is meant
        for the shop's people is carried to them first, every word of it.
        """
        with self.app.app_context():
            if self.context.client.pause_seconds("sendMessage") or self._receipts_go_first():
                return []
            claimed = items.claim(items.AT_ONCE, without={*updates.MONEY, inbox.PRE_CHECKOUT})
            claimed = [item for item in claimed if not self._carry(item)]
            latest = chats.latest(claimed)
            waits = {item.id: self._wait_for_turn(item) for item in latest}
            if len(latest) < len(claimed) or any(waits.values()):
                items.note(partial(self._sort_out, claimed, waits))
            return [item for item in latest if not waits[item.id]]

    def finish(self, item: InboxItem) -> None:
        """Note that a chat item is handled."""
        with self.app.app_context():
            items.finish(item)

    def fail(self, item: InboxItem, error: BaseException) -> None:
        """Try an item again later, or set it aside after its eighth try."""
        with self.app.app_context():
            items.fail(item, error)

    def put_off(self, item: InboxItem, seconds: float) -> None:
        """Keep a chat item until Telegram wants to hear of it again."""
        with self.app.app_context():
            items.note(partial(_put_off, item, seconds, clock.now()))

    def _receipts_go_first(self) -> bool:
        """Tell whether chat waits, since people are owed receipts or the owner is owed an alarm."""
        if not outbox.is_due(clock.now(), patient=False):
            self.chat_waits_since = None
            return False
        ticks = clock.ticks()
        if self.chat_waits_since is None:
            self.chat_waits_since = ticks
        return ticks - self.chat_waits_since < CHAT_WAITS_SECONDS

    def _carry(self, item: InboxItem) -> bool:
        """Carry an item to the shop's people, or their answer; False if it is the bot that is asked."""
        try:
            return run_in_transaction(partial(self._carried, item))
        except Exception as error:
            db.session.rollback()
            self.fail(item, error)
            return True

    def _carried(self, item: InboxItem) -> bool:
        now = clock.now()
        is_taken = support.take(item, self.context.config.owner_chats, now)
        if is_taken:
            inbox.finish(item, now)
        return is_taken

    def _wait_for_turn(self, item: InboxItem) -> float:
        """Return how many seconds an item has to wait; without any, the turn is taken."""
        if chats.subject(item) is None:
            return 0
        ticks = clock.ticks()
        paused = self.context.client.pause_seconds("sendMessage", item.telegram_id)
        # Rounded, since nothing can be put off by less than the database tells apart.
        wait = round(max(paused, self.replies_at.get(item.telegram_id, ticks) - ticks), 3)
        if not wait:
            self.replies_at = {chat: at for chat, at in self.replies_at.items() if at > ticks}
            self.replies_at[item.telegram_id] = ticks + REPLY_EVERY_SECONDS
        return wait

    def _sort_out(self, claimed: list[InboxItem], waits: dict[int, float]) -> None:
        """Note which items wait for their turn, and which are answered together with a later one."""
        now = clock.now()
        for item in claimed:
            if item.id not in waits:
                inbox.finish(item, now)
            elif waits[item.id]:
                _put_off(item, waits[item.id], now)


def _put_off(item: InboxItem, seconds: float, now: datetime) -> None:
    inbox.put_off(item, now + timedelta(seconds=min(seconds, inbox.RETRIES.longest_pause_seconds)))
