"""What is kept and settled while it arrives."""

import json
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from tests.kit import arrange
from tests.kit.factories import TERMS_VERSION
from tests.kit.service_messages import service_message
from webapp import clock
from webapp.bot.worker import Worker
from webapp.db.engine import db
from webapp.db.models import Charge, InboxItem, OutboxMessage, User
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements, ledger
from webapp.domain.people.keys import KeyRing
from webapp.domain.queue import inbox
from webapp.domain.sales import orders
from webapp.usecases import receiving
from webapp.usecases.context import Context

ALICE = arrange.ALICE


@pytest.fixture
def context(app: Flask) -> Context:
    found: Context = app.extensions["context"]
    return found


@pytest.fixture
def payment(app: Flask, alice: User, context: Context) -> dict[str, Any]:
    with transaction():
        order = orders.place(
            alice,
            "atlas",
            terms_version=TERMS_VERSION,
            current_terms=TERMS_VERSION,
            correlation_id="tap",
            keys=context.keys,
            now=clock.now(),
        )
    date = int(clock.now().timestamp())
    return service_message("successful_payment", order.payload, date=date)


def items() -> list[InboxItem]:
    return list(db.session.scalars(db.select(InboxItem), execution_options={"populate_existing": True}))


def count(model: Any) -> int:
    return db.session.scalar(db.select(db.func.count()).select_from(model))


def test_a_payment_is_kept_booked_and_unlocked_in_one(payment, context):
    receiving.receive(json.dumps(payment).encode(), "webhook", context)
    [item] = items()
    assert (item.state, item.attempts) == ("done", 0)
    assert entitlements.has(ALICE, "atlas", clock.now())


@pytest.mark.proves("I1")
@pytest.mark.parametrize("ids", [(5, 5), (5, 6)], ids=["same update", "update of its own"])
def test_a_payment_received_twice_counts_once(payment, context, ids):
    for update_id in ids:
        receiving.receive({**payment, "update_id": update_id}, "polling", context)
    assert (count(Charge), len(ledger.of(ALICE)), count(OutboxMessage)) == (1, 1, 1)
    assert {item.state for item in items()} == {"done"}


def test_a_refund_is_settled_as_it_arrives(payment, context):
    receiving.receive(payment, "polling", context)
    payload = payment["message"]["successful_payment"]["invoice_payload"]
    receiving.receive({**service_message("refunded_payment", payload), "update_id": 6}, "polling", context)
    assert not entitlements.has(ALICE, "atlas", clock.now())


@pytest.mark.proves("I14")
def test_what_cannot_be_settled_is_kept_and_waits(payment, context):
    payment["message"]["successful_payment"]["total_amount"] = "many"
    receiving.receive(payment, "webhook", context)
    [item] = items()
    assert (item.state, item.attempts) == ("waiting", 0)
    assert count(Charge) == 0


@pytest.mark.proves("I14")
def test_nothing_of_a_failed_booking_stays(payment, context, app):
    """The database itself refuses the last row of the booking; the update is kept all the same."""
    with db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE outbox RENAME TO gone")
    receiving.receive(payment, "webhook", context)
    assert (count(Charge), ledger.of(ALICE)) == (0, [])
    assert [item.state for item in items()] == ["waiting"]


@pytest.mark.parametrize(
    "update",
    [
        {"update_id": 1, "message": {"text": "hello"}},
        {"update_id": 1, "pre_checkout_query": {"id": "1"}},
        {"update_id": 1, "subscription": {"state": "canceled"}},
        {"update_id": 1, "something_new": 1},
    ],
    ids=lambda update: list(update)[1],
)
def test_all_else_is_kept_for_later(app, open_shop, context, update):
    receiving.receive(update, "polling", context)
    assert [item.state for item in items()] == ["waiting"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"update_id": "1"}', b"\xff\xfe"])
def test_what_is_no_update_is_kept_for_the_owner(app, open_shop, context, body):
    receiving.receive(body, "webhook", context)
    assert [item.state for item in items()] == ["quarantined"]


@pytest.mark.proves("I13", "F9")
def test_a_payment_under_a_key_nobody_has_is_booked_and_set_aside(payment, context):
    foreign = KeyRing.of("Zt7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4")
    stranger = replace(context, keys=foreign)
    receiving.receive(payment, "webhook", stranger)
    assert [item.state for item in items()] == ["done"]
    assert db.session.scalars(db.select(Charge)).one().quarantined_because == "UnknownPayload"


def test_a_copy_of_a_payment_is_done_with(payment, context):
    payment["message"]["forward_date"] = 1
    receiving.receive(payment, "webhook", context)
    assert [item.state for item in items()] == ["done"]
    assert count(Charge) == 0


def test_what_waits_in_the_inbox_is_left_to_the_worker(payment, context, app):
    kept = inbox.describe(payment, "polling", clock.now())
    with transaction():
        inbox.keep(kept)
    receiving.receive(payment, "polling", context)
    assert (count(Charge), [item.state for item in items()]) == (0, ["waiting"])
    Worker(app).settle_money()
    db.session.rollback()
    assert (count(Charge), [item.state for item in items()]) == (1, ["done"])
