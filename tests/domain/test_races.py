"""Two transactions about one thing at one moment, on PostgreSQL, which lets them run side by side.

Through a pool, too: a lock must not stay behind in a session that somebody else has next.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from tests.kit.arrange import (
    ALICE,
    DAY,
    KEYS,
    NOW,
    WEEK,
    facts,
    item,
    meet,
    open_shop,
    order,
    pay,
    question,
)
from tests.kit.factories import TERMS_VERSION
from tests.kit.processes import eventually
from webapp.db.engine import db
from webapp.db.models import LedgerEntry
from webapp.db.transactions import transaction
from webapp.db.writes import Change, write
from webapp.domain.access import entitlements, ledger
from webapp.domain.owner import broadcasts
from webapp.domain.queue import inbox, leases, outbox
from webapp.domain.sales import charges, orders, pre_checkouts, refunds
from webapp.domain.sales.refunds import RefundFacts

KINDS = ["postgresql", "transaction_pool"]
pytestmark = pytest.mark.parametrize("database_url", KINDS, indirect=True)
FORTNIGHT = item("fortnight", kind="pass", stars=40, pass_days=14, keys=("tonight",))


@pytest.fixture
def at_once(app: Flask) -> Callable[[Callable[[], Any], Callable[[], Any]], tuple[Any, Any]]:
    """Have a second transaction begin while the first is still open; return what both returned."""

    def second(work: Callable[[], Any]) -> Any:
        with app.app_context(), transaction():
            return work()

    def waits() -> bool:
        return bool(db.session.scalar(db.text("SELECT count(*) FROM pg_locks WHERE NOT granted")))

    def run(one: Callable[[], Any], other: Callable[[], Any]) -> tuple[Any, Any]:
        with ThreadPoolExecutor(1) as pool:
            with transaction():
                first = one()
                later = pool.submit(second, other)
                # One that does not wait for the first is over before it.
                eventually(lambda: later.done() or waits())
            return first, later.result()

    return run


@pytest.mark.proves("I1")
def test_a_charge_told_from_two_sides_at_once_is_one(alice, at_once):
    made = order(alice)

    def record(cause: str) -> int:
        told = facts(made, cause=cause)
        return charges.record_charge(told, keys=KEYS, now=NOW).charge.id

    first, second = at_once(lambda: record("update:1"), lambda: record("statement"))
    assert first == second
    assert [entry.kind for entry in ledger.of(ALICE)] == ["charge"]


@pytest.mark.proves("I2")
def test_two_payments_of_one_person_at_once_both_count(alice, at_once):
    open_shop(WEEK, FORTNIGHT)
    orders_ = [order(alice, slug) for slug in ("week", "fortnight")]

    def record(number: int) -> None:
        charges.record_charge(facts(orders_[number], f"charge-{number}"), keys=KEYS, now=NOW)

    at_once(lambda: record(0), lambda: record(1))
    assert entitlements.of(ALICE)["tonight"].until == NOW + 21 * DAY


@pytest.mark.proves("I7")
def test_a_payment_and_its_refund_at_once_leave_nothing(alice, at_once):
    told = facts(order(alice))
    refund = RefundFacts(told.charge_id, ALICE, told.stars, NOW, "update:2")
    at_once(
        lambda: charges.record_charge(told, keys=KEYS, now=NOW), lambda: refunds.mark_done(refund, now=NOW)
    )
    assert entitlements.of(ALICE) == {}
    assert entitlements.differences() == []


@pytest.mark.proves("I2")
def test_a_refund_while_entitlements_are_written_anew_takes_them_away(alice, at_once):
    charge = pay(facts(order(alice)))
    refund = RefundFacts(charge.telegram_payment_charge_id, ALICE, charge.stars, NOW, "update:2")
    # Without the lock the refund would delete the row that it sees, and not the one written anew.
    at_once(lambda: entitlements.rebuild([ALICE]), lambda: refunds.mark_done(refund, now=NOW))
    assert entitlements.of(ALICE) == {}
    assert entitlements.differences() == []


@pytest.mark.proves("F48")
def test_two_refunds_wanted_at_once_are_one(alice, at_once):
    charge = pay(facts(order(alice)))

    def want(by: str) -> str:
        return refunds.request_refund(charge, "asked", requested_by=by, now=NOW).requested_by

    assert at_once(lambda: want("owner"), lambda: want("shop")) == ("owner", "owner")
    assert [entry.kind for entry in ledger.of(ALICE)] == ["charge", "suspension"]


def test_a_double_tap_at_once_is_one_order(alice, at_once):
    order(alice, "notes")  # by somebody who has accepted the terms

    def place() -> str:
        return orders.place(
            alice,
            "atlas",
            terms_version=TERMS_VERSION,
            current_terms=TERMS_VERSION,
            correlation_id="tap",
            keys=KEYS,
            now=NOW,
        ).public_id

    first, second = at_once(place, place)
    assert first == second


@pytest.mark.proves("I3")
def test_of_two_questions_at_once_one_is_approved(alice, at_once):
    made = order(alice)

    def decide(query_id: str) -> str | None:
        refusal = pre_checkouts.decide(question(made, query_id), keys=KEYS, now=NOW)
        return refusal.code if refusal else None

    assert at_once(lambda: decide("q1"), lambda: decide("q2")) == (None, "PaymentInProgress")


def test_a_question_that_waits_for_a_payment_hears_that_the_order_is_paid(alice, at_once):
    made = order(alice)

    def decide() -> str | None:
        refusal = pre_checkouts.decide(question(made), keys=KEYS, now=NOW)
        return refusal.code if refusal else None

    paid = Change(charges.PAY, {"id": made.id, "charge_id": "charge-1", "now": NOW})
    _, refusal = at_once(lambda: write(paid), decide)
    assert refusal == "OrderClosed"


def test_one_question_asked_twice_at_once_is_approved_twice(alice, at_once):
    asked = question(order(alice))

    def decide() -> object:
        return pre_checkouts.decide(asked, keys=KEYS, now=NOW)

    assert at_once(decide, decide) == (None, None)


@pytest.mark.proves("F15")
def test_an_update_from_webhook_and_poller_at_once_is_one_item(app, at_once):
    update = {"update_id": 7, "message": {"text": "hello"}}
    first, second = at_once(
        lambda: inbox.receive(update, "webhook", NOW), lambda: inbox.receive(update, "polling", NOW)
    )
    assert first is not None
    assert second is None


@pytest.mark.proves("I10")
def test_a_message_written_twice_at_once_is_one(app, at_once):
    def write() -> bool:
        return outbox.add(ALICE, "receipt", {}, dedupe_key="receipt:1", now=NOW)

    assert at_once(write, write) == (True, False)


def test_an_entry_added_twice_at_once_is_one(app, at_once):
    def add() -> bool:
        return ledger.add(
            LedgerEntry(
                telegram_id=ALICE,
                kind="charge",
                charge_id="charge-1",
                occurred_at=NOW,
                recorded_at=NOW,
                cause="test",
            )
        )

    assert at_once(add, add) == (True, False)


@pytest.mark.proves("F7")
def test_a_duty_taken_by_two_at_once_has_one_holder(app, at_once):
    def hold(name: str) -> int | None:
        return leases.hold("outbox", name, 60, NOW)

    assert at_once(lambda: hold("one"), lambda: hold("two")) == (1, None)


def test_two_workers_at_once_write_news_to_different_people(alice, at_once):
    for person in range(ALICE, ALICE + 13):
        meet(person)
    with transaction():
        broadcasts.start(broadcasts.News("comet", "everyone", {"en": "A comet."}, None), NOW)
    # The second sees what the first wrote, and that there is no more room.
    assert at_once(lambda: broadcasts.write_messages(NOW), lambda: broadcasts.write_messages(NOW)) == (10, 0)
    assert db.session.scalar(db.text("SELECT max(last_telegram_id) FROM broadcasts")) == ALICE + 9


def test_news_begun_twice_at_once_are_begun_once(alice, at_once):
    news = broadcasts.News("comet", "everyone", {"en": "A comet."}, None)
    assert at_once(lambda: broadcasts.start(news, NOW), lambda: broadcasts.start(news, NOW)) == (True, False)
