from dataclasses import replace
from datetime import timedelta

import pytest

from tests.kit.arrange import (
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
from webapp.db.engine import db
from webapp.db.models import PreCheckout
from webapp.db.transactions import transaction
from webapp.domain.catalogue import catalogue
from webapp.domain.people import users
from webapp.domain.sales import payloads, pre_checkouts
from webapp.domain.sales.pre_checkouts import Approval

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


@pytest.mark.proves("F5")
def test_a_reservation_that_came_to_nothing_ends(alice):
    made = order(alice)
    decide(question(made))
    later = NOW + MINUTE
    assert decide(question(made, "q2", received_at=later), now=later) is None


@pytest.mark.proves("F52")
def test_f52_a_reservation_by_a_clock_that_was_ahead_ends(alice):
    ahead = NOW + timedelta(hours=1)
    made = order(alice, now=ahead)
    assert decide(question(made, received_at=ahead), now=ahead) is None
    assert decide(question(made, "q2")) is None
    assert decide(question(made, "q3")) == "PaymentInProgress"


def settle(asked, approval, *, now=NOW):
    with transaction():
        pre_checkouts.settle(asked, approval, now)


def test_05_an_approval_that_arrived_holds_its_order_for_a_minute(alice):
    asked = question(order(alice))
    decide(asked)
    settle(asked, Approval.ARRIVED)
    for query, seconds, verdict in [("q2", 59, "PaymentInProgress"), ("q3", 60, None)]:
        later = NOW + seconds * SECOND
        assert decide(replace(asked, query_id=query, received_at=later), now=later) == verdict


def test_05_an_approval_that_did_not_arrive_frees_its_order_at_once(alice):
    asked = question(order(alice, "week"))
    decide(asked)
    settle(asked, Approval.LOST)
    assert decide(replace(asked, query_id="q2")) is None


@pytest.mark.parametrize("slug", ["atlas", "whole-sky", "plan"])
def test_05_the_next_question_settles_an_approval_that_may_have_arrived(alice, slug):
    asked = question(order(alice, slug))
    decide(asked)
    settle(asked, Approval.UNKNOWN)
    assert decide(replace(asked, query_id="q2")) is None


def test_05_where_a_second_charge_buys_more_the_next_question_waits_until_the_first_is_given_up(alice):
    asked = question(order(alice, "week"))
    decide(asked)
    settle(asked, Approval.UNKNOWN, now=NOW + 5 * SECOND)
    for query, seconds, verdict in [("q2", 9, "PaymentInProgress"), ("q3", 10, None)]:
        later = NOW + seconds * SECOND
        assert decide(replace(asked, query_id=query, received_at=later), now=later) == verdict


@pytest.mark.parametrize("approval", Approval)
def test_05_an_approval_that_is_settled_late_takes_no_order_from_another(alice, approval):
    asked = question(order(alice))
    decide(asked)
    later = NOW + 11 * SECOND
    assert decide(replace(asked, query_id="q2", received_at=later), now=later) is None
    settle(asked, approval, now=later)
    assert decide(replace(asked, query_id="q3", received_at=later), now=later) == "PaymentInProgress"


@pytest.mark.parametrize("approval", [Approval.LOST, Approval.UNKNOWN])
def test_05_a_copy_of_a_question_frees_nothing(alice, approval):
    asked = question(order(alice))
    decide(asked)
    copy = replace(asked, received_at=NOW + SECOND)
    decide(copy)
    settle(copy, approval)
    assert decide(replace(asked, query_id="q2")) == "PaymentInProgress"


def test_05_a_settled_approval_leaves_a_paid_order_paid(alice):
    made = order(alice)
    decide(question(made))
    pay(facts(made))
    settle(question(made), Approval.ARRIVED)
    assert decide(question(made, "q2")) == "OrderClosed"


@pytest.mark.parametrize("received", [NOW - 11 * SECOND, NOW - 7 * SECOND])
def test_05_a_late_question_reserves_nothing(alice, received):
    asked = question(order(alice), received_at=received)
    assert decide(asked) == "CheckoutTooLate"
    assert decide(replace(asked, query_id="q2", received_at=NOW)) is None


@pytest.mark.proves("I11", "S45")
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


@pytest.mark.proves("F42")
def test_an_expired_order_is_declined(alice):
    later = NOW + 15 * MINUTE
    assert decide(question(order(alice), received_at=later), now=later) == "OrderExpired"


def test_a_paid_order_is_declined(alice):
    made = order(alice)
    pay(facts(made))
    assert decide(question(made)) == "OrderClosed"


@pytest.mark.proves("I12", "F42")
def test_a_new_price_does_not_touch_an_open_order(alice):
    made = order(alice)
    with transaction():
        catalogue.replace([item(stars=999)], NOW)
    assert decide(question(made)) is None


@pytest.mark.proves("F43")
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
