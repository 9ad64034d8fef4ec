import json
from datetime import timedelta

import pytest
from sqlalchemy.exc import InvalidRequestError

from tests.kit.arrange import NOW
from webapp.db import retried
from webapp.db.engine import db
from webapp.db.models import InboxItem
from webapp.db.transactions import transaction
from webapp.domain.queue import dead_letters, inbox

MOST_ATTEMPTS = inbox.RETRIES.most_attempts
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


@pytest.mark.proves("F19")
def test_a_reused_update_id_does_not_hide_another_payment():
    first, second = receive(PAYMENT), receive({**PAYMENT, "message": {"text": "hello"}})
    assert first != second
    assert second is not None


@pytest.mark.proves("F20")
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


@pytest.mark.proves("F22")
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


def keep(*update_ids: int) -> None:
    for update_id in update_ids:
        receive({"update_id": update_id, "message": {}})


def set_aside(update_id: int, error: str = "bad") -> None:
    with transaction():
        inbox.quarantine(by_update(update_id), error, NOW)


def be_done(update_id: int) -> None:
    with transaction():
        inbox.finish(by_update(update_id), NOW)


def by_update(update_id: int) -> InboxItem:
    asked = db.select(InboxItem).where(InboxItem.update_id == update_id)
    return db.session.scalars(asked, execution_options={"populate_existing": True}).one()


def test_what_is_not_done_is_listed_oldest_first():
    keep(5, 3, 4)
    be_done(3)
    set_aside(4)
    assert [item.update_id for item in inbox.waiting(10)] == [5, 4]
    assert [item.update_id for item in inbox.waiting(10, quarantined=True)] == [4]
    assert [item.update_id for item in inbox.waiting(10, done=True)] == [5, 3, 4]


def test_of_many_the_latest_are_listed():
    keep(1, 2, 3)
    assert [item.update_id for item in inbox.waiting(2)] == [2, 3]


def test_an_item_says_what_became_of_it():
    keep(1, 2, 3, 4)
    be_done(1)
    set_aside(2)
    [failing, _] = claim()
    with transaction():
        inbox.fail(failing, "no such table", NOW)
    assert [item.state for item in inbox.waiting(10, done=True)] == [
        "done",
        "quarantined",
        "failed",
        "waiting",
    ]


def test_a_body_is_read_only_where_it_is_asked_for():
    receive(PAYMENT)
    db.session.expunge_all()
    [listed] = inbox.waiting(10)
    with pytest.raises(InvalidRequestError):
        listed.body.strip()
    assert json.loads(dead_letters.get(listed.id).body) == PAYMENT


def test_an_item_that_eight_processes_died_of_is_set_aside():
    keep(1)
    lease = timedelta(seconds=retried.LEASE_SECONDS)
    for attempt in range(MOST_ATTEMPTS):
        assert len(claim(at=NOW + attempt * lease)) == 1
    assert claim(at=NOW + MOST_ATTEMPTS * lease) == []
    assert (only_item().state, only_item().error) == ("quarantined", "8 tries never came to an end")


@pytest.mark.proves("F22")
def test_those_that_were_taken_together_with_a_deadly_item_are_not_blamed():
    for number in range(1, 6):
        keep(number)
    at = NOW
    for _ in range(20):
        claimed = claim(at=at)
        if not any(item.update_id == 3 for item in claimed):
            with transaction():
                for item in claimed:
                    inbox.finish(item, at)
        at += timedelta(seconds=retried.LEASE_SECONDS)
    items = db.session.scalars(db.select(InboxItem).order_by(InboxItem.update_id))
    assert [(item.update_id, item.state) for item in items] == [
        (number, "quarantined" if number == 3 else "done") for number in range(1, 6)
    ]


def test_one_that_fails_again_and_again_keeps_nobody_waiting():
    keep(1)
    for attempt in range(inbox.ALONE_AFTER_ATTEMPTS):
        assert len(claim(at=NOW + attempt * timedelta(seconds=retried.LEASE_SECONDS))) == 1
    later = NOW + inbox.ALONE_AFTER_ATTEMPTS * timedelta(seconds=retried.LEASE_SECONDS)
    keep(2)
    keep(3)
    assert [[item.update_id for item in claim(at=later)] for _ in range(3)] == [[2, 3], [1], []]


def test_a_replayed_item_is_as_if_it_had_just_arrived():
    keep(1)
    for at in range(8):
        [item] = claim(at=NOW + timedelta(hours=at))
        with transaction():
            inbox.fail(item, "bad", NOW + timedelta(hours=at))
    later = NOW + timedelta(days=1)
    with transaction():
        dead_letters.replay([only_item().id], later)
    [again] = claim(at=later)
    assert (again.attempts, again.quarantined_at, again.error) == (1, None, "bad")


def test_one_that_failed_need_not_wait_for_its_turn():
    keep(1)
    [item] = claim()
    with transaction():
        inbox.fail(item, "bad", NOW)
    assert claim() == []
    with transaction():
        dead_letters.replay([item.id], NOW)
    assert len(claim()) == 1


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (["aside", "done"], "is done"),
        (["aside", "no update"], "was never an update"),
        (["aside", "missing"], "There is no item 999"),
        (["aside", "aside"], "is named twice"),
    ],
    ids=["done", "no update", "missing", "named twice"],
)
def test_items_are_replayed_all_or_none(chosen, words):
    keep(1, 2)
    be_done(1)
    set_aside(2)
    receive(b"no update")
    known = {"done": by_update(1).id, "aside": by_update(2).id, "no update": by_update(0).id, "missing": 999}
    with pytest.raises(dead_letters.InboxError, match=words), transaction():
        dead_letters.replay([known[name] for name in chosen], NOW)
    assert by_update(2).quarantined_at
    assert claim(at=NOW + timedelta(days=1)) == []


def test_a_row_of_the_statement_is_no_update_to_replay():
    with transaction():
        inbox.set_aside({"id": 7}, inbox.STATEMENT_ROW, "id is not a text", NOW)
    with pytest.raises(dead_letters.InboxError, match="was never an update"), transaction():
        dead_letters.replay([only_item().id], NOW)


def test_what_nothing_can_come_of_is_dismissed_with_a_reason():
    receive(b"no update")
    with transaction():
        dead_letters.dismiss([only_item().id], "a test of the network", NOW)
    assert (only_item().state, only_item().error) == ("done", "dismissed: a test of the network")
    assert dead_letters.kinds() == {}
    receive(b"no update")
    assert only_item().state == "done"


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (["aside", "waiting"], "is not set aside"),
        (["aside", "missing"], "There is no item 999"),
        (["aside", "aside"], "is named twice"),
    ],
    ids=["waiting", "missing", "named twice"],
)
def test_items_are_dismissed_all_or_none(chosen, words):
    keep(1, 2)
    set_aside(2)
    known = {"waiting": by_update(1).id, "aside": by_update(2).id, "missing": 999}
    with pytest.raises(dead_letters.InboxError, match=words), transaction():
        dead_letters.dismiss([known[name] for name in chosen], "why", NOW)
    assert by_update(2).quarantined_at


def test_what_was_set_aside_is_counted_by_kind():
    assert dead_letters.kinds() == {}
    keep(1, 2, 3)
    receive(PAYMENT)
    receive(b"no update")
    for update_id in (1, 2, 7):
        set_aside(update_id)
    assert dead_letters.kinds() == {"message": 2, "successful_payment": 1, "unreadable": 1}


@pytest.mark.proves("F52")
def test_f52_what_a_clock_that_was_ahead_put_off_is_done():
    receive(PAYMENT)
    assert len(claim(at=NOW + timedelta(hours=1))) == 1
    assert inbox.is_due(NOW)
    assert len(claim()) == 1
    assert claim() == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_item_that_another_process_is_taking_keeps_nobody_waiting():
    taken = receive(PAYMENT)
    other = receive({**PAYMENT, "update_id": 8})
    with db.engine.begin() as elsewhere:
        elsewhere.execute(db.select(InboxItem.id).filter_by(id=taken).with_for_update())
        assert [item.id for item in claim()] == [other]
    assert [item.id for item in claim()] == [taken]
