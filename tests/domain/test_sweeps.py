"""What has had its time goes, a little at a time; money, its reasons and what is open stay."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func

from tests.kit import arrange
from tests.kit.arrange import ALICE, DAY, NOW, OWNER
from webapp.config import ConfigError, load
from webapp.db.engine import db
from webapp.db.models import (
    Charge,
    InboxItem,
    LedgerEntry,
    Order,
    OutboxMessage,
    PreCheckout,
    SupportMessage,
    SupportThread,
    User,
)
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements, explanations
from webapp.domain.owner import broadcasts, statistics, support, sweeps
from webapp.domain.queue import dead_letters, inbox, outbox
from webapp.domain.sales import orders

KEPT = 30 * DAY
AFTER = NOW + KEPT + timedelta(seconds=1)
LONG_AFTER = AFTER + sweeps.BARE


def sweep(now: Any = AFTER) -> int:
    with transaction():
        return sweeps.sweep(KEPT, now)


def count(model: Any, *which: Any) -> int:
    db.session.rollback()
    return int(db.session.scalar(db.select(func.count()).select_from(model).where(*which)) or 0)


def update(number: int = 1) -> dict[str, Any]:
    person = {"id": ALICE, "first_name": "Alice"}
    chat = {"id": ALICE, "type": "private"}
    return {
        "update_id": number,
        "message": {"message_id": number, "from": person, "chat": chat, "text": "Hi"},
    }


def receive(number: int = 1, *, done: bool = True) -> None:
    with transaction():
        item = dead_letters.get(inbox.receive(update(number), "polling", NOW) or 0)
        if done:
            inbox.finish(item, NOW)


def test_25_a_body_goes_after_its_days_and_its_number_stays_known(alice):
    receive()
    receive(2, done=False)
    assert sweep(NOW + KEPT) == 0
    assert sweep() == 1
    done, waiting = db.session.scalars(db.select(InboxItem).order_by(InboxItem.id)).all()
    assert (done.update_id, done.body, done.telegram_id) == (1, "{}", None)
    assert "Hi" in waiting.body
    with transaction():
        assert inbox.receive(update(), "polling", AFTER) is None  # Telegram tells it again
    assert sweep() == 0
    assert sweep(LONG_AFTER) == 1
    assert [one.update_id for one in db.session.scalars(db.select(InboxItem))] == [2]


def test_25_a_message_is_told_once_although_its_words_are_gone(alice):
    with transaction():
        for name in ("sent", "failed", "waiting"):
            outbox.add(
                ALICE, "news", {"text": name, "broadcast": "comet"}, dedupe_key=f"news:comet:{name}", now=NOW
            )
        sent, failed, _ = db.session.scalars(db.select(OutboxMessage).order_by(OutboxMessage.id)).all()
        outbox.sent(sent, NOW)
        outbox.failed(failed, "gone", NOW)
        broadcasts.start(broadcasts.News("comet", "everyone", {"en": "A comet"}, None), NOW)
    assert sweep() == 2
    assert [one.facts for one in db.session.scalars(db.select(OutboxMessage).order_by(OutboxMessage.id))][
        :2
    ] == [{}, {}]
    with transaction():
        assert not outbox.add(ALICE, "news", {"text": "again"}, dedupe_key="news:comet:sent", now=AFTER)
    before = broadcasts.progress(broadcasts.get("comet"), AFTER)
    assert sweep(LONG_AFTER) == 2
    assert broadcasts.progress(broadcasts.get("comet"), AFTER) == before
    assert (before.written, before.sent, before.failed) == (3, 1, 1)
    assert count(OutboxMessage) == 1


def test_25_orders_nobody_paid_go_with_their_questions_and_the_counts_go_on(alice):
    unpaid, paid = arrange.order(alice, "notes"), arrange.order(alice)
    assert arrange.decide(arrange.question(unpaid, "q1")) is None
    assert arrange.decide(arrange.question(unpaid, "q2", stars=1)) == "PriceChanged"
    assert arrange.decide(arrange.question(paid, "q3")) is None
    arrange.pay(arrange.facts(paid))
    with transaction():
        orders.close_expired(NOW + DAY)
    gates = statistics.Running(statistics.Gates())
    before = gates.read(AFTER)
    while sweep(AFTER + DAY):
        pass
    assert count(PreCheckout) == 0
    assert [one.id for one in db.session.scalars(db.select(Order))] == [paid.id]
    # In a process that has counted all along, and in one that begins now.
    for running in (gates, statistics.Running(statistics.Gates())):
        after = running.read(AFTER + DAY)
        assert after.declines == before.declines == {"PriceChanged": 1}
        assert after.latency.counts == before.latency.counts
        assert sum(after.latency.counts) == 3


def test_25_what_was_paid_stays_and_so_does_why(alice):
    arrange.pay(arrange.facts(arrange.order(alice)))
    arrange.subscribe(alice)
    before = explanations.explain(ALICE, NOW)
    held = entitlements.of(ALICE)
    while sweep(LONG_AFTER):
        pass
    assert explanations.explain(ALICE, NOW) == before
    with transaction():
        entitlements.refresh(ALICE)
    assert entitlements.of(ALICE).keys() == held.keys()
    assert (count(Charge), count(Order), count(LedgerEntry)) == (2, 2, 2)


def test_25_what_was_written_for_support_goes_with_its_days(alice):
    with transaction():
        item = inbox.describe(update(), "polling", NOW)
        item.body = item.body.replace("Hi", "/support it is closed")
        assert support.take(item, [OWNER], NOW)
    assert (count(SupportMessage), count(SupportThread)) == (1, 1)
    sweep(AFTER + 3 * DAY)
    assert (count(SupportMessage), count(SupportThread)) == (0, 0)


def test_25_a_backlog_goes_a_little_at_a_time(alice, monkeypatch):
    monkeypatch.setattr(sweeps, "AT_ONCE", 2)
    for number in range(5):
        receive(number)
    assert [sweep() for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.parametrize("days", ["0", "366", "month", "-1"])
def test_25_days_that_are_none_are_refused(days):
    with pytest.raises(ConfigError, match="KEEP_DAYS must be a whole number from 1 to 365"):
        load({"KEEP_DAYS": days})


def test_25_people_are_never_swept(alice):
    while sweep(LONG_AFTER + 1000 * DAY):
        pass
    assert count(User) == 1
