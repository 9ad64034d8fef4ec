from datetime import timedelta

import pytest

from tests.arrange import ALICE, BOB, DAY, NOW, facts, meet, open_shop, order, pay, settle
from webapp.domain import entitlements, ledger, refunds
from webapp.domain.refunds import RefundFacts
from webapp.extensions import db, transaction
from webapp.models import Charge, OutboxMessage, Refund


@pytest.fixture
def charge(app) -> Charge:
    """Charlie's story, told with Alice: she bought the atlas and will get her Stars back."""
    open_shop()
    return pay(facts(order(meet())))


def request(charge: Charge, by: str = "owner", *, now=NOW) -> Refund:
    with transaction():
        return refunds.request(charge, "asked for it", requested_by=by, now=now)


def has_atlas() -> bool:
    return entitlements.has(ALICE, "atlas", NOW)


def balance() -> int:
    return sum(entry.stars for entry in ledger.of(ALICE))


def refunded_messages() -> int:
    return db.session.scalar(
        db.select(db.func.count()).select_from(OutboxMessage).where(OutboxMessage.kind == "refunded")
    )


def test_wanting_a_refund_suspends_access(charge):
    assert request(charge).status == "requested"
    assert not has_atlas()
    assert balance() == 250


def test_wanting_it_twice_is_one_refund(charge):
    first, second = request(charge), request(charge, "shop")
    assert (second.requested_by, first.charge_id) == ("owner", second.charge_id)
    assert [entry.kind for entry in ledger.of(ALICE)] == ["charge", "suspension"]


def test_telegrams_yes_takes_the_access_away(charge):
    request(charge)
    assert settle(charge).status == "done"
    assert (has_atlas(), balance(), refunded_messages()) == (False, 0, 1)


def test_telegrams_yes_twice_counts_once(charge):
    settle(charge)
    assert settle(charge, at=NOW + DAY, cause="statement").done_at == NOW
    assert (balance(), refunded_messages()) == (0, 1)


def test_telegrams_no_gives_the_access_back(charge):
    refund = request(charge)
    with transaction():
        refunds.refuse(refund, "CHARGE_NOT_FOUND", NOW)
        refunds.refuse(refund, "CHARGE_NOT_FOUND", NOW)
    assert refunds.find(refund.charge_id).status == "refused"
    assert has_atlas()
    assert [entry.kind for entry in ledger.of(ALICE)] == ["charge", "suspension", "restoration"]


def test_a_refused_refund_can_be_wanted_again(charge):
    with transaction():
        refunds.refuse(refunds.request(charge, "one", requested_by="owner", now=NOW), "no", NOW)
    assert request(charge, now=NOW + DAY).refused_at is None
    assert not has_atlas()


def test_silence_is_asked_about_again_later(charge):
    refund = request(charge)
    with transaction():
        assert [one.charge_id for one in refunds.due(10, NOW)] == [refund.charge_id]
        refunds.tried(refund, NOW)
        assert refunds.due(10, NOW) == []
    assert refunds.find(refund.charge_id).status == "unknown"
    with transaction():
        refunds.tried(refund, NOW, after_seconds=60)
    later = NOW + timedelta(seconds=60)
    assert [one.charge_id for one in refunds.due(10, later)] == [refund.charge_id]
    settle(charge)
    assert refunds.due(10, later) == []


def test_a_no_that_comes_after_the_yes_changes_nothing(charge):
    refund = request(charge)
    settle(charge)
    with transaction():
        refunds.refuse(refund, "late", NOW)
    assert (refunds.find(refund.charge_id).status, has_atlas()) == ("done", False)


def test_a_refund_after_a_no_counts(charge):
    """Telegram refused us, and then its support refunded."""
    with transaction():
        refunds.refuse(refunds.request(charge, "one", requested_by="owner", now=NOW), "no", NOW)
    assert settle(charge).status == "done"
    assert not has_atlas()


def test_a_refund_made_elsewhere_is_recognised(charge):
    refund = settle(charge)
    assert (refund.requested_by, refund.status) == ("telegram", "done")
    assert not has_atlas()


def test_a_refund_that_comes_before_its_charge_counts(app):
    open_shop()
    told = facts(order(meet()))
    with transaction():
        refunds.settle(RefundFacts(told.charge_id, ALICE, 250, NOW, "update:1"), now=NOW)
    pay(told)
    assert (has_atlas(), balance()) == (False, 0)


def test_a_refund_is_booked_to_the_one_who_paid(charge):
    settle(charge, telegram_id=BOB)
    assert balance() == 0
    assert ledger.of(BOB) == []


def test_refunding_one_purchase_keeps_the_other(charge):
    notes = pay(facts(order(meet(), "notes"), "charge-2"))
    settle(notes)
    assert has_atlas()
    assert not entitlements.has(ALICE, "notes", NOW)


def test_a_persons_refunds_are_found_by_charge(charge):
    assert refunds.of(ALICE) == {}
    request(charge)
    assert {name: refund.status for name, refund in refunds.of(ALICE).items()} == {"charge-1": "requested"}
    assert refunds.of(BOB) == {}
