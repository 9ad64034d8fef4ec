import pytest

from tests.kit.arrange import (
    ALICE,
    BOB,
    DAY,
    KEYS,
    MONTH,
    NOW,
    facts,
    order,
    pay,
    settle,
    told,
)
from webapp import errors
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements
from webapp.domain.people.keys import KeyRing
from webapp.domain.sales import charges, orders, payloads, quarantine, refunds, subscriptions
from webapp.domain.sales.outcomes import Sale


def grant(charge_id: str = "charge-1", slug: str | None = None, *, now=NOW) -> Sale:
    with transaction():
        return quarantine.grant(charge_id, keys=KEYS, now=now, slug=slug)


def parked() -> list[str]:
    return [charge.telegram_payment_charge_id for charge in quarantine.waiting()]


def test_what_nobody_decided_about_waits(alice):
    pay(facts(order(alice), payload="not ours"))
    pay(facts(order(alice, "notes"), "charge-2"))
    assert parked() == ["charge-1"]


def test_a_grant_gives_what_was_paid_for_and_tells(alice):
    made = order(alice)
    pay(facts(made, stars=249))
    assert grant().title == "Atlas"
    assert entitlements.has(ALICE, "atlas", NOW)
    assert orders.find(made.public_id).charge_id == "charge-1"
    assert told(ALICE) == ["in_review", "receipt"]
    assert parked() == []


def test_a_grant_long_after_the_charge_is_news_all_the_same(alice):
    pay(facts(order(alice), stars=249))
    grant(now=NOW + MONTH)
    assert told(ALICE)[-1] == "receipt"


def test_a_refund_takes_the_grant_back(alice):
    pay(facts(order(alice), stars=249))
    grant()
    settle(charges.get("charge-1"))
    assert entitlements.of(ALICE) == {}


@pytest.mark.proves("I13")
def test_granting_twice_is_refused(alice):
    pay(facts(order(alice), stars=249))
    grant()
    with pytest.raises(errors.AlreadyGranted):
        grant()


def test_what_was_never_set_aside_cannot_be_granted(alice):
    pay(facts(order(alice)))
    with pytest.raises(errors.AlreadyGranted):
        grant()


def test_what_goes_back_cannot_be_granted_until_telegram_refuses(alice):
    charge = pay(facts(order(alice), stars=249))
    with transaction():
        refund = refunds.request_refund(charge, "why", requested_by="owner", now=NOW)
    assert parked() == []
    with pytest.raises(errors.AlreadyRefunded):
        grant()
    with transaction():
        refunds.mark_rejected(refund, "BALANCE_TOO_LOW", NOW)
    assert parked() == ["charge-1"]
    grant()
    assert entitlements.has(ALICE, "atlas", NOW)


def test_a_payload_that_says_nothing_needs_a_product(alice):
    pay(facts(order(alice), payload="not ours"))
    with pytest.raises(errors.ChargeNotUnderstood):
        grant()
    with pytest.raises(errors.ProductNotFound):
        grant(slug="nothing")
    assert grant(slug="notes").keys == ["notes"]
    assert entitlements.has(ALICE, "notes", NOW)


def test_what_a_key_that_was_away_sealed_is_understood_once_it_is_back(alice):
    away = "wR3kZp7VtY5mQx2LdN8sHb4GfJ6uCe9a"
    sealed = payloads.seal(payloads.unseal(order(alice).payload, KEYS), KeyRing.of(away))
    pay(facts(order(alice), payload=sealed))
    assert parked() == ["charge-1"]
    with transaction():
        sale = quarantine.grant("charge-1", keys=KeyRing.of(away), now=NOW)
    assert sale.keys == ["atlas"]


def test_a_pass_and_a_plan_may_be_given_for_it(alice):
    pay(facts(order(alice), payload="not ours"))
    grant(slug="week")
    pay(facts(order(alice, "notes"), "charge-2", payload="not ours"))
    grant("charge-2", slug="plan")
    assert entitlements.of(ALICE)["tonight"].until == NOW + MONTH + DAY + 7 * DAY
    # Nobody knows which plan Telegram would renew, if any.
    assert subscriptions.list_for(ALICE) == []


@pytest.mark.proves("I11")
def test_whoever_paid_gets_it_and_the_order_stays_its_buyer_s(alice, bob):
    made = order(alice)
    pay(facts(made, telegram_id=BOB))
    grant()
    assert entitlements.has(BOB, "atlas", NOW)
    assert not entitlements.of(ALICE)
    assert not orders.find(made.public_id).is_paid


def test_a_plan_set_aside_begins_when_it_is_granted(alice):
    made = order(alice, "plan")
    pay(facts(made, charged_at=NOW + DAY, paid_until=NOW + DAY + MONTH, is_renewal=False), now=NOW + DAY)
    assert subscriptions.list_for(ALICE) == []
    grant(now=NOW + 2 * DAY)
    assert subscriptions.find(made.public_id).first_charge_id == "charge-1"
    assert entitlements.of(ALICE)["tonight"].until == NOW + DAY + MONTH + DAY


def test_a_charge_nobody_knows_is_not_there(app):
    with pytest.raises(errors.ChargeNotFound):
        grant("nothing")
