import copy
from typing import Any

import pytest

from tests.kit.arrange import ALICE, DAY, KEYS, MONTH, NOW, facts, meet, open_shop, order
from tests.kit.service_messages import DATE, service_message
from tests.kit.way import follow
from webapp.db.engine import db
from webapp.db.models import InboxItem
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements, ledger
from webapp.domain.queue import inbox
from webapp.domain.sales import subscriptions, updates
from webapp.domain.sales.telegram_json import Unreadable


def kept(update: dict[str, Any]) -> InboxItem:
    with transaction():
        row = inbox.receive(update, "polling", NOW)
    return db.session.get_one(InboxItem, row)


def apply(update: dict[str, Any]) -> None:
    item = kept(update)
    with transaction():
        updates.apply(item, keys=KEYS, now=NOW)


@pytest.fixture
def payload(app) -> str:
    open_shop()
    return order(meet()).payload


def test_a_payment_and_its_refund_reach_the_ledger(payload):
    apply(service_message("successful_payment", payload))
    assert entitlements.has(ALICE, "atlas", NOW)
    apply(service_message("refunded_payment", payload))
    assert [entry.kind for entry in ledger.of(ALICE)] == ["charge", "refund"]
    assert ledger.of(ALICE)[0].cause == "update:5"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_way_of_a_payment_from_the_inbox_to_the_ledger_is_short(payload):
    item = kept(service_message("successful_payment", payload))
    with transaction():
        way = follow(lambda: updates.apply(item, keys=KEYS, now=NOW))
    assert len(way.modules) <= 12, way
    assert way.turns.total() <= 25, way
    assert "webapp.domain.access.ledger" in way.modules


def test_21_a_refund_in_another_currency_is_read_as_one(payload):
    update = service_message("refunded_payment", payload)
    update["message"]["refunded_payment"]["currency"] = "USD"
    apply(update)
    assert [entry.stars for entry in ledger.of(ALICE)] == [0]


@pytest.mark.proves("S48")
@pytest.mark.parametrize(
    "copied",
    [
        {"forward_origin": {"type": "user"}},
        {"forward_date": DATE},
        {"via_bot": {"id": 1}},
        {"from": {"id": 1002}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_copy_of_a_payment_is_worth_nothing(payload, copied):
    apply(service_message("successful_payment", payload, **copied))
    assert ledger.of(ALICE) == ledger.of(1002) == []


def test_a_text_that_looks_like_a_payment_is_worth_nothing(payload):
    apply({"update_id": 5, "message": {"text": '{"successful_payment": {"total_amount": 250}}'}})
    assert ledger.of(ALICE) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("message", "from"), None),
        (("message", "from", "id"), "1001"),
        (("message", "from", "id"), 2**60),
        (("message", "from", "id"), True),
        (("message", "date"), "yesterday"),
        (("message", "date"), -1),
        (("message", "chat"), []),
        (("message", "successful_payment"), "paid"),
        (("message", "successful_payment", "total_amount"), 250.0),
        (("message", "successful_payment", "total_amount"), -250),
        (("message", "successful_payment", "total_amount"), 2**40),
        (("message", "successful_payment", "currency"), None),
        (("message", "successful_payment", "invoice_payload"), 7),
        (("message", "successful_payment", "invoice_payload"), "x" * 5000),
        (("message", "successful_payment", "telegram_payment_charge_id"), ""),
        (("message", "successful_payment", "telegram_payment_charge_id"), "x" * 256),
        (("message", "successful_payment", "telegram_payment_charge_id"), "a\0b"),
    ],
    ids=lambda part: ".".join(part[1:]) if isinstance(part, tuple) else repr(part)[:12],
)
def test_a_payment_whose_facts_are_wrong_is_not_guessed(payload, path, value):
    update = copy.deepcopy(service_message("successful_payment", payload))
    place = update
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    item = kept(update)
    with pytest.raises(Unreadable):
        updates.apply(item, keys=KEYS, now=NOW)
    assert ledger.of(ALICE) == []


def test_a_question_is_read(payload):
    asked = {
        "id": "77",
        "from": {"id": ALICE},
        "currency": "XTR",
        "total_amount": 250,
        "invoice_payload": payload,
    }
    read = updates.question(kept({"update_id": 6, "pre_checkout_query": asked}))
    assert (read.query_id, read.telegram_id, read.stars, read.payload) == ("77", ALICE, 250, payload)
    with pytest.raises(Unreadable):
        updates.question(kept({"update_id": 7, "pre_checkout_query": {**asked, "id": 77}}))


@pytest.mark.parametrize(
    ("tag", "known"), [("ru", "ru"), (None, None), (7, None), ({"a": 1}, None), ("x" * 10_000, "x" * 10_000)]
)
def test_a_question_says_what_its_payer_speaks_and_is_read_whatever_that_is(payload, tag, known):
    asked = {"id": "77", "currency": "XTR", "total_amount": 250, "invoice_payload": payload}
    update = {"update_id": 6, "pre_checkout_query": {**asked, "from": {"id": ALICE, "language_code": tag}}}
    assert updates.question(kept(update)).language_code == known


def test_the_facts_are_telegrams(payload):
    read = updates.charge(kept(service_message("successful_payment", payload)))
    assert read == facts(order(meet()), cause="update:5")


# --- Plans


@pytest.fixture
def plan_payload(app) -> str:
    open_shop()
    return order(meet(), "plan").payload


def recurring(payload: str, charge_id: str = "charge-1", **changes: Any) -> dict[str, Any]:
    update = service_message("successful_payment", payload)
    update["message"]["successful_payment"] |= {
        "total_amount": 100,
        "telegram_payment_charge_id": charge_id,
        "subscription_expiration_date": DATE + 2_592_000,
        "is_recurring": True,
        "is_first_recurring": True,
        **changes,
    }
    return update


def state(payload: str, state: Any = "canceled", *, update_id: int = 9, **changes: Any) -> dict[str, Any]:
    told = {"user": {"id": ALICE, "is_bot": False}, "invoice_payload": payload, "state": state, **changes}
    return {"update_id": update_id, "subscription": told}


def test_a_first_charge_and_a_renewal_are_told_apart(plan_payload):
    first = updates.charge(kept(recurring(plan_payload)))
    assert (first.paid_until, first.is_renewal) == (NOW + MONTH, False)
    # Telegram writes only what is true.
    later = recurring(plan_payload, "charge-2")
    del later["message"]["successful_payment"]["is_first_recurring"]
    assert updates.charge(kept(later)).is_renewal is True
    assert updates.charge(kept(service_message("successful_payment", plan_payload))).is_renewal is None


@pytest.mark.parametrize("date", ["soon", -1, 2**40, 1.5, True])
def test_an_end_that_is_no_date_is_not_guessed(plan_payload, date):
    item = kept(recurring(plan_payload, subscription_expiration_date=date))
    with pytest.raises(Unreadable):
        updates.apply(item, keys=KEYS, now=NOW)


def test_what_telegram_says_of_renewal_is_remembered(plan_payload):
    apply(recurring(plan_payload))
    apply(state(plan_payload))
    assert not subscriptions.list_for(ALICE)[0].renews
    apply(state(plan_payload, "active", update_id=10))
    assert subscriptions.list_for(ALICE)[0].renews
    assert entitlements.of(ALICE)["tonight"].until == NOW + MONTH + DAY


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "paused"},
        {"state": None},
        {"state": ["canceled"]},
        {"user": None},
        {"user": {"id": "1001"}},
        {"invoice_payload": "not ours"},
        {"invoice_payload": 7},
        {"invoice_payload": ""},
    ],
    ids=str,
)
def test_a_state_whose_facts_are_wrong_is_not_guessed(plan_payload, changes):
    apply(recurring(plan_payload))
    item = kept(state(plan_payload, **{"state": "canceled", **changes}))
    with pytest.raises(Unreadable):
        updates.apply(item, keys=KEYS, now=NOW)
    assert subscriptions.list_for(ALICE)[0].renews


def test_a_state_that_is_no_object_is_not_guessed(app):
    with pytest.raises(Unreadable):
        updates.apply(kept({"update_id": 3, "subscription": "canceled"}), keys=KEYS, now=NOW)
