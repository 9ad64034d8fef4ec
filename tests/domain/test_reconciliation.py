from typing import Any

import pytest

from tests.arrange import ALICE, DAY, KEYS, NOW, facts, meet, open_shop, order, pay
from webapp.domain import entitlements, ledger, payments, reconciliation, refunds
from webapp.domain.reconciliation import Report
from webapp.extensions import db, transaction
from webapp.models import Shop

DATE = int(NOW.timestamp())


@pytest.fixture
def alice(app):
    open_shop()
    return meet()


def row(payload: str, side: str = "source", **changes: Any) -> dict[str, Any]:
    partner = {
        "type": "user",
        "transaction_type": "invoice_payment",
        "user": {"id": ALICE, "is_bot": False, "first_name": "Alice"},
        "invoice_payload": payload,
    }
    return {"id": "charge-1", "amount": 250, "date": DATE, side: {**partner, **changes}}


def apply(*rows: dict[str, Any], offset: int = 0) -> Report:
    with transaction():
        return reconciliation.apply_page(list(rows), offset, keys=KEYS, now=NOW)


def test_a_charge_nobody_told_us_of_is_recorded(alice):
    report = apply(row(order(alice).payload))
    assert (report.rows, report.charges_added, report.refunds_added) == (1, 1, 0)
    assert entitlements.has(ALICE, "atlas", NOW)
    assert payments.get("charge-1").cause == "statement"


def test_a_statement_read_twice_changes_nothing(alice):
    paid = row(order(alice).payload)
    apply(paid)
    report = apply(paid)
    assert (report.charges_added, len(ledger.of(ALICE))) == (0, 1)


def test_a_refund_nobody_told_us_of_is_settled_once(alice):
    payload = order(alice).payload
    report = apply(row(payload), row(payload, "receiver"))
    assert (report.charges_added, report.refunds_added) == (1, 1)
    assert not entitlements.has(ALICE, "atlas", NOW)
    assert apply(row(payload, "receiver")).refunds_added == 0


def test_rows_may_come_in_any_order(alice):
    payload = order(alice).payload
    apply(row(payload, "receiver"), row(payload))
    assert sum(entry.stars for entry in ledger.of(ALICE)) == 0
    assert entitlements.of(ALICE) == {}


def test_a_refund_we_wait_for_is_settled_by_the_statement(alice):
    charge = pay(facts(order(alice)))
    with transaction():
        refunds.request(charge, "asked", requested_by="owner", now=NOW)
    assert apply(row("", "receiver")).refunds_added == 1
    assert refunds.find("charge-1").status == "done"


@pytest.mark.parametrize(
    "foreign",
    [
        row("", type="fragment"),
        row("", type="telegram_ads"),
        row("", type="something_new"),
        row("", transaction_type="gift_purchase"),
        {"id": "x", "amount": 5, "date": DATE},
        {"id": "x", "amount": 5, "date": DATE, "source": "nobody"},
    ],
    ids=range(6),
)
def test_rows_that_are_no_sales_are_passed_over(alice, foreign):
    report = apply(foreign)
    assert (report.rows, report.charges_added, report.refunds_added) == (1, 0, 0)


def test_the_place_in_the_statement_moves_with_its_rows(alice):
    paid = row(order(alice).payload)
    apply(paid, offset=250)
    assert db.session.get(Shop, 1, populate_existing=True).statement_offset == 251
    assert reconciliation.begin() == 151
    apply(paid, offset=10)
    assert reconciliation.begin() == 151
    with transaction():
        reconciliation.finish(Report(), NOW + DAY)
    assert db.session.get(Shop, 1, populate_existing=True).reconciled_at == NOW + DAY
