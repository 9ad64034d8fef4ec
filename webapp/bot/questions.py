"""Pre-checkout queries: Telegram asks whether it may charge, and waits ten seconds for the answer."""

import logging
import time
from functools import partial

from flask import Flask

from webapp import clock
from webapp.bot import items, languages
from webapp.bot_api.client import BotApiError, OutcomeUnknown, Refused
from webapp.db.engine import db
from webapp.db.models import InboxItem
from webapp.db.transactions import run_in_transaction
from webapp.domain.queue import inbox
from webapp.domain.sales import pre_checkouts, updates
from webapp.domain.sales.pre_checkouts import Approval, Question
from webapp.domain.sales.telegram_json import Unreadable
from webapp.errors import CheckoutTooLate, ShopError, ShopUnavailable
from webapp.ops import logs
from webapp.texts import notifications
from webapp.usecases.context import Context

log = logging.getLogger(__name__)

ANSWER_SECONDS = 3.0  # for one try at answering; two fit into our six
ANSWER_PAUSES_SECONDS = (0.0, 0.0, 0.5, 1.0)  # before each try, as long as Telegram waits


class Questions:
    """The questions of this process; each is answered by one thread."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.context: Context = app.extensions["context"]
        self.in_hand: set[int] = set()  # those that are being answered

    def claim(self, limit: int) -> list[InboxItem]:
        """Take pre-checkout queries that wait for an answer; the caller answers each of them.

        A clock that jumps ends every lease, but not the work that holds it. A question that a process died
        with is finished once Telegram waits for it no more.
        """
        in_hand = set(self.in_hand)  # as it was before: what is answered meanwhile is not to be taken again
        with self.app.app_context():
            now = clock.now()
            claimed = items.claim(limit, only=[inbox.PRE_CHECKOUT])
            free = [item for item in claimed if item.id not in in_hand]
            over = [
                item
                for item in free
                if item.attempts > 1 and pre_checkouts.is_given_up(item.received_at, now)
            ]
            for item in over:
                log.warning("a question stays without an answer", extra={"update_id": item.update_id})
                items.finish(item)
        taken = [item for item in free if item not in over]
        self.in_hand.update(item.id for item in taken)
        return taken

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
                items.quarantine(item, error)
                return
            correlation_id = items.correlation_id(question.payload, self.context.keys)
            with logs.bind(correlation_id=correlation_id, query=question.query_id):
                approval = self._send_answer(question, self._decide(question))
            items.note(partial(self._note_answer, item, question, approval))

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
        language = languages.code_of(question.telegram_id) or question.language_code
        words = notifications.sentence(refusal.sentence, language)
        return {"pre_checkout_query_id": question.query_id, "ok": False, "error_message": words}
