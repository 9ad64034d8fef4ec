import copy
from typing import Any

import pytest

from tests.arrange import ALICE, KEYS, NOW, facts, meet, open_shop, order
from webapp.domain import entitlements, inbox, ledger, updates
from webapp.domain.telegram_json import Unreadable
from webapp.extensions import db, transaction
from webapp.models import InboxItem

DATE = int(NOW.timestamp())


def service_message(kind: str, payload: str, **changes: Any) -> dict[str, Any]:
    payment = {
        "currency": "XTR",
        "total_amount": 250,
        "invoice_payload": payload,
        "telegram_payment_charge_id": "charge-1",
        "provider_payment_charge_id": "",
    }
    person = {"id": ALICE, "is_bot": False, "first_name": "Alice"}
    chat = {"id": ALICE, "type": "private"}
    message = {"message_id": 1, "date": DATE, "from": person, "chat": chat, kind: payment}
    return {"update_id": 5, "message": {**message, **changes}}


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


def test_the_facts_are_telegrams(payload):
    read = updates.charge(kept(service_message("successful_payment", payload)))
    assert read == facts(order(meet()), cause="update:5")
