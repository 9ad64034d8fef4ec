"""Plans, as Telegram and the shop have them."""

from typing import Any

import pytest
from flask import Flask

from tests.kit.factories import TERMS_VERSION
from tests.kit.processes import Stage
from webapp.db.engine import db
from webapp.db.models import Subscription, User
from webapp.domain.sales import subscriptions
from webapp.usecases import invoices, receiving
from webapp.usecases.context import Context

EDIT, REFUND = "editUserStarSubscription", "refundStarPayment"


class Plan:
    """Alice's plan, as Telegram and the shop have it."""

    def __init__(self, telegram: Stage, context: Context, buyer: User, slug: str = "plan") -> None:
        self.telegram, self.context = telegram, context
        self.order = invoices.open_invoice(
            context, buyer, slug, terms_version=TERMS_VERSION, correlation_id="tap"
        )
        invoice = str(self.order.invoice_link).rpartition("$")[2]
        self.charge_id = telegram.control("POST", "charges", person=buyer.telegram_id, slug=invoice)["id"]
        self.hear()

    @property
    def row(self) -> Subscription:
        db.session.rollback()
        found = subscriptions.find(self.order.public_id)
        assert found
        return found

    def at_telegram(self, doing: str = "") -> dict[str, Any]:
        """Have Telegram do something with it, and return how it stands there."""
        if doing:
            self.telegram.control("POST", f"subscriptions/{self.charge_id}/{doing}")
            self.hear()
        shown: list[dict[str, Any]] = self.telegram.control("GET", "subscriptions")
        return next(one for one in shown if one["id"] == self.charge_id)

    def hear(self) -> None:
        """Take in what waits at Telegram, as the poller does."""
        updates = self.context.client.call("getUpdates", {"timeout": 0})
        for update in updates:
            receiving.receive(update, "polling", self.context)
        if updates:
            self.context.client.call("getUpdates", {"offset": updates[-1]["update_id"] + 1, "timeout": 0})


@pytest.fixture
def context(app: Flask) -> Context:
    found: Context = app.extensions["context"]
    return found


@pytest.fixture
def plan(telegram: Stage, context: Context, alice: User) -> Plan:
    return Plan(telegram, context, alice)
