"""The few use cases where the database and Telegram meet: commit, call, commit."""

import logging
import threading
from typing import Any

from webapp import bot_api, clock
from webapp.bot_api import (
    BotApi,
    BotApiError,
    NotReached,
    OutcomeUnknown,
    Refused,
    TooManyRequests,
    Unauthorized,
)
from webapp.config import Config
from webapp.domain import orders, payments, rate_limits, reconciliation, refunds
from webapp.domain.keys import KeyRing
from webapp.domain.reconciliation import Report
from webapp.domain.refunds import RefundFacts
from webapp.errors import TelegramBusy, TelegramRefused
from webapp.extensions import run_in_transaction, transaction
from webapp.models import Order, Refund, User

log = logging.getLogger(__name__)

INVOICE_SECONDS = 5.0  # what a person waits for an invoice before being told to try again
INVOICES_A_MINUTE = 6
CHECKS_A_MINUTE = 1
REFUNDS_AT_ONCE = 20
STATEMENT_SECONDS = 10.0


class Checkout:
    """The use cases of one process, with its client and its settings."""

    def __init__(self, config: Config, keys: KeyRing, *, calls_at_once: int) -> None:
        self.config = config
        self.keys = keys
        # A slow Bot API may hold these threads; the rest go on serving pages.
        self.gate = threading.BoundedSemaphore(calls_at_once)

    @property
    def client(self) -> BotApi:
        return bot_api.get_client(self.config.bot_api_url, self.config.bot_token)

    def open_invoice(self, buyer: User, slug: str, *, terms_version: str, correlation_id: str) -> Order:
        """Return the buyer's open order for a product, with the link that opens its invoice.

        :raise TelegramBusy: Telegram did not answer in time, or too many wait for it already
        :raise TelegramRefused: Telegram will not make this invoice
        :raise ShopError: whatever :func:`webapp.domain.orders.place` refuses
        """

        def place() -> Order:
            now = clock.now()
            order = orders.place(
                buyer,
                slug,
                terms_version=terms_version,
                correlation_id=correlation_id,
                keys=self.keys,
                now=now,
            )
            if order.invoice_link is None:
                rate_limits.hit(f"invoice:{buyer.telegram_id}", INVOICES_A_MINUTE, 60, now)
            return order

        order = run_in_transaction(place)
        if order.invoice_link is None:
            link = self._invoice_link(order)
            with transaction():
                order.invoice_link = orders.remember_link(order, link)
        return order

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

    def carry_out(self, refund: Refund) -> Refund:
        """Ask Telegram for a refund whose wish is committed, and write down what it says."""
        try:
            self.client.call(
                "refundStarPayment",
                {"user_id": refund.telegram_id, "telegram_payment_charge_id": refund.charge_id},
            )
        # A wrong token says nothing about the refund.
        except (OutcomeUnknown, NotReached, TooManyRequests, Unauthorized) as error:
            log.warning("refund not confirmed: %s", error.description, extra={"charge_id": refund.charge_id})
            pause = error.retry_after_seconds if isinstance(error, TooManyRequests) else None
            with transaction():
                refunds.tried(refund, clock.now(), after_seconds=pause)
        except Refused as error:
            self._refused(refund, error)
        else:
            self._settle(refund)
        return refunds.find(refund.charge_id) or refund

    def carry_out_refunds(self) -> int:
        """Ask Telegram for every refund whose turn it is, and return how many there were."""
        due = refunds.due(REFUNDS_AT_ONCE, clock.now())
        for refund in due:
            self.carry_out(refund)
        return len(due)

    def reconcile(self) -> Report:
        """Put on the ledger what Telegram's statement has and we have not.

        :raise BotApiError: Telegram did not give a page; what was read before it is kept
        """
        report = Report()
        offset = reconciliation.begin()
        while True:
            rows = self._statement_page(offset)
            with transaction():
                reconciliation.apply_page(
                    rows, offset, report, keys=self.keys, now=clock.now(), owner_ids=self.config.owner_ids
                )
                if len(rows) < reconciliation.PAGE:
                    reconciliation.finish(clock.now())
                    return report
            offset += len(rows)

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

    def _invoice_link(self, order: Order) -> str:
        invoice = {
            "title": order.title,
            "description": order.product.description,
            "payload": order.payload,
            "provider_token": "",  # empty for Telegram Stars
            "currency": "XTR",
            "prices": [{"label": order.title, "amount": order.stars}],
        }
        with self._through_the_gate():
            try:
                return str(self.client.call("createInvoiceLink", invoice, timeout_seconds=INVOICE_SECONDS))
            except TooManyRequests as error:
                raise TelegramBusy(retry_after_seconds=error.retry_after_seconds) from error
            except Refused as error:
                log.error("invoice refused: %s", error.description, extra={"order": order.public_id})
                raise TelegramRefused(order=order.public_id) from error
            except BotApiError as error:
                log.warning("no invoice: %s", error.description, extra={"order": order.public_id})
                raise TelegramBusy from error

    def _through_the_gate(self) -> "_Passage":
        return _Passage(self.gate)

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
            refunds.refuse(refund, error.description, clock.now())

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
            refunds.settle(facts, now=now)


class _Passage:
    """A place at the gate, refused at once rather than waited for."""

    def __init__(self, gate: threading.BoundedSemaphore) -> None:
        self.gate = gate

    def __enter__(self) -> None:
        if not self.gate.acquire(blocking=False):
            raise TelegramBusy(retry_after_seconds=2)

    def __exit__(self, *_error: object) -> None:
        self.gate.release()
