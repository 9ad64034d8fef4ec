import json
from datetime import timedelta

import pytest

from tests.arrange import NOW
from webapp.domain import inbox
from webapp.extensions import db, transaction
from webapp.models import InboxItem

pytestmark = pytest.mark.usefixtures("app")
PAYMENT = {
    "update_id": 7,
    "message": {"from": {"id": 1001}, "successful_payment": {"telegram_payment_charge_id": "c"}},
}


def receive(body, source="webhook") -> int | None:
    with transaction():
        return inbox.receive(body, source, NOW)


def claim(*, at=NOW, **which) -> list[InboxItem]:
    with transaction():
        return inbox.claim(10, at, **which)


def only_item() -> InboxItem:
    return db.session.scalars(db.select(InboxItem), execution_options={"populate_existing": True}).one()


def test_an_update_is_kept_as_it_came():
    receive(json.dumps(PAYMENT).encode())
    item = only_item()
    assert json.loads(item.body) == PAYMENT
    assert (item.update_id, item.kind, item.telegram_id) == (7, "successful_payment", 1001)


def test_an_update_received_twice_is_one_item():
    """By webhook and by polling, with its keys in another order."""
    first = receive(json.dumps(PAYMENT).encode())
    assert first is not None
    assert receive(dict(reversed(PAYMENT.items())), "polling") is None
    assert only_item().source == "webhook"


def test_a_reused_update_id_does_not_hide_another_payment():
    assert receive(PAYMENT) != receive({**PAYMENT, "message": {"text": "hello"}})


@pytest.mark.parametrize(
    ("update", "kind", "person"),
    [
        ({"message": {"text": "hi", "from": {"id": 5}}}, "message", 5),
        ({"message": {"refunded_payment": {}}}, "refunded_payment", None),
        ({"pre_checkout_query": {"from": {"id": 5}}}, "pre_checkout_query", 5),
        ({"subscription": {"user": {"id": 5}, "state": "canceled"}}, "subscription", 5),
        ({"stopped_message_generation": {}}, "stopped_message_generation", None),
        ({"message": "text"}, "message", None),
        ({"message": {"from": {"id": True}}}, "message", None),
        ({"message": {"from": {"id": 2**60}}}, "message", None),
        ({"é" * 80: 1}, "\\xe9" * 16, None),
        ({}, "empty", None),
    ],
)
def test_any_kind_is_kept_and_named(update, kind, person):
    receive({"update_id": 8, **update})
    item = only_item()
    assert (item.kind, item.telegram_id, item.quarantined_at) == (kind, person, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\x00",
        b"[]",
        b"7",
        b"{}",
        b'{"update_id": "7"}',
        b'{"update_id": true}',
        b'{"update_id": 1e3}',
        b'{"update_id": 99999999999999999999}',
        b'{"update_id": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
    ],
    ids=range(12),
)
def test_what_cannot_be_read_is_kept_for_the_owner(body):
    receive(body)
    assert only_item().kind == "unreadable"
    assert claim() == []
    assert receive(body) is None


def test_a_dictionary_that_is_no_update_is_kept_too():
    receive({"message": "no id"})
    assert only_item().kind == "unreadable"


def test_an_item_is_claimed_by_one_and_lost_with_it():
    receive(PAYMENT)
    assert len(claim()) == 1
    assert claim() == []
    assert len(claim(at=NOW + timedelta(seconds=31))) == 1


def test_lanes_take_only_their_kinds():
    receive(PAYMENT)
    receive({"update_id": 8, "pre_checkout_query": {}})
    assert [item.kind for item in claim(only=["pre_checkout_query"])] == ["pre_checkout_query"]
    assert [item.kind for item in claim(without=["pre_checkout_query"])] == ["successful_payment"]


def test_a_handled_item_is_done():
    receive(PAYMENT)
    [item] = claim()
    with transaction():
        inbox.finish(item, NOW)
    assert only_item().done_at == NOW
    assert claim(at=NOW + timedelta(days=1)) == []


def test_a_poison_item_waits_for_the_owner_after_eight_tries():
    receive(PAYMENT)
    at = NOW
    for _ in range(8):
        [item] = claim(at=at)
        with transaction():
            inbox.fail(item, "no such table", at)
        assert claim(at=at) == []
        at += timedelta(minutes=10)
    item = only_item()
    assert (item.attempts, item.error) == (8, "no such table")
    assert item.quarantined_at
    assert claim(at=at) == []


def test_an_item_is_due_to_the_lane_of_its_kind_until_it_is_done():
    assert not inbox.is_due(NOW)
    receive(PAYMENT)
    assert inbox.is_due(NOW)
    assert inbox.is_due(NOW, only=["successful_payment"])
    assert not inbox.is_due(NOW, only=["pre_checkout_query"])
    assert not inbox.is_due(NOW, without=["successful_payment"])
    [item] = claim()
    assert not inbox.is_due(NOW)
    assert inbox.is_due(NOW + timedelta(seconds=31))
    with transaction():
        inbox.finish(item, NOW)
    assert not inbox.is_due(NOW + timedelta(days=1))
