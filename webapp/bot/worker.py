"""What the bot process does with what was kept: answers, settles, tells, compares."""

import logging
import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from flask import Flask

from webapp import clock
from webapp.bot import receivers
from webapp.bot.leases import process_name
from webapp.bot_api.client import (
    BotApiError,
    Conflict,
    OutcomeUnknown,
    Refused,
    TooManyRequests,
    Unauthorized,
)
from webapp.config import HEALTH
from webapp.db.extensions import db, run_in_transaction, transaction
from webapp.db.models import InboxItem, OutboxMessage
from webapp.domain.owner import alarms, broadcasts, notices, reminders, shops, support, sweeps
from webapp.domain.people import chats, logouts, rate_limits, retired_secrets, sign_in_codes, users
from webapp.domain.queue import inbox, leases, outbox
from webapp.domain.sales import orders, pre_checkouts, reconciliation, updates
from webapp.domain.sales.pre_checkouts import Approval, Question
from webapp.domain.sales.telegram_json import Unreadable
from webapp.errors import CheckoutTooLate, ShopError, ShopUnavailable
from webapp.i18n import localize
from webapp.ops import logs
from webapp.ops.doctor import database, telegram, work
from webapp.texts import notifications
from webapp.usecases import refunds, renewals, statement
from webapp.usecases.context import Context

log = logging.getLogger(__name__)

ITEMS_AT_ONCE = 20
MESSAGES_A_SECOND = 25  # under Telegram's 30 for a bot as a whole
ANSWER_SECONDS = 3.0  # for one try at answering; two fit into our six
ANSWER_PAUSES_SECONDS = (0.0, 0.0, 0.5, 1.0)  # before each try, as long as Telegram waits
REPLY_EVERY_SECONDS = 1.0  # to one chat, as often as Telegram allows
# So long chat waits for receipts and alarms; in a backlog of those it goes on beside them.
CHAT_WAITS_SECONDS = 5.0
DUTY_SECONDS = 30.0
RECONCILE_EVERY_SECONDS = 300.0
RECONCILE_AGAIN_SECONDS = 30.0
HOUSEKEEP_EVERY_SECONDS = 60.0
REMIND_EVERY_SECONDS = 3600.0
SWEEP_EVERY_SECONDS = 3600.0
NOTICES_EVERY_SECONDS = 5.0
DUTIES = (
    *("outbox", "refunds", "reconciliation", "housekeeping", "reminders", "broadcasts", "notices"),
    receivers.DUTY,
)


class Worker:
    """The duties of one bot process. Every method may be called by a thread of its own."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.context: Context = app.extensions["context"]
        self.name = process_name()
        # By the clock that nobody sets: one that jumps back an hour would end these duties for as long.
        self.reconcile_at = self.housekeep_at = self.remind_at = self.sweep_at = clock.ticks()
        self.notices_at = clock.ticks()
        self.held_until: dict[str, float] = {}
        self.in_hand: set[int] = set()  # questions that are being answered
        self.replies_at: dict[int | None, float] = {}  # when a chat may have its next reply
        self.chat_waits_since: float | None = None

    def claim_questions(self, limit: int) -> list[InboxItem]:
        """Take pre-checkout queries that wait for an answer; each is to be answered, by one thread for all.

        A clock that jumps ends every lease, but not the work that holds it. One that somebody died with is
        let go once Telegram waits for it no more.
        """
        in_hand = set(self.in_hand)  # as it was before: what is answered meanwhile is not to be taken again
        with self.app.app_context():
            now = clock.now()
            claimed = _claimed(limit, only=[inbox.PRE_CHECKOUT])
            free = [item for item in claimed if item.id not in in_hand]
            over = [
                one for one in free if one.attempts > 1 and pre_checkouts.is_given_up(one.received_at, now)
            ]
            for item in over:
                log.warning("a question stays without an answer", extra={"update_id": item.update_id})
                self._finish(partial(inbox.finish, item, now))
        items = [item for item in free if item not in over]
        self.in_hand.update(item.id for item in items)
        return items

    def answer(self, item: InboxItem) -> None:
        """Tell Telegram whether it may charge; without a committed yes the answer is no."""
        try:
            self._settle_question(item)
        finally:
            self.in_hand.discard(item.id)

    def _settle_question(self, item: InboxItem) -> None:
        with self.app.app_context():
            try:
                question = updates.question(item)
            except Unreadable as error:
                self._finish(partial(inbox.quarantine, item, str(error), clock.now()))
                return
            with logs.bind(correlation_id=self._correlation_id(question.payload), query=question.query_id):
                approval = self._send_answer(question, self._decide(question))
            self._finish(partial(self._note_answer, item, question, approval))

    def settle_money(self) -> int:
        """Put waiting payments and refunds on the ledger, and return how many there were."""
        with self.app.app_context():
            items = _claimed(ITEMS_AT_ONCE, only=updates.MONEY)
            for item in items:
                self._handle(item, partial(self._apply, item))
            return len(items)

    def claim_chat(self) -> list[InboxItem]:
        """Take what is not about money and whose turn it is: what people write, and kinds yet unknown.

        A person gets one reply a second. What they wrote again meanwhile is answered once. What is meant
        for the shop's people is carried to them first, every word of it.
        """
        with self.app.app_context():
            if self._pause_seconds() or self._receipts_go_first():
                return []
            claimed = _claimed(ITEMS_AT_ONCE, without={*updates.MONEY, inbox.PRE_CHECKOUT})
            claimed = [item for item in claimed if not self._carry(item)]
            latest = chats.latest(claimed)
            waits = {item.id: self._wait_for_turn(item) for item in latest}
            if len(latest) < len(claimed) or any(waits.values()):
                self._finish(partial(self._sort_out, claimed, waits))
            return [item for item in latest if not waits[item.id]]

    def finish(self, item: InboxItem) -> None:
        """Note that a chat item is handled."""
        with self.app.app_context():
            self._finish(lambda: inbox.finish(item, clock.now()))

    def fail(self, item: InboxItem, error: BaseException) -> None:
        """Have an item tried again later, or set aside after its eighth try."""
        with self.app.app_context():
            log.warning("update not handled", exc_info=error, extra={"update_id": item.update_id})
            self._finish(lambda: inbox.fail(item, f"{type(error).__name__}: {error}", clock.now()))

    def put_off(self, item: InboxItem, seconds: float) -> None:
        """Have a chat item wait until Telegram wants to hear of it again."""
        with self.app.app_context():
            self._finish(partial(_put_off, item, seconds, clock.now()))

    def send_messages(self) -> int:
        """Send what waits in the outbox, and return how many messages there were."""
        with self.app.app_context():
            now = clock.now()
            if self._pause_seconds() or not outbox.is_due(now) or not self.holds("outbox"):
                return 0
            batch = run_in_transaction(lambda: outbox.claim(MESSAGES_A_SECOND, clock.now()))
            for number, message in enumerate(batch):
                if self._pause_seconds():
                    self._give_back(batch[number:])
                    break
                self._send(message)
                time.sleep(1 / MESSAGES_A_SECOND)
            return len(batch)

    def send_alarms(self, kind: str) -> None:
        """Send what waits of one kind, whoever else has the duty to send: they are not at work."""
        with self.app.app_context():
            for message in run_in_transaction(lambda: outbox.claim(ITEMS_AT_ONCE, clock.now(), only=kind)):
                self._send(message)

    def tick(self) -> None:
        """Do the duties that come round: refunds, the statement, cleaning up, reminders and news."""
        with self.app.app_context():
            ticks = clock.ticks()
            if self.holds("refunds"):
                renewals.carry_out_due(self.context)
                refunds.carry_out_due(self.context)
            if ticks >= self.reconcile_at and self.holds("reconciliation"):
                self.reconcile_at = ticks + self._reconcile()
            if ticks >= self.housekeep_at and self.holds("housekeeping"):
                self.housekeep_at = ticks + HOUSEKEEP_EVERY_SECONDS
                self._housekeep(clock.now())
            if ticks >= self.remind_at and self.holds("reminders"):
                self.remind_at = ticks + REMIND_EVERY_SECONDS
                self._remind(clock.now())
            if ticks >= self.sweep_at and self.holds("housekeeping"):
                # A backlog goes a little at each tick, between all else.
                swept = run_in_transaction(partial(self._sweep, clock.now()))
                self.sweep_at = ticks + (0 if swept else SWEEP_EVERY_SECONDS)
            if ticks >= self.notices_at and self.holds("notices"):
                self.notices_at = ticks + NOTICES_EVERY_SECONDS
                run_in_transaction(partial(self._tell_owners, clock.now()))
            if broadcasts.is_running() and self.holds("broadcasts"):
                run_in_transaction(lambda: broadcasts.write_some(clock.now()))

    def reconcile_soon(self) -> None:
        """Have the statement read at the next opportunity: something may have been missed."""
        self.reconcile_at = clock.ticks()

    def holds(self, duty: str) -> bool:
        """Take or keep a duty, and tell whether this process has it."""
        ticks = clock.ticks()
        if ticks < self.held_until.get(duty, ticks):
            return True
        with transaction():
            held = leases.hold(duty, self.name, DUTY_SECONDS, clock.now()) is not None
        if held:
            # Renewed well before its end, and not at every look.
            self.held_until[duty] = ticks + DUTY_SECONDS / 3
        return held

    def let_go(self) -> None:
        """Leave the duties to others at once, since this process ends."""
        with self.app.app_context(), transaction():
            for duty in DUTIES:
                leases.release(duty, self.name, clock.now())

    def _decide(self, question: Question) -> ShopError | None:
        try:
            return run_in_transaction(
                lambda: pre_checkouts.decide(question, keys=self.context.keys, now=clock.now())
            )
        except Exception:
            # Not committed means not approved, whatever went wrong.
            log.exception("pre-checkout could not be decided")
            db.session.rollback()
            return ShopUnavailable()

    def _send_answer(self, question: Question, refusal: ShopError | None) -> Approval:
        """Answer until Telegram has heard it, and return what became of a yes."""
        approval = Approval.LOST
        for pause in ANSWER_PAUSES_SECONDS:
            time.sleep(pause)
            if refusal is None and pre_checkouts.is_too_late(question.received_at, clock.now()):
                refusal = CheckoutTooLate()
            try:
                params = self._answer(question, refusal)
                self.context.client.call("answerPreCheckoutQuery", params, timeout_seconds=ANSWER_SECONDS)
            except Refused as error:
                # Too old; or answered already, by a copy of this process or by a try whose answer was lost.
                log.warning("pre-checkout answer refused: %s", error.description)
                break
            except BotApiError as error:
                log.warning("pre-checkout answer not confirmed: %s", error.description)
                if refusal is None and isinstance(error, OutcomeUnknown):
                    approval = Approval.UNKNOWN
            else:
                declined = refusal and refusal.code
                log.info("pre-checkout", extra={"event": "pre_checkout", "declined": declined})
                return approval if refusal else Approval.ARRIVED
            if pre_checkouts.is_given_up(question.received_at, clock.now()):
                break
        return approval

    def _note_answer(self, item: InboxItem, question: Question, approval: Approval) -> None:
        now = clock.now()
        # Another process may have answered what it died with.
        is_ours = item.attempts == 1 or approval is Approval.ARRIVED
        pre_checkouts.settle(question, approval if is_ours else Approval.UNKNOWN, now)
        inbox.finish(item, now)

    def _answer(self, question: Question, refusal: ShopError | None) -> dict[str, object]:
        if refusal is None:
            return {"pre_checkout_query_id": question.query_id, "ok": True}
        words = notifications.sentence(
            refusal.sentence, self._language(question.telegram_id) or question.language_code
        )
        return {"pre_checkout_query_id": question.query_id, "ok": False, "error_message": words}

    def _apply(self, item: InboxItem) -> None:
        updates.apply(
            item, keys=self.context.keys, now=clock.now(), owner_ids=self.context.config.owner_chats
        )
        inbox.finish(item, clock.now())

    def _handle(self, item: InboxItem, work: Callable[[], None]) -> None:
        """Do the work and note it done in one transaction, or note that it failed."""
        with logs.bind(correlation_id=self._correlation_of(item), update_id=item.update_id):
            try:
                run_in_transaction(work)
            except Unreadable as error:
                log.error("update set aside: %s", error, extra={"event": "quarantined", "kind": item.kind})
                self._finish(partial(inbox.quarantine, item, str(error), clock.now()))
            except Exception as error:
                db.session.rollback()
                self.fail(item, error)
            else:
                log.info("settled", extra={"event": item.kind})

    def _finish(self, note: Callable[[], None]) -> None:
        try:
            run_in_transaction(note)
        except Exception:
            # The lease runs out and somebody does it again: everything here is safe twice.
            log.exception("could not note what became of an update")
            db.session.rollback()

    def _correlation_of(self, item: InboxItem) -> str:
        try:
            payload = updates.charge(item).payload if item.kind == "successful_payment" else ""
        except (Unreadable, updates.NotAPayment):
            payload = ""
        return self._correlation_id(payload)

    def _correlation_id(self, payload: str) -> str:
        """Return the id that began with the tap on Buy, if the payload leads back to it."""
        try:
            return orders.correlation_id(payload, self.context.keys) or logs.new_correlation_id()
        except Exception:
            db.session.rollback()
            return logs.new_correlation_id()

    def _language(self, telegram_id: int) -> str | None:
        try:
            user = users.get(telegram_id)
        except Exception:
            db.session.rollback()
            return None
        language = localize.known_of(user) if user else None
        return language.code if language else None

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
        except TooManyRequests as error:
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
        told = notifications.told(message.kind, message.facts, self._language(message.telegram_id))
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

    def _reconcile(self) -> float:
        try:
            report = statement.reconcile(self.context, full=reconciliation.is_full_pass_due(clock.now()))
        except BotApiError as error:
            log.warning("statement not read: %s", error.description)
            return RECONCILE_AGAIN_SECONDS
        if report.charges_added or report.refunds_added:
            log.warning(
                "the statement knew more than we did",
                extra={"charges": report.charges_added, "refunds": report.refunds_added},
            )
        return RECONCILE_EVERY_SECONDS

    def _remind(self, now: datetime) -> None:
        ahead = timedelta(days=self.context.config.remind_days)
        if ahead:
            run_in_transaction(lambda: reminders.write(ahead, now))

    def _sweep(self, now: datetime) -> int:
        return sweeps.sweep(timedelta(days=self.context.config.keep_days), now)

    def _tell_owners(self, now: datetime) -> None:
        config = self.context.config
        notices.tell(config.owner_chats, config.owner_notices, now)

    def _housekeep(self, now: datetime) -> None:
        with transaction():
            orders.close_expired(now)
            rate_limits.sweep(now)
            logouts.sweep(now)
            sign_in_codes.sweep(now)
            retired_secrets.note(self.context.config.previous_webhook_secret, now)
        pending = None
        try:
            info = self.context.client.call("getWebhookInfo")
        except BotApiError as error:
            problem: str | None = f"Telegram cannot be asked: {error.description}"
        else:
            problem = telegram.delivery_problem(info, self.context.config, now)
            pending = int(info.get("pending_update_count", 0))
        if problem:
            log.error("updates do not arrive: %s", problem)
        self._mind_the_clock()
        with transaction():
            problem_before = self._note_delivery(problem, pending, now)
            alarms.sound(self.context.config.owner_chats, now)
            self._warn(now)
        if problem_before and not problem:
            self.reconcile_soon()

    def _warn(self, now: datetime) -> None:
        """Have the owners told once a week, in the doctor's words, of what else nobody would see in time.

        Purchases may be lost with a disk, and a plug-in may have heard nothing for an hour.
        """
        config = self.context.config
        for finding in (*database.lasting(config), *work.lasting(now)):
            facts, about = {"words": finding.words}, f"{finding.name}:{now:%G-W%V}"
            outbox.tell_owners(config.owner_chats, "owner_finding", facts, about=about, now=now)

    def _note_delivery(self, problem: str | None, pending: int | None, now: datetime) -> str | None:
        """Remember how deliveries stand, tell the owners of it, and return what was wrong before."""
        _, problem_before = shops.delivery()
        failing_before, config = shops.failing_since(), self.context.config
        seen = shops.note_delivery(problem, now, pending=pending)
        if HEALTH in config.owner_notices:
            alarms.watch_delivery(config.owner_chats, failing_before, seen, now)
        return problem_before

    def _mind_the_clock(self) -> None:
        skew_seconds = self.context.client.clock_skew_seconds
        finding = telegram.clock(skew_seconds, self.context.config)
        if skew_seconds is not None and not finding.is_well:
            log.error("%s", finding.words, extra={"event": "clock_off"})


def _put_off(item: InboxItem, seconds: float, now: datetime) -> None:
    inbox.put_off(item, now + timedelta(seconds=min(seconds, inbox.RETRIES.longest_pause_seconds)))


def _claimed(limit: int, **which: Collection[str]) -> list[InboxItem]:
    # Looking first costs no lock, and mostly there is nothing.
    if not inbox.is_due(clock.now(), **which):
        return []
    return run_in_transaction(lambda: inbox.claim(limit, clock.now(), **which))
