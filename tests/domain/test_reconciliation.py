from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from tests.kit.arrange import ALICE, DAY, KEYS, MINUTE, NOW, facts, meet, open_shop, order, pay
from webapp.db.engine import db
from webapp.db.models import InboxItem, Shop
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements, ledger
from webapp.domain.sales import charges, movements, orders, payloads, reconciliation, refunds, subscriptions
from webapp.domain.sales.reconciliation import SETTLED, Report

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
    assert charges.get("charge-1").cause == "statement"


@pytest.mark.proves("F29")
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


@pytest.mark.proves("F35")
def test_a_refund_we_wait_for_is_settled_by_the_statement(alice):
    charge = pay(facts(order(alice)))
    with transaction():
        refunds.request_refund(charge, "asked", requested_by="owner", now=NOW)
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
    assert reconciliation.begin() == 0
    apply(paid, offset=100)
    assert reconciliation.begin() == 1
    apply(paid, offset=250)
    assert db.session.get(Shop, 1, populate_existing=True).statement_offset == 251
    assert reconciliation.begin() == 151
    apply(paid, offset=10)
    assert reconciliation.begin() == 151
    with transaction():
        reconciliation.finish(Report(), NOW + DAY)
    assert db.session.get(Shop, 1, populate_existing=True).reconciled_at == NOW + DAY


@pytest.mark.proves("F6")
def test_f6_a_page_that_fails_leaves_its_place(alice):
    paid = row(order(alice).payload)
    with transaction():
        db.session.execute(db.text("ALTER TABLE outbox RENAME TO elsewhere"))
    with pytest.raises(SQLAlchemyError):
        apply(paid)
    with transaction():
        db.session.execute(db.text("ALTER TABLE elsewhere RENAME TO outbox"))
    assert db.session.get(Shop, 1, populate_existing=True).statement_offset == 0
    assert apply(paid).charges_added == 1


# --- Rows that are not as they should be


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": 7},
        {"id": "x" * 256},
        {"id": "a\0b"},
        {"amount": "250"},
        {"amount": -1},
        {"amount": 2**40},
        {"amount": True},
        {"date": "today"},
        {"date": 2**40},
        {"source": {"type": "user"}},
        {"source": {"type": "user", "user": {"id": "1001"}}},
        {"source": {"type": "user", "user": {"id": 1001}, "invoice_payload": 7}},
        {"source": {"type": "user", "user": {"id": 1001}, "invoice_payload": "x" * 5000}},
        {"source": {"type": "user", "user": {"id": 1001}, "subscription_period": "month"}},
        {"source": {"type": "user", "user": {"id": 1001}, "affiliate": {"amount": "many"}}},
        {"source": None, "receiver": {"type": "user"}},
    ],
    ids=str,
)
def test_a_row_that_cannot_be_read_is_set_aside_once_and_stops_nothing(alice, changes):
    payload = order(alice).payload
    bad = {**row(payload), "id": "bad", **changes}
    for set_aside in (1, 0):
        report = apply(bad, {**row(payload), "id": "good"})
        assert (report.rows, report.set_aside) == (2, set_aside)
    assert [charge.telegram_payment_charge_id for charge in charges.of(ALICE)] == ["good"]
    [item] = db.session.scalars(db.select(InboxItem))
    assert (item.kind, item.state) == ("statement_row", "quarantined")


def test_a_row_that_is_no_object_is_set_aside(alice):
    assert apply("a row", None).set_aside == 2  # type: ignore[arg-type]


def test_a_row_without_a_payload_is_a_charge_nobody_understands(alice):
    bare = row("")
    del bare["source"]["invoice_payload"]
    apply(bare)
    assert charges.get("charge-1").quarantined_because == "UnknownPayload"


def test_the_same_row_on_two_pages_is_one_charge(alice):
    paid = row(order(alice).payload)
    assert apply(paid, paid).charges_added == 1
    assert apply(paid, offset=1).charges_added == 0


def test_the_same_refund_on_two_pages_is_one_refund(alice):
    back = row("", "receiver")
    assert apply(back, back).refunds_added == 1
    assert apply(back, offset=1).refunds_added == 0


def test_a_charge_that_went_back_is_no_predecessor(alice):
    """Before anything was lost, the first of two was given back; rebuilt, it is the same one."""
    payload = order(alice).payload
    first, second = row(payload), {**row(payload), "id": "charge-2"}
    apply(first, second, row(payload, "receiver"))
    assert set(refunds.for_user(ALICE)) == {"charge-1"}
    assert entitlements.has(ALICE, "atlas", NOW)
    assert orders.find(payloads.unseal(payload, KEYS).order_id).charge_id


def test_a_plan_s_row_tells_its_period(alice):
    payload = order(alice, "plan").payload
    apply({**row(payload, subscription_period=2_592_000), "amount": 100})
    assert subscriptions.list_for(ALICE)[0].paid_until == NOW + 30 * DAY


# --- Do the books agree?


def test_an_affiliate_s_share_may_be_left_out_of_a_row(alice):
    payload = order(alice).payload
    share = {"commission_per_mille": 50, "amount": 12, "nanostar_amount": 500_000_000}
    net = {**row(payload, affiliate=share), "amount": 237, "nanostar_amount": 500_000_000}
    assert apply(net).charges_added == 1
    charge = charges.get("charge-1")
    assert (charge.stars, charge.quarantined_because) == (250, None)
    assert apply(net).drift_stars == 0


@pytest.mark.parametrize("nanos", [0, 1])
def test_a_share_that_does_not_make_up_the_price_is_no_excuse(alice, nanos):
    share = {"amount": 1, "nanostar_amount": nanos}
    apply({**row(order(alice).payload, affiliate=share), "amount": 237})
    assert charges.get("charge-1").quarantined_because == "WrongAmount"


@pytest.mark.parametrize("known", [True, False])
def test_a_refund_takes_back_what_was_booked_with_the_affiliate_s_share(alice, known):
    payload = order(alice).payload
    paid = {**row(payload, affiliate={"amount": 12}), "amount": 238}
    back = {**row(payload, "receiver", affiliate={"amount": -12}), "amount": 238}
    apply(*([paid] if known else []))
    apply(back)
    apply(paid)
    assert sorted(entry.stars for entry in ledger.of(ALICE)) == [-250, 250]


def test_a_refund_of_whatever_is_what_its_row_says(alice):
    apply({**row("no payload of ours", "receiver", affiliate={"amount": -12}), "amount": 238})
    assert [entry.stars for entry in ledger.of(ALICE)] == [-238]


@pytest.mark.proves("I8")
def test_a_row_of_another_amount_than_we_booked_is_drift(alice):
    pay(facts(order(alice)))
    assert apply({**row(""), "amount": 240}).drift_stars == 10


@pytest.mark.proves("I8")
def test_a_full_walk_finds_what_telegram_does_not_have(alice):
    payload = order(alice).payload
    pay(facts(order(alice)))
    pay(facts(order(alice, "notes"), "made-up"))
    later = NOW + DAY
    with transaction():
        report = reconciliation.apply_page(
            [row(payload)], 0, keys=KEYS, now=later, settled_before=later - SETTLED
        )
        reconciliation.finish(report, later, settled_before=later - SETTLED)
    shop = db.session.get(Shop, 1, populate_existing=True)
    assert (shop.full_pass_at, shop.drift_stars) == (later, 120)


def walk(*pages: list[dict[str, Any]], now: datetime) -> int | None:
    """Walk over a statement from its first row, and return the Stars by which the books differ."""
    settled_before, report = now - SETTLED, Report()
    with transaction():
        for rows in pages:
            report.add(reconciliation.apply_page(rows, 0, keys=KEYS, now=now, settled_before=settled_before))
        reconciliation.finish(report, now, settled_before=settled_before)
    return db.session.get_one(Shop, 1, populate_existing=True).drift_stars


def test_a_full_walk_misses_no_affiliate_s_share(alice):
    share = {"commission_per_mille": 50, "amount": 12}
    net = {**row(order(alice).payload, affiliate=share), "amount": 238}
    assert walk([net], now=NOW + DAY) == 0
    assert walk([net], now=NOW + 2 * DAY) == 0


def test_a_full_walk_tells_a_row_of_another_amount(alice):
    pay(facts(order(alice)))
    assert walk([{**row(""), "amount": 240}], now=NOW + DAY) == 10


def test_a_full_walk_leaves_the_latest_charges_to_the_next(alice):
    pay(facts(order(alice)))
    with transaction():
        reconciliation.finish(Report(), NOW + MINUTE, settled_before=NOW + MINUTE - SETTLED)
    assert db.session.get(Shop, 1, populate_existing=True).drift_stars == 0


def test_a_full_walk_is_due_once_a_day(alice):
    assert reconciliation.is_full_pass_due(NOW)
    with transaction():
        reconciliation.finish(Report(), NOW, settled_before=NOW)
    assert not reconciliation.is_full_pass_due(NOW + DAY - MINUTE)
    assert reconciliation.is_full_pass_due(NOW + DAY)


# --- What else moves Stars

GIFT = {"gift": {"id": "g"}}
NAMED = [
    ("source", {"type": "user", "transaction_type": "paid_media_payment"}, "paid media"),
    ("receiver", {"type": "user", "transaction_type": "gift_purchase"}, "gifts"),
    ("receiver", {"type": "user", "transaction_type": "premium_purchase"}, "Premium given to people"),
    ("source", {"type": "user", "transaction_type": "business_account_transfer"}, "business accounts"),
    ("source", {"type": "user", "transaction_type": "paid_message"}, "paid messages"),
    ("source", {"type": "user", "transaction_type": "suggested_post"}, "suggested posts"),
    ("receiver", {"type": "chat", **GIFT}, "gifts to channels"),
    ("source", {"type": "chat"}, "channels and chats"),
    ("source", {"type": "affiliate_program", "commission_per_mille": 50}, "commissions from other bots"),
    ("receiver", {"type": "fragment"}, "withdrawals to Fragment (TON)"),
    ("source", {"type": "fragment"}, "top-ups from Fragment"),
    ("receiver", {"type": "telegram_ads"}, "Telegram Ads"),
    ("receiver", {"type": "telegram_api", "request_count": 9}, "API top-ups"),
    ("source", {"type": "other"}, "other, as Telegram calls it"),
    ("source", {"type": "comet_dust"}, "comet dust"),
    ("source", {"type": "user", "transaction_type": "comet_tail"}, "user: comet tail"),
    ("source", {"type": ""}, "rows that name nobody"),
    ("nowhere", {}, "rows that name nobody"),
]


@pytest.mark.parametrize(("side", "partner", "name"), NAMED, ids=[name for *_, name in NAMED])
def test_29_every_row_has_a_name_and_counts_once(alice, side, partner, name):
    moved = {"id": "x", "amount": 5, "nanostar_amount": 500_000_000, "date": DATE, side: partner}
    assert [apply(moved).movements_added for _twice in range(2)] == [1, 0]
    [total] = movements.totals()
    assert name in total.name
    assert total.amount == ("-5.5" if side == "receiver" else "5.5")
    assert ledger.of(ALICE) == []


def test_29_all_but_a_whole_star_is_booked_to_its_last_billionth(alice):
    nearly = {"nanostar_amount": 999_999_999}
    apply({"id": "x", "amount": 5, **nearly, "date": DATE, "source": {"type": "other"}})
    assert movements.amount(*movements.balance()) == "5.999999999"
    share = {"amount": 12, "nanostar_amount": 1}
    apply({**row(order(alice).payload, affiliate=share), "amount": 237, **nearly})
    assert movements.amount(*movements.balance()) == "243.999999998"


def test_29_a_name_that_nobody_can_print_is_kept_printable(alice):
    apply({"id": "x", "amount": 5, "date": DATE, "source": {"type": "\x1b[2J\0" + "y" * 99}})
    assert movements.totals()[0].name == "?[2J?" + "y" * 59


@pytest.mark.parametrize(
    "broken",
    [
        {"amount": -1},
        {"date": None},
        {"id": ""},
        {"nanostar_amount": "1"},
        {"nanostar_amount": 1_000_000_000},
    ],
    ids=str,
)
def test_29_a_movement_that_cannot_be_read_is_set_aside_once(alice, broken):
    moved = {"id": "x", "amount": 5, "date": DATE, "source": {"type": "other"}, **broken}
    assert [apply(moved).set_aside for _twice in range(2)] == [1, 0]
    assert movements.totals() == []


def test_27_an_affiliate_s_share_is_booked_once_so_that_the_books_are_telegram_s(alice):
    share = {"amount": 12, "nanostar_amount": 500_000_000}
    net = {**row(order(alice).payload, affiliate=share), "amount": 237, "nanostar_amount": 500_000_000}
    for _twice in range(2):
        apply(net)
    [total] = movements.totals()
    assert (total.name, total.count, total.amount) == ("affiliates' shares of sales", 1, "-12.5")
    assert sum(entry.stars for entry in ledger.of(ALICE)) == 250
    assert movements.amount(*movements.balance()) == "237.5"


def test_27_a_share_comes_back_with_the_refund(alice):
    payload = order(alice).payload
    apply({**row(payload, affiliate={"amount": 12}), "amount": 238})
    apply({**row(payload, "receiver", affiliate={"amount": -12}), "amount": 238})
    assert [(one.count, one.amount) for one in movements.totals()] == [(2, "0")]
    assert movements.balance() == (0, 0)


def test_27_a_row_that_leaves_no_share_out_lacks_nothing(alice):
    apply(row(order(alice).payload, affiliate={"amount": 12}))
    assert movements.totals() == []
    assert movements.balance() == (250, 0)


def test_29_the_books_come_to_telegram_s_balance(alice):
    apply(
        row(order(alice).payload),
        {"id": "w", "amount": 100, "date": DATE, "receiver": {"type": "fragment"}},
        {
            "id": "c",
            "amount": 3,
            "nanostar_amount": 250_000_000,
            "date": DATE,
            "source": {"type": "affiliate_program"},
        },
    )
    assert movements.amount(*movements.balance()) == "153.25"
