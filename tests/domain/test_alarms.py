import pytest

from tests.kit.arrange import ATLAS, DAY, MINUTE, NOW, OWNER, facts, meet, open_shop, order, pay, told
from webapp.db.engine import db
from webapp.db.models import OutboxMessage, Refund
from webapp.db.transactions import transaction
from webapp.domain.owner import alarms
from webapp.domain.queue import inbox
from webapp.domain.sales import reconciliation, refunds
from webapp.domain.sales.reconciliation import Report

HOUR = 60 * MINUTE


@pytest.fixture(autouse=True)
def shop(app) -> None:
    open_shop(ATLAS)


def sound(now=NOW) -> list[str]:
    with transaction():
        alarms.send_alarms([OWNER], now)
    return told(OWNER)


def counts() -> list[int]:
    messages = db.session.scalars(db.select(OutboxMessage).where(OutboxMessage.telegram_id == OWNER))
    return [message.facts["count"] for message in messages]


def unknown_refund() -> Refund:
    charge = pay(facts(order(meet())))
    with transaction():
        refunds.mark_attempted(refunds.request_refund(charge, "asked", requested_by="owner", now=NOW), NOW)
    return refunds.find("charge-1")


def test_nothing_wrong_is_no_news():
    assert sound() == []


@pytest.mark.proves("I5")
def test_what_was_set_aside_is_told_once_an_hour():
    with transaction():
        inbox.receive(b"not an update", "webhook", NOW)
        inbox.receive(b"nor this", "webhook", NOW)
    sound(NOW + MINUTE)
    assert sound(NOW + 2 * MINUTE) == ["owner_set_aside"]
    assert counts() == [2]
    assert sound(NOW + 59 * MINUTE) == ["owner_set_aside"]
    assert sound(NOW + HOUR) == ["owner_set_aside"]


def test_a_refund_that_stays_unknown_is_told():
    unknown_refund()
    assert sound(NOW + HOUR) == []
    assert sound(NOW + HOUR + MINUTE) == ["owner_refunds_unknown"]
    assert sound(NOW + 3 * HOUR) == ["owner_refunds_unknown"] * 2


def test_a_refund_that_was_settled_is_not():
    refund = unknown_refund()
    with transaction():
        refunds.mark_rejected(refund, "BALANCE_TOO_LOW", NOW)
    assert sound(NOW + DAY) == []


@pytest.mark.proves("I8")
def test_books_that_differ_are_told_until_they_agree():
    with transaction():
        reconciliation.finish(Report(drift_stars=-7), NOW, settled_before=NOW)
    assert sound() == ["owner_drift"]
    assert counts() == [7]
    with transaction():
        reconciliation.finish(Report(), NOW + DAY, settled_before=NOW)
    assert sound(NOW + DAY) == ["owner_drift"]
