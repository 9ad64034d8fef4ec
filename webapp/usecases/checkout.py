"""The few use cases where the database and Telegram meet: commit, call, commit."""

import logging
import threading
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from flask import current_app

from webapp import clock
from webapp.bot_api import client as bot_api
from webapp.bot_api import witness
from webapp.bot_api.client import (
    SKEW_PROBLEM_SECONDS,
    BotApi,
    BotApiError,
    NotReached,
    OutcomeUnknown,
    Refused,
    TooManyRequests,
    Unauthorized,
)
from webapp.config import Config
from webapp.db.extensions import run_in_transaction, transaction
from webapp.db.models import Order, Refund, Subscription, User
from webapp.domain.people import rate_limits
from webapp.domain.people.keys import KeyRing
from webapp.domain.sales import orders, payments, reconciliation, refunds, subscriptions
from webapp.domain.sales.reconciliation import Report
from webapp.domain.sales.refunds import RefundFacts
from webapp.errors import TelegramBusy, TelegramRefused
from webapp.i18n import languages
from webapp.shop import documents

log = logging.getLogger(__name__)

WAITING_SECONDS = 5.0  # what a person waits for an invoice before being told to try again
INVOICES_A_MINUTE = 6
SHARES_A_MINUTE = 10
SHARED_WITH = ("allow_user_chats", "allow_group_chats", "allow_channel_chats")  # savePreparedInlineMessage
CHECKS_A_MINUTE = 1
WISHES_A_MINUTE = 6  # of a buyer: a renewal turned off or on, a charge given back
REFUNDS_AT_ONCE = 20
STATEMENT_SECONDS = 10.0
CLOCK_BELIEVED_SECONDS = 1.0  # how long a comparison of the clocks is taken for one of just now
CLOCK_ANSWER_SECONDS = 2.0  # people wait for it, though only while the clock seems wrong
CLOCK_OLDEST_SECONDS = 600.0  # where Telegram cannot be asked again
# Nobody knows whether it was done. A wrong token says nothing about the money either.
NOT_KNOWN = (OutcomeUnknown, NotReached, TooManyRequests, Unauthorized)


def current() -> "Checkout":
    """Return the use cases of the application at work."""
    checkout: Checkout = current_app.extensions["checkout"]
    return checkout


class Checkout:
    """The use cases of one process, with its client and its settings."""

    def __init__(self, config: Config, keys: KeyRing, *, calls_at_once: int) -> None:
        self.config = config
        self.keys = keys
        # A slow Bot API may hold these threads; the rest go on serving pages.
        self.gate = threading.BoundedSemaphore(calls_at_once)

    @property
    def client(self) -> BotApi:
        return bot_api.get_client(
            self.config.bot_api_url, self.config.bot_token, path=self.config.bot_api_path
        )

    def open_invoice(
        self,
        buyer: User,
        slug: str,
        *,
        terms_version: str,
        correlation_id: str,
        trial: bool = False,
        beside_plan: bool = False,
        language: str = languages.ENGLISH.code,
    ) -> Order:
        """Return the buyer's open order for a product, with the link that opens its invoice.

        :param trial: what is bought is the product's trial
        :param beside_plan: the buyer was told that a plan of theirs opens the same already
        :param language: the code of the language that title and description are to be in
        :raise TelegramBusy: Telegram did not answer in time, or too many wait for it already
        :raise TelegramRefused: Telegram will not make this invoice
        :raise ShopError: whatever :func:`webapp.domain.sales.orders.place` refuses
        """

        def place() -> Order:
            now = clock.now()
            order = orders.place(
                buyer,
                slug,
                terms_version=terms_version,
                current_terms=documents.terms().version,
                correlation_id=correlation_id,
                keys=self.keys,
                now=now,
                trial=trial,
                beside_plan=beside_plan,
                language=language,
                period_seconds=self.config.subscription_seconds,
            )
            if order.invoice_link is None:
                rate_limits.hit(f"invoice:{buyer.telegram_id}", INVOICES_A_MINUTE, 60, now)
            return order

        order = run_in_transaction(place)
        if order.invoice_link is None:
            link = self._invoice_link(order, language)
            with transaction():
                order.invoice_link = orders.remember_link(order, link)
        return order

    def prepare_share(self, sender: User, message: dict[str, Any]) -> str:
        """Return the id under which a person may send a message to chats of their choice.

        :param message: an InlineQueryResult (Bot API)
        :raise TelegramBusy: Telegram did not answer in time, or too many wait for it already
        :raise TelegramRefused: Telegram will not keep this message
        :raise TooManyTries: more than ten within a minute
        """
        with transaction():
            rate_limits.hit(f"share:{sender.telegram_id}", SHARES_A_MINUTE, 60, clock.now())
        told = {"user_id": sender.telegram_id, "result": message, **{chat: True for chat in SHARED_WITH}}
        prepared = self._ask("savePreparedInlineMessage", told)
        return str(prepared["id"])

    def refund(self, charge_id: str, *, reason: str, requested_by: str) -> Refund:
        """Give a charge back at Telegram, or write down that it has to be asked again.

        :return: the refund; its status is done, refused or unknown
        :raise ChargeNotFound: Telegram never told us of such a charge
        """
        with transaction():
            refund = refunds.request(
                payments.get(charge_id), reason, requested_by=requested_by, now=clock.now()
            )
        return refund if refund.done_at else self.carry_out(refund)

    def refund_own(self, buyer: User, charge_id: str) -> Refund:
        """Give a buyer's own charge back, as :meth:`refund` does.

        :raise ShopError: whatever :func:`webapp.domain.sales.refunds.request_own` refuses
        """
        with transaction():
            self._count_wish(buyer.telegram_id)
            refund = refunds.request_own(buyer.telegram_id, charge_id, clock.now())
        if refund.done_at:
            return refund
        try:
            with self._through_the_gate():
                return self.carry_out(refund)
        except TelegramBusy:
            return refund  # it is wanted, and the bot asks for it in a moment

    def carry_out(self, refund: Refund) -> Refund:
        """Ask Telegram for a refund whose wish is committed, and write down what it says.

        The plan that a charge belongs to is stopped first: a renewal after the refund would take the
        Stars again. Without an answer to that, nothing is refunded yet.
        """
        if refund.stops_charge_id and not refund.stopped_at and not self._stop_renewal(refund):
            return refunds.find(refund.charge_id) or refund
        if refund.done_at:
            return refund
        try:
            self.client.call(
                "refundStarPayment",
                {"user_id": refund.telegram_id, "telegram_payment_charge_id": refund.charge_id},
            )
        except NOT_KNOWN as error:
            log.warning("refund not confirmed: %s", error.description, extra={"charge_id": refund.charge_id})
            with transaction():
                refunds.tried(refund, clock.now(), after_seconds=_pause(error))
        except Refused as error:
            self._refused(refund, error)
        else:
            self._settle(refund)
        return refunds.find(refund.charge_id) or refund

    def carry_out_refunds(self) -> int:
        """Ask Telegram for every refund whose turn it is, and return for how many; none in a pause."""
        due = refunds.due(REFUNDS_AT_ONCE, clock.now())
        for number, refund in enumerate(due):
            if self.client.pause_seconds("refundStarPayment"):
                return number
            self.carry_out(refund)
        return len(due)

    def cancel_renewal(self, subscription: Subscription, *, by: str) -> Subscription:
        """Have Telegram charge no more for a plan, or write down that it has to be asked again.

        :return: the subscription; only without a wish left has Telegram answered
        :raise TooManyRequests: its buyer changed their mind six times within a minute
        """
        return self._wish(subscription, "cancel", by)

    def allow_renewal(self, subscription: Subscription, *, by: str) -> Subscription:
        """Have Telegram let the person turn a plan's renewal on again, or ask again later.

        :raise OffSale: the plan is no longer sold
        :raise TooManyRequests: its buyer changed their mind six times within a minute
        """
        return self._wish(subscription, "resume", by)

    def carry_out_wish(self, subscription: Subscription) -> Subscription:
        """Ask Telegram for what is wished of a plan's renewal, and write down what it says."""
        wish = subscription.wish or "cancel"
        try:
            self._edit_subscription(
                subscription.telegram_id, subscription.first_charge_id, is_canceled=wish == "cancel"
            )
        except NOT_KNOWN as error:
            log.warning("renewal not changed: %s", error.description)
            with transaction():
                subscriptions.tried(subscription, clock.now(), after_seconds=_pause(error))
        except Refused as error:
            log.error("renewal not changed: %s", error.description)
            with transaction():
                subscriptions.refuse(subscription, error.description)
        else:
            with transaction():
                subscriptions.settle(subscription, wish, clock.now())
        return subscriptions.find(subscription.public_id) or subscription

    def carry_out_wishes(self) -> int:
        """Ask Telegram about every plan whose turn it is, and return about how many; none in a pause."""
        due = subscriptions.due(REFUNDS_AT_ONCE, clock.now())
        for number, subscription in enumerate(due):
            if self.client.pause_seconds("editUserStarSubscription"):
                return number
            self.carry_out_wish(subscription)
        return len(due)

    def reconcile(self, *, full: bool = False) -> Report:
        """Put on the ledger what Telegram's statement has and we have not.

        :param full: from the first row on
        :raise BotApiError: Telegram did not give a page; what was read before it is kept
        """
        settled_before = clock.now() - reconciliation.SETTLED if full else None
        offset = 0 if full else reconciliation.begin()
        report = Report()
        if full:
            # Before any charge: one that was given back must not make its successor a duplicate.
            for _, rows in self._statement(offset):
                report.refunds_added += run_in_transaction(partial(self._apply_refunds, rows))
        for at, rows in self._statement(offset):
            report.add(run_in_transaction(partial(self._apply_page, rows, at, settled_before)))
        with transaction():
            reconciliation.finish(report, clock.now(), settled_before=settled_before)
        return report

    def balance(self) -> tuple[int, int]:
        """Return the Stars and nanostars that the bot has by Telegram's word.

        :raise BotApiError: Telegram did not say
        """
        told = self.client.call("getMyStarBalance", timeout_seconds=STATEMENT_SECONDS)
        return int(told["amount"]), int(told.get("nanostar_amount", 0))

    def check_payment(self, buyer: User) -> Report:
        """Look into the statement because a person says they paid; once a minute each.

        :raise TooManyRequests: the last look was less than a minute ago
        :raise TelegramBusy: the statement cannot be read at present
        """
        with transaction():
            rate_limits.hit(f"paid:{buyer.telegram_id}", CHECKS_A_MINUTE, 60, clock.now())
        with self._through_the_gate():
            try:
                return self.reconcile()
            except BotApiError as error:
                log.warning("statement not read: %s", error.description)
                raise TelegramBusy from error

    def has_wrong_clock(self) -> bool:
        """Tell whether this machine's clock is more than a minute off, by Telegram's word of just now.

        While all is well nobody asks: every answer of the Bot API tells the time. One that told another
        is asked for again before it is believed, since the clock may have been put right meanwhile; and
        where a second clock agrees with this machine's, it is the Bot API's that is off.
        """
        if self._seems_off() and clock.ticks() - self.client.compared_at > CLOCK_BELIEVED_SECONDS:
            try:
                with self._through_the_gate():
                    self.client.call("getMe", timeout_seconds=CLOCK_ANSWER_SECONDS)
            except (BotApiError, TelegramBusy) as error:
                log.warning("clocks not compared: %s", error)
        age = clock.ticks() - self.client.compared_at
        seems_off = self._seems_off() and age <= CLOCK_OLDEST_SECONDS
        return seems_off and not witness.is_on_our_side(self.config.telegram_js_url)

    def _seems_off(self) -> bool:
        return abs(self.client.clock_skew_seconds or 0) > SKEW_PROBLEM_SECONDS

    def _wish(self, subscription: Subscription, wish: str, by: str) -> Subscription:
        with transaction():
            if by == "buyer":
                self._count_wish(subscription.telegram_id)
            subscriptions.ask(subscription, wish, by=by, now=clock.now())
        if subscription.wish != wish:
            return subscription
        try:
            with self._through_the_gate():
                return self.carry_out_wish(subscription)
        except TelegramBusy:
            return subscription  # the wish is kept, and the bot asks in a moment

    def _count_wish(self, telegram_id: int) -> None:
        rate_limits.hit(f"wish:{telegram_id}", WISHES_A_MINUTE, 60, clock.now())

    def _stop_renewal(self, refund: Refund) -> bool:
        """Stop the plan of a charge that is to be given back; False while nobody knows whether it is."""
        charge_id = refund.stops_charge_id or ""
        try:
            self._edit_subscription(refund.telegram_id, charge_id, is_canceled=True)
        except NOT_KNOWN as error:
            log.warning("renewal not stopped: %s", error.description, extra={"charge_id": charge_id})
            with transaction():
                refunds.tried(refund, clock.now(), after_seconds=_pause(error))
            return False
        except Refused as error:
            # Over, or never a subscription in Telegram's eyes. The Stars go back all the same.
            log.error("renewal not stopped: %s", error.description, extra={"charge_id": charge_id})
        with transaction():
            refunds.stopped(refund, clock.now())
        return True

    def _edit_subscription(self, telegram_id: int, first_charge_id: str, *, is_canceled: bool) -> None:
        self.client.call(
            "editUserStarSubscription",
            {
                "user_id": telegram_id,
                "telegram_payment_charge_id": first_charge_id,
                "is_canceled": is_canceled,
            },
        )

    def _apply_page(self, rows: list[dict[str, Any]], offset: int, settled_before: datetime | None) -> Report:
        return reconciliation.apply_page(
            rows,
            offset,
            keys=self.keys,
            now=clock.now(),
            owner_ids=self.config.owner_chats,
            settled_before=settled_before,
        )

    def _apply_refunds(self, rows: list[dict[str, Any]]) -> int:
        return reconciliation.apply_refunds(
            rows, keys=self.keys, now=clock.now(), owner_ids=self.config.owner_chats
        )

    def _invoice_link(self, order: Order, language: str) -> str:
        invoice: dict[str, Any] = {
            "title": order.title,
            "description": order.product.worded(language).description,
            "payload": order.payload,
            "provider_token": "",  # empty for Telegram Stars
            "currency": "XTR",
            "prices": [{"label": order.title, "amount": order.stars}],
        }
        if order.period_seconds:
            invoice["subscription_period"] = order.period_seconds
        return str(self._ask("createInvoiceLink", invoice, order=order.public_id))

    def _ask(self, method: str, params: dict[str, Any], **about: str) -> Any:
        """Return what Telegram gives to somebody who waits for it; nothing is owed if it does not."""
        with self._through_the_gate():
            try:
                return self.client.call(method, params, timeout_seconds=WAITING_SECONDS)
            except TooManyRequests as error:
                raise TelegramBusy(retry_after_seconds=error.retry_after_seconds) from error
            except Refused as error:
                log.error("%s refused: %s", method, error.description, extra=about)
                raise TelegramRefused(**about) from error
            except BotApiError as error:
                log.warning("no %s: %s", method, error.description, extra=about)
                raise TelegramBusy from error

    def _through_the_gate(self) -> "_Passage":
        return _Passage(self.gate)

    def _statement(self, offset: int) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """Read the statement page by page from an offset to its end; no transaction is open meanwhile."""
        before: list[dict[str, Any]] = []
        while True:
            rows = self._statement_page(offset)
            # One that moved down while we read is the same row.
            yield offset, [row for row in rows if row not in before]
            if len(rows) < reconciliation.PAGE:
                return
            offset, before = offset + len(rows), rows

    def _statement_page(self, offset: int) -> list[dict[str, Any]]:
        page = {"offset": offset, "limit": reconciliation.PAGE}
        answer = self.client.call("getStarTransactions", page, timeout_seconds=STATEMENT_SECONDS)
        rows: list[dict[str, Any]] = answer["transactions"]
        return rows

    def _refused(self, refund: Refund, error: Refused) -> None:
        # A lost answer and a second call end here: the Stars are back with the buyer.
        if error.says("CHARGE_ALREADY_REFUNDED"):
            self._settle(refund)
            return
        log.error("refund refused: %s", error.description, extra={"charge_id": refund.charge_id})
        with transaction():
            refunds.refuse(refund, error.description, clock.now(), owner_ids=self.config.owner_chats)

    def _settle(self, refund: Refund) -> None:
        now = clock.now()
        facts = RefundFacts(
            charge_id=refund.charge_id,
            telegram_id=refund.telegram_id,
            stars=refund.stars,
            refunded_at=now,
            cause="call",
        )
        with transaction():
            refunds.settle(facts, now=now, owner_ids=self.config.owner_chats)


def _pause(error: BotApiError) -> float | None:
    return error.retry_after_seconds if isinstance(error, TooManyRequests) else None


class _Passage:
    """A place at the gate, refused at once rather than waited for."""

    def __init__(self, gate: threading.BoundedSemaphore) -> None:
        self.gate = gate

    def __enter__(self) -> None:
        if not self.gate.acquire(blocking=False):
            raise TelegramBusy(retry_after_seconds=2)

    def __exit__(self, *_error: object) -> None:
        self.gate.release()
