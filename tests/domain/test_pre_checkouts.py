from dataclasses import replace
from datetime import timedelta

import pytest

from tests.arrange import (
    BOB,
    DAY,
    KEYS,
    MINUTE,
    NOTES,
    NOW,
    decide,
    facts,
    item,
    meet,
    open_shop,
    order,
    pay,
    question,
)
from webapp.domain import catalogue, payloads, users
from webapp.extensions import db, transaction
from webapp.models import PreCheckout

SECOND = timedelta(seconds=1)


@pytest.fixture
def alice(app):
    open_shop()
    return meet()


def test_an_open_order_may_be_paid(alice):
    assert decide(question(order(alice))) is None


def test_the_same_question_twice_has_the_same_answer(alice):
    made = order(alice)
    assert [decide(question(made)), decide(question(made))] == [None, None]
    assert [decide(question(made, "q2")), decide(question(made, "q2"))] == ["PaymentInProgress"] * 2
    assert db.session.get(PreCheckout, "q1").is_approved
    assert not db.session.get(PreCheckout, "q2").is_approved


def test_one_approval_at_a_time(alice):
    made = order(alice)
    assert decide(question(made)) is None
    assert decide(question(made, "q2")) == "PaymentInProgress"


def test_a_reservation_that_came_to_nothing_ends(alice):
    made = order(alice)
    decide(question(made))
    later = NOW + MINUTE
    assert decide(question(made, "q2", received_at=later), now=later) is None


def test_f52_a_reservation_by_a_clock_that_was_ahead_ends(alice):
    ahead = NOW + timedelta(hours=1)
    made = order(alice, now=ahead)
    assert decide(question(made, received_at=ahead), now=ahead) is None
    assert decide(question(made, "q2")) is None
    assert decide(question(made, "q3")) == "PaymentInProgress"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"telegram_id": BOB}, "NotYourOrder"),
        ({"stars": 1}, "PriceChanged"),
        ({"stars": 251}, "PriceChanged"),
        ({"currency": "USD"}, "PriceChanged"),
        ({"payload": "order-1"}, "OrderNotFound"),
        ({"payload": ""}, "OrderNotFound"),
    ],
)
def test_what_does_not_match_the_order_is_declined(alice, changes, refusal):
    assert decide(question(order(alice), **changes)) == refusal


def test_a_payload_of_ours_without_an_order_is_declined(alice):
    made = order(alice)
    lost = replace(payloads.unseal(made.payload, KEYS), order_id=payloads.new_order_id())
    assert decide(question(made, payload=payloads.seal(lost, KEYS))) == "OrderNotFound"


def test_an_expired_order_is_declined(alice):
    later = NOW + 15 * MINUTE
    assert decide(question(order(alice), received_at=later), now=later) == "OrderExpired"


def test_a_paid_order_is_declined(alice):
    made = order(alice)
    pay(facts(made))
    assert decide(question(made)) == "OrderClosed"


def test_a_new_price_does_not_touch_an_open_order(alice):
    made = order(alice)
    with transaction():
        catalogue.replace([item(stars=999)], NOW)
    assert decide(question(made)) is None


def test_what_went_off_sale_is_declined(alice):
    made = order(alice)
    with transaction():
        catalogue.replace([NOTES], NOW)
    assert decide(question(made)) == "OffSale"


def test_somebody_banned_is_declined(alice):
    made = order(alice)
    with transaction():
        users.ban(alice.telegram_id, NOW)
    assert decide(question(made)) == "Banned"


def test_what_was_bought_another_way_meanwhile_is_declined(alice):
    made = order(alice)
    pay(facts(order(alice, "whole-sky")))
    assert decide(question(made)) == "AlreadyOwned"


def test_a_question_that_waited_too_long_is_declined(alice):
    made = order(alice)
    assert decide(question(made), now=NOW + 7 * SECOND) == "CheckoutTooLate"


def test_a_yes_that_came_too_late_is_not_repeated(alice):
    made = order(alice)
    assert decide(question(made)) is None
    assert decide(question(made), now=NOW + DAY) == "CheckoutTooLate"
