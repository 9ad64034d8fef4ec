"""What a bot process works with, on clocks that stand still unless they are moved."""

import itertools
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests.kit.factories import TERMS_VERSION
from tests.kit.played import ALICE
from tests.kit.processes import Stage, eventually
from webapp import clock
from webapp.bot.process import Bot
from webapp.db.engine import db
from webapp.db.models import Charge, InboxItem, Order, User
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements
from webapp.domain.owner.audit import Decision
from webapp.domain.queue import inbox, outbox
from webapp.domain.sales import refunds
from webapp.usecases import invoices

ASKED = Decision("shell", "asked")

SECOND = timedelta(seconds=1)
# What says nothing about the database is asked of one.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Hands:
    """What a bot process works with, and clocks that stand still unless they are moved."""

    def __init__(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta()
        self.numbers = itertools.count(1)
        now, ticks = clock.now(), clock.ticks()
        monkeypatch.setattr(clock, "now", lambda: now + self.ahead)
        monkeypatch.setattr(clock, "ticks", lambda: ticks + self.ahead.total_seconds())
        self.app = app
        bot = Bot(app)
        self.leases, self.worker, self.messages, self.duties = (
            bot.leases,
            bot.worker,
            bot.messages,
            bot.duties,
        )
        self.questions = bot.questions.questions

    def wait(self, seconds: float) -> None:
        self.ahead += seconds * SECOND

    def ask(self, about: Order, query_id: str = "q1", *, ago: float = 0, **changes: Any) -> None:
        """Have Telegram's question answered, as far as there is one."""
        self.receive(question(about, query_id, **changes), ago)
        self.answer()

    def receive(self, update: dict[str, Any], ago: float = 0) -> None:
        with transaction():
            inbox.receive(update, "polling", clock.now() - ago * SECOND)

    def answer(self) -> None:
        for item in self.questions.claim(10):
            self.questions.answer(item)

    def send_all(self) -> None:
        while self.messages.send_due():
            pass


@pytest.fixture
def hands(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Hands:
    return Hands(app, monkeypatch)


def question(about: Order, query_id: str = "q1", **changes: Any) -> dict[str, Any]:
    asked = {
        "id": query_id,
        "from": {"id": about.telegram_id},
        "currency": "XTR",
        "total_amount": about.stars,
        "invoice_payload": about.payload,
        **changes,
    }
    return {"update_id": hash(json.dumps(asked)) % 10**9, "pre_checkout_query": asked}


def payment(about: Order, charge_id: str = "charge-1", **changes: Any) -> dict[str, Any]:
    return service_message("successful_payment", about, charge_id, **changes)


def service_message(kind: str, about: Order, charge_id: str, **changes: Any) -> dict[str, Any]:
    paid = {
        "currency": "XTR",
        "total_amount": about.stars,
        "invoice_payload": about.payload,
        "telegram_payment_charge_id": charge_id,
        "provider_payment_charge_id": "",
        **changes,
    }
    person = {"id": about.telegram_id, "is_bot": False, "first_name": "Alice"}
    chat = {"id": about.telegram_id, "type": "private"}
    date = int(clock.now().timestamp())
    message = {"message_id": 1, "date": date, "from": person, "chat": chat, kind: paid}
    return {"update_id": hash(json.dumps(message)) % 10**9, "message": message}


def answers(telegram: Stage) -> list[tuple[bool, str]]:
    """Return what Telegram was told, with the words for a no."""
    calls = telegram.calls("answerPreCheckoutQuery")
    return [(call["params"]["ok"], call["params"].get("error_message", "")) for call in calls]


def rows(model: Any) -> list[Any]:
    db.session.rollback()
    return list(db.session.scalars(select(model), execution_options={"populate_existing": True}))


def has_atlas(person: int = ALICE) -> bool:
    db.session.rollback()
    return entitlements.has(person, "atlas", clock.now())


class Purchase:
    """Somebody confirms an invoice in Telegram and waits for what the bot says."""

    def __init__(self, telegram: Stage, hands: Hands, buyer: User, slug: str = "atlas") -> None:
        order = invoices.open_invoice(
            hands.worker.context, buyer, slug, terms_version=TERMS_VERSION, correlation_id="tap"
        )
        self.telegram, self.hands = telegram, hands
        address = f"{telegram.sandbox}/sandbox/invoices/{order.invoice_link.rpartition('$')[2]}/pay"
        self.result: dict[str, Any] = {}
        client = telegram.client()
        confirm: Callable[[], Any] = lambda: self.result.update(  # noqa: E731
            client.post(address, json={"person": buyer.telegram_id}).json()
        )
        self.thread = threading.Thread(target=confirm)
        self.thread.start()
        self.deliver("pre_checkout_query")

    def deliver(self, kind: str) -> None:
        """Hand over the first new update of a kind, as the poller does."""
        kept = {item.update_id for item in rows(InboxItem)}

        def found() -> dict[str, Any] | None:
            waiting = [one for one in self.telegram.state()["pending"] if one["update_id"] not in kept]
            return next((update for update in waiting if kind in json.dumps(update)), None)

        self.hands.receive(eventually(found))

    def finish(self) -> dict[str, Any]:
        self.hands.answer()
        self.thread.join(12)
        if self.result.get("status") == "paid":
            self.deliver("successful_payment")
            self.hands.worker.settle_money()
        return self.result


def say(person: int, number: int = 1, kind: str = "in_review", **facts: Any) -> None:
    known = {"charge_id": f"charge-{number}", "stars": number, "problem": "WrongAmount", **facts}
    with transaction():
        outbox.add(person, kind, known, dedupe_key=f"{kind}:{person}:{number}", now=clock.now())


@pytest.fixture
def charge(telegram: Stage, hands: Hands, alice: User) -> str:
    """Alice bought the atlas, at Telegram and here."""
    return Purchase(telegram, hands, alice).finish()["charge_id"]


def wish(charge_id: str) -> None:
    [charge] = [one for one in rows(Charge) if one.telegram_payment_charge_id == charge_id]
    with transaction():
        refunds.request_refund(charge, "asked", requested_by="owner", now=clock.now())


def status(charge_id: str) -> str:
    db.session.rollback()
    return refunds.find(charge_id).status
