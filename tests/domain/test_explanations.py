from datetime import timedelta

import pytest

from tests.kit.arrange import (
    ALICE,
    DAY,
    MONTH,
    NOW,
    decide,
    facts,
    order,
    pay,
    question,
    renew,
    settle,
    subscribe,
)
from tests.kit.scenes import scenes
from webapp.db.models import Charge, LedgerEntry
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements, explanations, ledger
from webapp.domain.access.access import Access
from webapp.domain.access.explanations import Explanation
from webapp.domain.sales import refunds


def buy(alice, slug: str = "atlas", charge_id: str = "charge-1", *, at=NOW) -> Charge:
    made = order(alice, slug, now=at)
    decide(question(made, f"q-{charge_id}"), now=at)
    return pay(facts(made, charge_id, charged_at=at), now=at)


def enter(kind: str, *, at=NOW, **changes) -> None:
    """Write something that the owner did into the ledger."""
    known = {"telegram_id": ALICE, "title": "Gift", "keys": ["atlas"], "cause": "owner", "recorded_at": at}
    with transaction():
        ledger.add(LedgerEntry(kind=kind, occurred_at=at, **{**known, **changes}))
        entitlements.refresh(ALICE)


def only(now=NOW) -> Explanation:
    [one] = explanations.explain(ALICE, now)
    return one


def told(one: Explanation) -> list[tuple[str, str]]:
    return [(step.kind, step.effect) for step in one.steps]


def test_nothing_needs_no_reason(app):
    assert explanations.explain(ALICE, NOW) == []


def test_what_was_bought_for_good_is_open_for_its_charge(alice):
    buy(alice)
    one = only()
    assert (one.key, one.access, one.is_open, one.verdict) == ("atlas", Access(NOW, None), True, "for_ever")
    [step] = one.steps
    assert (step.kind, step.effect, step.title, step.stars) == ("charge", "opens", "Atlas", 250)
    assert (step.charge_id, step.occurred_at, step.pass_days, step.paid_until) == (
        "charge-1",
        NOW,
        None,
        None,
    )


def test_a_pass_is_open_until_its_end_and_says_when_it_ended(alice):
    buy(alice, "week")
    assert (only().verdict, only().access.until) == ("until", NOW + 7 * DAY)
    ended = only(NOW + 7 * DAY)
    assert (ended.verdict, ended.is_open, told(ended)) == ("ended", False, [("charge", "ended")])


def test_a_pass_of_last_month_is_no_reason_for_today(alice):
    buy(alice, "week")
    buy(alice, "week", "charge-2", at=NOW + MONTH)
    assert told(only(NOW + MONTH)) == [("charge", "ended"), ("charge", "opens")]


def test_a_pass_that_waits_for_a_plan_is_a_reason_all_the_same(alice):
    buy(alice, "week")
    subscribe(alice, at=NOW + DAY)
    assert told(only(NOW + 2 * DAY)) == [("charge", "opens"), ("charge", "opens")]
    assert only().access.until == NOW + DAY + MONTH + DAY + 6 * DAY


def test_a_plan_says_what_is_paid_for_and_its_grace(alice):
    made = subscribe(alice)
    renew(made, "second", at=NOW + MONTH)
    first, second = only(NOW + MONTH).steps
    assert (first.effect, second.effect) == ("opens", "opens")
    assert (second.paid_until, second.grace_days) == (NOW + 2 * MONTH, 1)


def test_a_refund_under_way_closes_and_says_so(alice):
    charge = buy(alice)
    with transaction():
        refunds.request_refund(charge, "asked", requested_by="owner", now=NOW + DAY)
    one = only(NOW + DAY)
    assert (one.verdict, one.access) == ("suspended", None)
    assert told(one) == [("charge", "suspended"), ("suspension", "suspends")]


def test_a_refused_refund_opens_again(alice):
    charge = buy(alice)
    with transaction():
        refund = refunds.request_refund(charge, "asked", requested_by="owner", now=NOW + DAY)
        refunds.mark_rejected(refund, "no", NOW + 2 * DAY)
    assert only(NOW + 2 * DAY).is_open
    assert told(only(NOW + 2 * DAY))[1:] == [("suspension", "suspends"), ("restoration", "restores")]


def test_what_was_given_back_is_closed(alice):
    settle(buy(alice), at=NOW + DAY)
    one = only(NOW + DAY)
    assert (one.verdict, told(one)) == ("refunded", [("charge", "refunded"), ("refund", "refunds")])


def test_a_refund_in_the_second_it_was_asked_for_is_told_after_that(alice):
    charge = buy(alice)
    with transaction():
        refunds.request_refund(
            charge, "asked", requested_by="owner", now=NOW + DAY + timedelta(milliseconds=400)
        )
    settle(charge, at=NOW + DAY)  # Telegram tells whole seconds
    assert told(only(NOW + 2 * DAY))[1:] == [("suspension", "suspends"), ("refund", "refunds")]


def test_another_purchase_keeps_it_open(alice):
    buy(alice)
    settle(buy(alice, "whole-sky", "charge-2", at=NOW + DAY), at=NOW + 2 * DAY)
    atlas, notes = explanations.explain(ALICE, NOW + 2 * DAY)
    assert (atlas.key, atlas.verdict, notes.key, notes.verdict) == ("atlas", "for_ever", "notes", "refunded")
    assert [step.charge_id for step in atlas.steps] == ["charge-1", "charge-2", "charge-2"]


def test_what_has_nothing_to_do_with_it_is_no_reason(alice):
    buy(alice)
    buy(alice, "notes", "charge-2")
    enter("revocation", charge_id="charge-2", keys=["notes"], at=NOW + DAY)
    atlas, notes = explanations.explain(ALICE, NOW + DAY)
    assert (atlas.key, told(atlas)) == ("atlas", [("charge", "opens")])
    assert (notes.key, told(notes)) == ("notes", [("charge", "revoked"), ("revocation", "revokes")])


def test_a_refund_under_way_is_told_before_a_pass_that_ended_later(alice):
    charge = buy(alice, "week")
    with transaction():
        refunds.request_refund(charge, "asked", requested_by="owner", now=NOW)
    buy(alice, "week", "charge-2", at=NOW + DAY)
    assert only(NOW + MONTH).verdict == "suspended"


def test_what_the_shop_gave_and_took_is_told(alice):
    enter("grant")
    enter("revocation", at=NOW + DAY)
    one = only(NOW + DAY)
    assert (one.verdict, told(one)) == ("revoked", [("grant", "revoked"), ("revocation", "revokes")])
    enter("grant", at=NOW + 2 * DAY)
    assert told(only(NOW + 2 * DAY))[-1] == ("grant", "opens")
    enter("revocation", at=NOW + 3 * DAY, keys=["notes"])
    assert only_of("atlas", NOW + 3 * DAY).is_open


def only_of(key: str, now) -> Explanation:
    return next(one for one in explanations.explain(ALICE, now) if one.key == key)


def test_a_revocation_of_what_was_never_given_explains_itself(alice):
    enter("revocation")
    assert (only().verdict, only().access) == ("revoked", None)


def test_a_payment_that_nobody_understands_is_in_review(alice):
    pay(facts(order(alice), payload="not ours"))
    one = only()
    assert (one.key, one.verdict, one.is_open) == ("", "in_review", False)
    assert told(one) == [("charge", "in_review")]
    enter("grant", charge_id="charge-1", at=NOW + DAY)
    assert (only(NOW + DAY).key, told(only(NOW + DAY))) == (
        "atlas",
        [("charge", "unclear"), ("grant", "opens")],
    )


def test_a_payment_that_goes_back_by_itself_says_so(alice):
    made = order(alice)
    pay(facts(made))
    twice = pay(facts(made, "charge-2"))
    atlas, second = explanations.explain(ALICE, NOW)
    assert (atlas.verdict, second.key, second.verdict) == ("for_ever", "", "suspended")
    settle(twice)
    assert explanations.explain(ALICE, NOW)[1].verdict == "refunded"


@pytest.mark.proves("I2")
@pytest.mark.parametrize("seed", range(40))
def test_an_explanation_says_what_the_ledger_gives(app, seed):
    for entry in scenes(seed):
        entry.telegram_id, entry.recorded_at = ALICE, NOW
        with transaction():
            ledger.add(entry)
    with transaction():
        entitlements.refresh(ALICE)
    for days in (0, 2, 8, 40):
        now = NOW + days * DAY
        keys = [one for one in explanations.explain(ALICE, now) if one.key]
        assert {one.key: one.access for one in keys if one.access} == ledger.fold(ledger.of(ALICE))
        assert all(one.is_open == entitlements.has(ALICE, one.key, now) for one in keys)
        assert all(one.is_open == ("opens" in [step.effect for step in one.steps]) for one in keys)


# What giving back would close


def test_giving_the_only_purchase_back_closes_it(alice):
    buy(alice, "whole-sky")
    assert explanations.lost(ALICE, "charge-1", NOW) == {"atlas": None, "notes": None}


def test_giving_one_of_two_back_closes_only_what_the_other_does_not_open(alice):
    buy(alice)
    buy(alice, "whole-sky", "charge-2")
    assert explanations.lost(ALICE, "charge-2", NOW) == {"notes": None}
    assert explanations.lost(ALICE, "charge-1", NOW) == {}


def test_giving_a_pass_back_shortens_what_is_left(alice):
    buy(alice, "week")
    buy(alice, "week", "charge-2", at=NOW + DAY)
    left = explanations.lost(ALICE, "charge-1", NOW + 2 * DAY)
    assert left == {"tonight": Access(NOW + DAY, NOW + 8 * DAY)}


def test_giving_back_what_carries_the_rest_closes_at_once(alice):
    buy(alice, "week")
    buy(alice, "week", "charge-2", at=NOW + 5 * DAY)
    assert explanations.lost(ALICE, "charge-2", NOW + 8 * DAY) == {"tonight": None}


def test_giving_back_what_ended_closes_nothing(alice):
    buy(alice, "week")
    assert explanations.lost(ALICE, "charge-1", NOW + 7 * DAY) == {}
