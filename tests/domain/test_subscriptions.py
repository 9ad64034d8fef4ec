from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tests.kit.arrange import (
    ALICE,
    DAY,
    KEYS,
    MONTH,
    NOTES,
    NOW,
    OWNER,
    PLAN,
    decide,
    facts,
    order,
    pay,
    question,
    renew,
    settle,
    subscribe,
    told,
)
from webapp import errors
from webapp.db.models import Charge, Order, Subscription
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements
from webapp.domain.catalogue import catalogue
from webapp.domain.owner import withdrawals
from webapp.domain.people.keys import KeyRing
from webapp.domain.sales import billing, charges, orders, payloads, refunds, renewals, subscriptions
from webapp.domain.sales.billing import Renewal, SubscriptionUnknown
from webapp.domain.sales.refunds import RefundFacts

HOUR, MINUTE, SECOND = DAY / 24, DAY / 1440, DAY / 86_400


def note(made: Order, state: str, *, update_id: int = 10, now: datetime = NOW + DAY, **changes: Any) -> None:
    told = {
        "public_id": made.public_id,
        "telegram_id": made.telegram_id,
        "state": state,
        "update_id": update_id,
    }
    with transaction():
        billing.note_state(Renewal(**{**told, **changes}), now)


def plan_of(made: Order) -> Subscription:
    found = subscriptions.find(made.public_id)
    assert found
    return found


def until(key: str = "tonight") -> datetime | None:
    return entitlements.of(ALICE)[key].until


def wish(made: Order, what: str, *, by: str = "buyer", now: datetime = NOW + DAY) -> None:
    request = renewals.request_cancel if what == "cancel" else renewals.request_resume
    with transaction():
        request(plan_of(made), by=by, now=now)


# --- What charges do


def test_a_first_charge_begins_a_plan(alice):
    made = subscribe(alice)
    plan = plan_of(made)
    assert (plan.first_charge_id, plan.started_at, plan.paid_until) == ("first", NOW, NOW + MONTH)
    assert plan.renews
    assert until() == NOW + MONTH + DAY  # a day of grace
    assert told(ALICE) == ["subscribed"]


def test_a_renewal_extends_access_to_the_date_telegram_reports(alice):
    made = subscribe(alice)
    charge = renew(made, "second", at=NOW + MONTH, paid_until=NOW + 2 * MONTH + HOUR)
    assert charge.paid_until == plan_of(made).paid_until == NOW + 2 * MONTH + HOUR
    assert plan_of(made).first_charge_id == "first"
    assert until() == NOW + 2 * MONTH + HOUR + DAY
    assert told(ALICE) == ["subscribed", "renewed"]


def test_a_renewal_told_twice_counts_once(alice):
    made = subscribe(alice)
    renew(made, "second", at=NOW + MONTH)
    renew(made, "second", at=NOW + MONTH)
    assert until() == NOW + 2 * MONTH + DAY
    assert told(ALICE) == ["subscribed", "renewed"]


@pytest.mark.proves("F16")
def test_a_renewal_that_arrives_before_the_first_charge_counts(alice):
    made = order(alice, "plan")
    renew(made, "second", at=NOW + MONTH)
    assert plan_of(made).first_charge_id == "second"
    first = {"charged_at": NOW, "paid_until": NOW + MONTH, "is_renewal": False}
    pay(facts(made, "first", **first), now=NOW + MONTH)
    assert (plan_of(made).first_charge_id, plan_of(made).started_at) == ("first", NOW)
    assert plan_of(made).paid_until == NOW + 2 * MONTH
    assert until() == NOW + 2 * MONTH + DAY
    assert refunds.for_user(ALICE) == {}


def test_the_statement_implies_the_end_and_the_update_reports_it(alice):
    made = order(alice, "plan")
    pay(facts(made, "first", cause="statement", period_seconds=2_592_000))
    assert until() == NOW + MONTH + DAY
    later = facts(made, "first", paid_until=NOW + MONTH + HOUR, is_renewal=False)
    for _twice in range(2):
        pay(later)
    assert (until(), plan_of(made).paid_until) == (NOW + MONTH + HOUR + DAY, NOW + MONTH + HOUR)
    pay(facts(made, "first", paid_until=NOW + MONTH - HOUR, is_renewal=False))
    assert until() == NOW + MONTH + HOUR + DAY


@pytest.mark.parametrize("other", ["a-charge-before", "z-charge-before"])
def test_a_reported_end_extends_its_own_charge_and_no_other(alice, other):
    pay(facts(order(alice, "notes"), other, charged_at=NOW - HOUR))
    made = order(alice, "plan")
    pay(facts(made, "first", cause="statement", period_seconds=2_592_000))
    pay(facts(made, "first", paid_until=NOW + MONTH + HOUR, is_renewal=False))
    assert until() == NOW + MONTH + HOUR + DAY
    assert until("notes") is None


def test_a_later_end_of_what_went_back_pays_for_nothing(alice):
    made = order(alice, "plan")
    settle(pay(facts(made, "first", cause="statement")))
    pay(facts(made, "first", paid_until=NOW + MONTH + HOUR, is_renewal=False))
    assert plan_of(made).paid_until == NOW
    assert entitlements.of(ALICE) == {}


def test_without_a_reported_end_or_period_a_plan_lasts_the_order_s_period(alice):
    made = order(alice, "plan", period_seconds=300)
    pay(facts(made, "first"))
    assert plan_of(made).paid_until == NOW + DAY / 288


def test_a_second_subscription_to_the_same_plan_goes_back_and_is_stopped_by_its_own_charge(alice):
    first = subscribe(alice)
    second = order_beside(alice)
    decide_anyway(second)
    pay(facts(second, "double", paid_until=NOW + MONTH + HOUR, is_renewal=False, charged_at=NOW + MINUTE))
    refund = refunds.find("double")
    assert (refund.reason, refund.stops_charge_id) == ("subscribed twice", "double")
    assert subscriptions.find(second.public_id) is None
    assert plan_of(first).renews
    assert until() == NOW + MONTH + DAY
    assert told(ALICE) == ["subscribed", "sent_back"]


def test_a_renewal_in_the_statement_is_one_whatever_else_runs(alice):
    first = subscribe(alice)
    late = NOW + MONTH + DAY
    subscribe(alice, at=NOW + MONTH, charge_id="other")
    renew(first, "second", at=late, paid_until=None, is_renewal=None, cause="statement")
    assert refunds.for_user(ALICE) == {}
    assert plan_of(first).paid_until == late + MONTH


def order_beside(alice: Any) -> Order:
    """An order for the plan from before it was bought on another device."""
    with transaction():
        plan = subscriptions.list_for(ALICE)[0]
        hidden, plan.paid_until = plan.paid_until, NOW
    made = order(alice, "plan")
    with transaction():
        subscriptions.list_for(ALICE)[0].paid_until = hidden
    return made


def decide_anyway(made: Order) -> None:
    assert decide(question(made, f"q-{made.public_id}")) == "AlreadySubscribed"


def test_a_plan_heard_of_late_that_ended_before_the_next_began_is_no_second_one(alice):
    early = order(alice, "plan")
    subscribe(alice, at=NOW + 2 * MONTH)
    pay(facts(early, "early", paid_until=NOW + MONTH, is_renewal=False), now=NOW + 2 * MONTH)
    assert refunds.for_user(ALICE) == {}
    assert plan_of(early).paid_until == NOW + MONTH


def test_the_same_invoice_paid_twice_is_one_plan(alice):
    made = subscribe(alice)
    again = facts(made, "again", paid_until=NOW + MONTH, is_renewal=False, charged_at=NOW + MINUTE)
    pay(again)
    assert refunds.find("again").stops_charge_id == "again"
    assert plan_of(made).first_charge_id == "first"
    assert until() == NOW + MONTH + DAY


def test_a_plan_of_another_tier_takes_the_place_of_the_first(alice):
    small = subscribe(alice)
    big = subscribe(alice, "big-plan", at=NOW + DAY, charge_id="big")
    assert plan_of(small).wish == "cancel"
    assert (plan_of(small).wished_by, plan_of(big).wish) == ("shop", None)
    assert until() == NOW + DAY + MONTH + DAY
    assert entitlements.has(ALICE, "atlas", NOW + DAY)


@pytest.mark.proves("F16", "F61")
def test_a_plan_that_is_heard_of_late_gives_way_to_the_one_paid_for_after_it(alice):
    small = order(alice, "plan")
    big = subscribe(alice, "big-plan", at=NOW + MINUTE, charge_id="big")
    pay(facts(small, "small", paid_until=NOW + MONTH, is_renewal=False), now=NOW + 2 * MINUTE)
    assert (plan_of(big).wish, plan_of(small).wish) == (None, "cancel")
    assert plan_of(small).wished_by == "shop"
    assert until() == NOW + MINUTE + MONTH + DAY


def test_a_plan_heard_of_late_stays_where_the_one_paid_for_after_it_was_given_back(alice):
    small = order(alice, "plan")
    subscribe(alice, "big-plan", at=NOW + MINUTE, charge_id="big")
    settle(charges.get("big"), at=NOW + 2 * MINUTE)
    pay(facts(small, "small", paid_until=NOW + MONTH, is_renewal=False), now=NOW + 3 * MINUTE)
    assert plan_of(small).wish is None


def test_a_renewal_stops_no_other_tier(alice):
    small = subscribe(alice)
    big = subscribe(alice, "big-plan", at=NOW + DAY, charge_id="big")
    with transaction():
        renewals.mark_rejected(plan_of(small), "said no")
    renew(big, "big-2", at=NOW + DAY + MONTH)
    assert plan_of(small).wish is None


@pytest.mark.proves("F45")
def test_a_renewal_of_what_is_no_longer_sold_goes_back_and_is_the_last(alice):
    made = subscribe(alice)
    with transaction():
        withdrawals.replace_catalogue([NOTES], NOW + DAY)
    assert plan_of(made).wish == "cancel"
    charge = renew(made, "second", at=NOW + MONTH)
    assert charge.quarantined_because == "OffSale"
    assert refunds.find("second").stops_charge_id == "first"
    assert until() == NOW + MONTH + DAY
    assert told(OWNER) == ["owner_in_review"]


@pytest.mark.proves("F45")
def test_a_renewal_by_somebody_banned_goes_back_and_is_the_last(alice):
    made = subscribe(alice)
    with transaction():
        withdrawals.ban(ALICE, NOW + DAY)
    assert plan_of(made).wish == "cancel"
    assert renew(made, "second", at=NOW + MONTH).quarantined_because == "Banned"
    assert refunds.find("second").stops_charge_id == "first"


def test_a_ban_leaves_plans_alone_that_have_ended(alice):
    made = subscribe(alice)
    with transaction():
        withdrawals.ban(ALICE, NOW + 3 * MONTH)
    assert plan_of(made).wish is None


def test_a_renewal_is_recognised_in_the_statement_by_its_date(alice):
    made = subscribe(alice)
    pay(facts(made, "second", charged_at=NOW + MONTH, cause="statement"), now=NOW + MONTH)
    assert told(ALICE) == ["subscribed", "renewed"]
    assert until() == NOW + 2 * MONTH + DAY


def test_a_reported_end_that_a_renewal_has_passed_changes_no_plan(alice):
    made = order(alice, "plan")
    pay(facts(made, "first", cause="statement"))
    renew(made, "second", at=NOW + MONTH)
    pay(facts(made, "first", paid_until=NOW + MONTH + HOUR, is_renewal=False), now=NOW + MONTH)
    assert plan_of(made).paid_until == NOW + 2 * MONTH


def test_a_charge_that_belongs_to_no_plan_extends_none(alice):
    subscribe(alice)
    billing.extend(Charge(telegram_id=ALICE, payload="another", paid_until=NOW + 9 * MONTH))
    assert until() == NOW + MONTH + DAY


def test_a_plan_whose_key_is_gone_is_seen_before_it_renews(alice):
    made = subscribe(alice)
    other = KeyRing.of("Zt7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4")
    assert (subscriptions.unreadable(KEYS, NOW), subscriptions.unreadable(other, NOW)) == (0, 1)
    note(made, "canceled")
    assert subscriptions.unreadable(other, NOW) == 0


def test_a_renewal_that_comes_early_is_added_to_the_end(alice):
    made = subscribe(alice)
    early = {"cause": "statement", "charged_at": NOW + 29 * DAY}
    pay(facts(made, "second", **early), now=NOW + 29 * DAY)
    assert plan_of(made).paid_until == NOW + 2 * MONTH
    assert refunds.for_user(ALICE) == {}


def test_rows_of_the_statement_out_of_order_add_up_to_the_same_end(alice):
    made = subscribe(alice)
    for months in (2, 1):
        at = NOW + months * MONTH
        pay(facts(made, f"after-{months}", cause="statement", charged_at=at), now=NOW + 2 * MONTH)
    assert plan_of(made).paid_until == NOW + 3 * MONTH


@pytest.mark.proves("F31")
def test_a_plan_survives_the_loss_of_its_order(alice, lost):
    pay(facts(lost, "first", paid_until=NOW + MONTH, is_renewal=False))
    renew(lost, "second", at=NOW + MONTH)
    assert [plan.first_charge_id for plan in subscriptions.list_for(ALICE)] == ["first"]
    assert until() == NOW + 2 * MONTH + DAY


@pytest.fixture
def lost(alice) -> Order:
    """An order for the plan whose row a new database does not have."""
    made = order(alice, "plan")
    gone = replace(payloads.unseal(made.payload, KEYS), order_id=payloads.new_order_id())
    return Order(telegram_id=ALICE, stars=made.stars, payload=payloads.seal(gone, KEYS))


def test_an_expired_order_s_first_charge_waits_and_its_renewal_is_no_surprise(alice):
    made = order(alice, "plan")
    late = {"charged_at": NOW + DAY, "paid_until": NOW + DAY + MONTH, "is_renewal": False}
    assert pay(facts(made, "first", **late), now=NOW + DAY).quarantined_because == "OrderExpired"
    assert subscriptions.list_for(ALICE) == []


# --- What Telegram says of renewal


@pytest.mark.proves("I15")
def test_cancelling_never_shortens_access(alice):
    made = subscribe(alice)
    note(made, "canceled")
    assert not plan_of(made).renews
    assert until() == NOW + MONTH + DAY


@pytest.mark.proves("I15", "F45")
def test_a_renewal_after_cancelling_extends_all_the_same(alice):
    made = subscribe(alice)
    note(made, "canceled")
    renew(made, "second", at=NOW + MONTH)
    assert until() == NOW + 2 * MONTH + DAY


@pytest.mark.proves("I15")
def test_a_failed_renewal_leaves_the_grace_and_is_told_once(alice):
    made = subscribe(alice)
    for _twice in range(2):
        note(made, "failed", now=NOW + MONTH)
    assert plan_of(made).failed_at == NOW + MONTH
    assert until() == NOW + MONTH + DAY
    assert told(ALICE) == ["subscribed", "renewal_failed"]
    renew(made, "second", at=NOW + MONTH + HOUR, cause="update:11")
    assert plan_of(made).failed_at is None


@pytest.mark.parametrize("cause", ["update:11", "statement"])
@pytest.mark.parametrize("is_swapped", [False, True])
def test_21_a_failed_renewal_that_was_paid_after_all_is_paid(alice, cause, is_swapped):
    """It failed at 10:00, was paid at 10:30, and both arrive at 11:00, in either order."""
    made, late = subscribe(alice), NOW + MONTH + HOUR
    if not is_swapped:
        note(made, "failed", update_id=10, now=late)
    renew(made, "second", at=late - HOUR / 2, now=late, cause=cause)
    if is_swapped:
        note(made, "failed", update_id=10, now=late)
    assert state(made, late) == "renewing"
    assert ("renewal_failed" in told(ALICE)) == (not is_swapped)


def test_21_a_failure_and_its_charge_within_one_second_keep_telegrams_order(alice):
    made, at = subscribe(alice), NOW + MONTH
    note(made, "failed", update_id=10, now=at + SECOND / 2)
    note(made, "canceled", update_id=12, now=at + SECOND / 2)
    renew(made, "second", at=at, now=at + SECOND / 2, cause="update:11")
    assert (plan_of(made).failed_at, plan_of(made).renews) == (None, False)


@pytest.mark.parametrize("cause", ["update:9", "statement"])
def test_21_a_failure_after_a_charge_that_was_told_late_stays(alice, cause):
    made = subscribe(alice)
    note(made, "failed", update_id=10, now=NOW + 2 * MONTH - SECOND)  # our clock is behind
    renew(made, "second", at=NOW + MONTH, now=NOW + 2 * MONTH, cause=cause)
    assert plan_of(made).failed_at


def test_21_what_fails_after_it_was_paid_late_has_failed(alice):
    made = subscribe(alice)
    renew(made, "second", at=NOW + MONTH, now=NOW + 2 * MONTH, cause="update:9")
    note(made, "failed", update_id=10, now=NOW + 2 * MONTH)
    assert state(made, NOW + 2 * MONTH) == "failed"


def test_a_charge_from_before_the_failure_does_not_undo_it(alice):
    made = subscribe(alice)
    note(made, "failed", now=NOW + 2 * MONTH)
    renew(made, "second", at=NOW + MONTH, now=NOW + 2 * MONTH)
    assert plan_of(made).failed_at


def test_turning_renewal_on_again_forgets_cancelling_and_failing(alice):
    made = subscribe(alice)
    note(made, "canceled", update_id=10)
    note(made, "failed", update_id=11)
    note(made, "active", update_id=12)
    plan = plan_of(made)
    assert (plan.canceled_at, plan.failed_at, plan.locked_at) == (None, None, None)


@pytest.mark.proves("I15", "F46", "F61")
def test_states_that_arrive_swapped_end_as_telegram_meant(alice):
    made = subscribe(alice)
    note(made, "active", update_id=11)
    note(made, "canceled", update_id=10)
    assert plan_of(made).renews


@pytest.mark.proves("F19")
def test_update_ids_that_began_anew_are_believed_after_a_day(alice):
    made = subscribe(alice)
    note(made, "active", update_id=900)
    note(made, "canceled", update_id=10, now=NOW + 10 * DAY)
    assert not plan_of(made).renews


def test_a_state_of_a_plan_nobody_knows_is_tried_again(alice, bob):
    made = order(alice, "plan")
    with pytest.raises(SubscriptionUnknown):
        note(made, "canceled")
    subscribe(alice)
    with pytest.raises(SubscriptionUnknown):
        note(made, "canceled", telegram_id=bob.telegram_id)


# --- What is asked of Telegram


def test_a_plan_is_cancelled_only_when_telegram_agreed(alice):
    made = subscribe(alice)
    wish(made, "cancel")
    assert plan_of(made).renews
    assert [plan.public_id for plan in renewals.due(9, NOW + DAY)] == [made.public_id]
    with transaction():
        renewals.mark_done(plan_of(made), "cancel", NOW + DAY)
    plan = plan_of(made)
    assert (plan.wish, plan.canceled_at, plan.locked_at) == (None, NOW + DAY, NOW + DAY)
    assert until() == NOW + MONTH + DAY
    assert told(ALICE) == ["subscribed", "renewal_stopped"]


def test_letting_it_renew_is_not_renewing_until_telegram_says_active(alice):
    made = subscribe(alice)
    wish(made, "cancel")
    with transaction():
        renewals.mark_done(plan_of(made), "cancel", NOW + DAY)
    wish(made, "resume")
    with transaction():
        renewals.mark_done(plan_of(made), "resume", NOW + DAY)
    assert (plan_of(made).locked_at, plan_of(made).renews) == (None, False)
    note(made, "active")
    assert plan_of(made).renews


@pytest.mark.parametrize(("state", "what"), [("active", "resume"), ("canceled", "cancel")])
def test_what_is_so_already_is_not_wished(alice, state, what):
    made = subscribe(alice)
    note(made, state)
    wish(made, what)
    assert plan_of(made).wish is None


def test_an_answer_that_did_not_come_is_asked_for_again_later_and_later(alice):
    made = subscribe(alice)
    wish(made, "cancel", now=NOW)
    with transaction():
        renewals.mark_attempted(plan_of(made), NOW)
    assert plan_of(made).next_attempt_at == NOW + DAY / 86400
    with transaction():
        renewals.mark_attempted(plan_of(made), NOW, after_seconds=60)
    assert plan_of(made).next_attempt_at == NOW + DAY / 1440
    assert renewals.due(9, NOW) == []
    assert plan_of(made).renews
    # Put off by a clock that was a day ahead then.
    assert [plan.public_id for plan in renewals.due(9, NOW - DAY)] == [made.public_id]


def test_a_refused_wish_leaves_renewal_as_it_was(alice):
    made = subscribe(alice)
    wish(made, "cancel")
    with transaction():
        renewals.mark_rejected(plan_of(made), "CHARGE_ID_INVALID")
    plan = plan_of(made)
    assert (plan.wish, plan.refused_because, plan.renews) == (None, "CHARGE_ID_INVALID", True)


def test_a_stranger_s_plan_does_not_exist(alice, bob):
    made = subscribe(alice)
    assert subscriptions.get_for(ALICE, made.public_id).telegram_id == ALICE
    for public_id in (made.public_id, "nothing"):
        with pytest.raises(errors.SubscriptionNotFound):
            subscriptions.get_for(bob.telegram_id, public_id)


# --- What a person is told of it


def state(made: Order, now: datetime = NOW + DAY) -> str:
    return subscriptions.state(plan_of(made), now)


def settle_wish(made: Order, what: str) -> None:
    wish(made, what)
    with transaction():
        renewals.mark_done(plan_of(made), what, NOW + DAY)


def test_a_plan_renews_is_due_and_ends(alice):
    made = subscribe(alice)
    moments = [NOW, NOW + MONTH, NOW + MONTH + DAY]
    assert [state(made, now) for now in moments] == ["renewing", "due", "ended"]


def test_a_failed_renewal_is_said_until_the_grace_is_over(alice):
    made = subscribe(alice)
    note(made, "failed", now=NOW + MONTH)
    assert [state(made, NOW + MONTH), state(made, NOW + MONTH + DAY)] == ["failed", "ended"]


def test_a_plan_that_telegram_has_not_answered_about_is_neither_cancelled_nor_renewing(alice):
    made = subscribe(alice)
    wish(made, "cancel")
    assert state(made) == "cancelling"
    settle_wish(made, "cancel")
    assert state(made) == "locked"
    wish(made, "resume")
    assert state(made) == "resuming"
    settle_wish(made, "resume")
    assert state(made) == "cancelled"
    assert state(made, NOW + MONTH) == "lapsed"


def test_what_was_promised_ends_with_what_was_paid_for_unless_the_grace_counts(alice):
    made = subscribe(alice)
    assert plan_of(made).stays_until(NOW) == NOW + MONTH
    assert plan_of(made).stays_until(NOW + MONTH) == NOW + MONTH + DAY
    note(made, "failed")
    assert plan_of(made).stays_until(NOW) == NOW + MONTH + DAY


def test_a_refusal_is_told_until_telegram_says_something_else(alice):
    made = subscribe(alice)
    assert not subscriptions.was_refused(plan_of(made))
    wish(made, "cancel")
    with transaction():
        renewals.mark_rejected(plan_of(made), "CHARGE_ID_INVALID")
    assert subscriptions.was_refused(plan_of(made))
    note(made, "canceled", now=NOW + 2 * DAY)
    assert not subscriptions.was_refused(plan_of(made))


def test_a_refusal_after_telegram_said_something_is_told(alice):
    made = subscribe(alice)
    note(made, "active", now=NOW)
    wish(made, "cancel")
    with transaction():
        renewals.mark_rejected(plan_of(made), "CHARGE_ID_INVALID")
    assert subscriptions.was_refused(plan_of(made))


def test_what_is_no_longer_sold_is_not_let_to_renew(alice):
    made = subscribe(alice)
    assert subscriptions.is_sold(plan_of(made))
    settle_wish(made, "cancel")
    with transaction():
        withdrawals.replace_catalogue([NOTES], NOW + DAY)
    assert not subscriptions.is_sold(plan_of(made))
    with pytest.raises(errors.OffSale):
        wish(made, "resume")
    assert plan_of(made).wish is None


# --- What is refunded


def test_a_refund_of_a_plan_stops_its_renewal_first(alice):
    made = subscribe(alice)
    subscribe(alice, "big-plan", charge_id="other")
    with transaction():
        refund = refunds.request_refund(charges.get("first"), "why", requested_by="owner", now=NOW)
    assert refund.stops_charge_id == "first"
    with transaction():
        refunds.mark_plan_stopped(refund, NOW + HOUR)
    assert (plan_of(made).canceled_at, refunds.find("first").stopped_at) == (NOW + HOUR, NOW + HOUR)
    settle(charges.get("first"), at=NOW + HOUR)
    assert not plan_of(made).is_running(NOW + HOUR)
    assert [plan.title for plan in subscriptions.running(ALICE, ["tonight"], NOW + HOUR)] == ["Big-Plan"]


def test_a_refunded_renewal_leaves_what_was_paid_before(alice):
    made = subscribe(alice)
    renew(made, "second", at=NOW + MONTH)
    settle(charges.get("second"), at=NOW + MONTH)
    assert plan_of(made).paid_until == NOW + MONTH
    assert until() == NOW + MONTH + DAY


def test_a_first_charge_that_went_back_before_it_arrived_is_what_telegram_knows_the_plan_by(alice):
    made = order(alice, "plan")
    with transaction():
        refunds.mark_done(RefundFacts("first", ALICE, 100, NOW + HOUR, "update:2"), now=NOW + HOUR)
    pay(facts(made, "first", paid_until=NOW + MONTH, is_renewal=False), now=NOW + HOUR)
    assert (plan_of(made).first_charge_id, plan_of(made).is_running(NOW)) == ("first", False)
    renew(made, "second", at=NOW + MONTH)
    assert (plan_of(made).first_charge_id, plan_of(made).paid_until) == ("first", NOW + 2 * MONTH)


def test_a_renewal_that_went_back_before_it_arrived_pays_for_nothing(alice):
    made = subscribe(alice)
    settle(charges.get("first"))
    with transaction():
        back = RefundFacts("second", ALICE, 100, NOW + MONTH, "update:3")
        refunds.mark_done(back, now=NOW + MONTH)
    renew(made, "second", at=NOW + MONTH)
    assert plan_of(made).paid_until == NOW


def test_a_first_charge_after_a_renewal_that_went_back_pays_for_its_own_time(alice):
    made = order(alice, "plan")
    renew(made, "second", at=NOW + 2 * MONTH)
    settle(charges.get("second"), at=NOW + 2 * MONTH)
    pay(facts(made, "first", paid_until=NOW + MONTH, is_renewal=False), now=NOW + 2 * MONTH)
    assert plan_of(made).paid_until == NOW + MONTH


def test_a_plan_that_renews_no_more_need_not_be_stopped(alice):
    made = subscribe(alice)
    note(made, "canceled")
    with transaction():
        refund = refunds.request_refund(charges.get("first"), "why", requested_by="owner", now=NOW)
    assert refund.stops_charge_id is None


# --- What may be ordered


def test_nobody_subscribes_twice(alice):
    made = subscribe(alice)
    with pytest.raises(errors.AlreadySubscribed):
        order(alice, "plan", now=NOW + DAY)
    assert order(alice, "plan", now=plan_of(made).paid_until).period_seconds == 2_592_000


def test_a_trial_is_a_pass_at_its_own_price_once(alice):
    made = order(alice, "plan", trial=True)
    assert (made.stars, made.pass_days, made.period_seconds, made.is_trial) == (10, 7, None, True)
    pay(facts(made, "trial"))
    assert until() == NOW + 7 * DAY
    with pytest.raises(errors.TrialUsed):
        order(alice, "plan", trial=True, now=NOW + MONTH)
    assert not order(alice, "plan").is_trial


def test_a_tap_on_the_plan_replaces_the_open_trial(alice):
    trial = order(alice, "plan", trial=True)
    plan = order(alice, "plan")
    assert (plan.stars, orders.find(trial.public_id).closed_at) == (100, NOW)
    assert order(alice, "plan").public_id == plan.public_id


def test_a_trial_paid_twice_goes_back(alice):
    made = order(alice, "plan", trial=True)
    pay(facts(made, "trial"))
    pay(facts(made, "again", charged_at=NOW + MINUTE))
    assert refunds.find("again").reason == "a second trial"
    assert refunds.find("again").stops_charge_id is None
    assert until() == NOW + 7 * DAY


@pytest.mark.parametrize("seconds", [0, 1, -1])
def test_21_a_trial_charged_twice_is_one_trial_whichever_arrives_first(alice, seconds):
    made = order(alice, "plan", trial=True)
    pay(facts(made, "trial"))
    pay(facts(made, "again", charged_at=NOW + seconds * SECOND))
    assert refunds.find("again").reason == "a second trial"
    assert until() == NOW + 7 * DAY


def test_a_trial_that_arrives_after_the_plan_it_led_to_counts(alice):
    trial = order(alice, "plan", trial=True)
    subscribe(alice, at=NOW + DAY)
    pay(facts(trial, "trial"), now=NOW + DAY)
    assert refunds.find("trial") is None


def test_there_is_no_trial_of_what_has_none(alice):
    with pytest.raises(errors.ProductNotFound):
        order(alice, "big-plan", trial=True)


def test_a_plan_is_no_use_to_somebody_who_owns_it_all(alice):
    with transaction():
        catalogue.replace([PLAN, catalogue.Item(**{**vars(NOTES), "keys": ("tonight",)})], NOW)
    pay(facts(order(alice, "notes")))
    with pytest.raises(errors.AlreadyOwned):
        order(alice, "plan")


def test_a_pass_beside_a_plan_has_to_be_said(alice):
    subscribe(alice)
    with pytest.raises(errors.PassBesidePlan):
        order(alice, "week", now=NOW + DAY)
    made = order(alice, "week", now=NOW + DAY, beside_plan=True)
    pay(facts(made, "pass", charged_at=NOW + DAY), now=NOW + DAY)
    # It waits for the plan's end, grace and all.
    assert until() == NOW + MONTH + DAY + 7 * DAY


def test_a_pass_beside_a_plan_of_something_else_is_a_pass(alice):
    subscribe(alice)
    assert order(alice, "notes")
    assert not subscriptions.cover(ALICE, ["tonight", "notes"], NOW)


@pytest.mark.proves("I12")
def test_the_order_of_a_plan_freezes_grace_and_refund_days(alice):
    made = order(alice, "plan")
    assert (made.grace_days, made.refund_days, made.is_permanent) == (1, 0, False)


def test_a_plan_whose_first_charge_waits_for_the_owner_is_stopped_by_that(alice):
    made = order(alice, "plan")
    late = NOW + DAY
    first = pay(facts(made, "first", charged_at=late, paid_until=late + MONTH, is_renewal=False), now=late)
    assert first.quarantined_because == "OrderExpired"
    with transaction():
        withdrawals.ban(ALICE, late)
    renew(made, "second", at=late + MONTH)
    assert refunds.find("second").stops_charge_id == "first"
