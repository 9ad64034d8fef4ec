from datetime import timedelta

import pytest

from tests.kit.arrange import ALICE, BOB, NOW
from webapp.db.engine import db
from webapp.db.models import OutboxMessage
from webapp.db.transactions import transaction
from webapp.domain.queue import outbox

pytestmark = pytest.mark.usefixtures("app")


def add(dedupe_key: str = "receipt:1") -> None:
    with transaction():
        outbox.add(ALICE, "receipt", {"stars": 250}, dedupe_key=dedupe_key, now=NOW)


def claim(after_seconds: float = 0) -> list[OutboxMessage]:
    with transaction():
        return outbox.claim(10, NOW + timedelta(seconds=after_seconds))


def only_message() -> OutboxMessage:
    return db.session.scalars(db.select(OutboxMessage), execution_options={"populate_existing": True}).one()


def test_a_message_written_twice_is_sent_once():
    add()
    add()
    assert [message.facts for message in claim()] == [{"stars": 250}]


def test_messages_leave_in_the_order_they_were_written():
    for number in range(3):
        add(f"receipt:{number}")
    assert [message.dedupe_key for message in claim()] == ["receipt:0", "receipt:1", "receipt:2"]


@pytest.mark.proves("I10", "F3")
def test_a_message_is_lost_with_its_sender_and_taken_over():
    add()
    assert len(claim()) == 1
    assert claim(after_seconds=29) == []
    assert len(claim(after_seconds=31)) == 1


def test_a_sent_message_stays_sent():
    add()
    [message] = claim()
    with transaction():
        outbox.sent(message, NOW)
    assert only_message().sent_at == NOW
    assert claim(after_seconds=9999) == []


def test_a_message_nobody_can_get_is_given_up():
    add()
    [message] = claim()
    with transaction():
        outbox.failed(message, "Forbidden: bot was blocked by the user", NOW)
    assert only_message().error == "Forbidden: bot was blocked by the user"
    assert claim(after_seconds=9999) == []


@pytest.mark.parametrize(("age", "is_due"), [(timedelta(days=2), True), (outbox.NEWS, False)], ids=str)
def test_who_lets_the_bot_write_again_is_told_what_is_still_news(age, is_due):
    add()
    [message] = claim()
    with transaction():
        outbox.failed(message, "Forbidden: bot was blocked by the user", NOW)
        outbox.revive(BOB, NOW)
    assert claim(after_seconds=1) == []
    with transaction():
        outbox.revive(only_message().telegram_id, NOW + age)
    assert bool(claim(after_seconds=age.total_seconds())) == is_due


@pytest.mark.proves("F39")
def test_a_message_is_tried_again_ever_more_slowly():
    add()
    [first] = claim()
    with transaction():
        outbox.retry(first, "timed out", NOW)
    assert claim(after_seconds=1) == []
    assert len(claim(after_seconds=2)) == 1


@pytest.mark.proves("F33")
def test_telegrams_pause_is_kept_exactly():
    add()
    [first] = claim()
    with transaction():
        outbox.retry(first, "Too Many Requests", NOW, after_seconds=60)
    assert claim(after_seconds=59) == []
    assert len(claim(after_seconds=60)) == 1


def test_a_message_is_due_until_it_is_sent():
    assert not outbox.is_due(NOW)
    add()
    assert outbox.is_due(NOW)
    [message] = claim()
    assert not outbox.is_due(NOW)
    assert outbox.is_due(NOW + timedelta(seconds=31))
    with transaction():
        outbox.sent(message, NOW)
    assert not outbox.is_due(NOW + timedelta(days=1))


@pytest.mark.proves("F52")
def test_f52_what_a_clock_that_was_ahead_put_off_is_sent():
    add()
    assert len(claim(after_seconds=3600)) == 1
    assert outbox.is_due(NOW)
    assert len(claim()) == 1
    assert claim() == []


def test_23_a_receipt_is_taken_before_what_has_time():
    with transaction():
        outbox.add(BOB, "owner_support", {"telegram_id": ALICE}, dedupe_key="relay", now=NOW)
    add()
    with transaction():
        [first] = outbox.claim(1, NOW)
    assert first.kind == "receipt"


def test_24_what_was_noted_twice_is_one_fact_and_is_not_sent():
    for hours in range(2):
        with transaction():
            outbox.note(ALICE, "renewal_off", {}, dedupe_key="off:1", now=NOW + timedelta(hours=hours))
    assert only_message().sent_at == NOW
    assert claim() == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_message_that_another_process_is_taking_keeps_nobody_waiting():
    add("receipt:1")
    add("receipt:2")
    with db.engine.begin() as elsewhere:
        taken = db.select(OutboxMessage.id).filter_by(dedupe_key="receipt:1")
        elsewhere.execute(taken.with_for_update())
        assert [message.dedupe_key for message in claim()] == ["receipt:2"]
    assert [message.dedupe_key for message in claim()] == ["receipt:1"]
