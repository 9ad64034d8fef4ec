from dataclasses import replace
from datetime import timedelta

import pytest

from tests.kit.arrange import (
    ALICE,
    BOB,
    DAY,
    KEYS,
    NOTES,
    NOW,
    OWNER,
    facts,
    item,
    meet,
    open_shop,
    order,
    pay,
    settle,
    told,
)
from webapp.db.engine import db
from webapp.db.models import Charge, OutboxMessage, Refund
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements, ledger
from webapp.domain.sales import payloads, refunds, rejected_refunds, returns
from webapp.domain.sales.refunds import RefundFacts
from webapp.domain.sales.rejected_refunds import NotRejected
from webapp.errors import ChargeNotFound, RefundDeclined, RefundedBefore, RefundRefused, RefundWindowOver


@pytest.fixture
def charge(app) -> Charge:
    """Charlie's story, told with Alice: she bought the atlas and will get her Stars back."""
    open_shop()
    return pay(facts(order(meet())))


def request(charge: Charge, by: str = "owner", *, now=NOW) -> Refund:
    with transaction():
        return refunds.request_refund(charge, "asked for it", requested_by=by, now=now)


def has_atlas() -> bool:
    return entitlements.has(ALICE, "atlas", NOW)


def balance() -> int:
    return sum(entry.stars for entry in ledger.of(ALICE))


def refunded_messages() -> int:
    return db.session.scalar(
        db.select(db.func.count()).select_from(OutboxMessage).where(OutboxMessage.kind == "refunded")
    )


@pytest.mark.proves("I7")
def test_wanting_a_refund_suspends_access(charge):
    assert request(charge).status == "requested"
    assert not has_atlas()
    assert balance() == 250


@pytest.mark.proves("I6")
def test_wanting_it_twice_is_one_refund(charge):
    first, second = request(charge), request(charge, "shop")
    assert (second.requested_by, first.charge_id) == ("owner", second.charge_id)
    assert [entry.kind for entry in ledger.of(ALICE)] == ["charge", "suspension"]


@pytest.mark.proves("I7")
def test_telegrams_yes_takes_the_access_away(charge):
    request(charge)
    assert settle(charge).status == "done"
    assert (has_atlas(), balance(), refunded_messages()) == (False, 0, 1)


def test_telegrams_yes_twice_counts_once(charge):
    settle(charge)
    assert settle(charge, at=NOW + DAY, cause="statement").done_at == NOW
    assert (balance(), refunded_messages()) == (0, 1)


@pytest.mark.proves("I7")
def test_telegrams_no_gives_the_access_back(charge):
    refund = request(charge)
    with transaction():
        refunds.mark_rejected(refund, "CHARGE_NOT_FOUND", NOW)
        refunds.mark_rejected(refund, "CHARGE_NOT_FOUND", NOW)
    assert refunds.find(refund.charge_id).status == "refused"
    assert has_atlas()
    assert [entry.kind for entry in ledger.of(ALICE)] == ["charge", "suspension", "restoration"]


def test_a_refused_refund_can_be_wanted_again(charge):
    with transaction():
        refunds.mark_rejected(refunds.request_refund(charge, "one", requested_by="owner", now=NOW), "no", NOW)
    assert request(charge, now=NOW + DAY).refused_at is None
    assert not has_atlas()


@pytest.mark.proves("F39")
def test_silence_is_asked_about_again_later(charge):
    refund = request(charge)
    with transaction():
        assert [one.charge_id for one in refunds.due(10, NOW)] == [refund.charge_id]
        refunds.mark_attempted(refund, NOW)
        assert refunds.due(10, NOW) == []
    assert refunds.find(refund.charge_id).status == "unknown"
    with transaction():
        refunds.mark_attempted(refund, NOW, after_seconds=60)
    later = NOW + timedelta(seconds=60)
    assert [one.charge_id for one in refunds.due(10, later)] == [refund.charge_id]
    settle(charge)
    assert refunds.due(10, later) == []


def test_one_that_was_settled_while_it_was_asked_for_has_no_further_turn(charge):
    refund = request(charge)
    settle(charge)
    with transaction():
        refunds.mark_attempted(refund, NOW)
    assert refunds.find(refund.charge_id).next_attempt_at is None


@pytest.mark.proves("F35")
def test_what_is_done_takes_nobody_elses_turn(charge):
    done = request(charge)
    settle(charge)
    other = request(pay(facts(order(meet(BOB, first_name="Bob")), "charge-2")))
    with transaction():
        # As releases before left it, and for as long as anybody looked.
        stale = db.update(Refund).where(Refund.charge_id == done.charge_id)
        db.session.execute(stale.values(next_attempt_at=NOW - DAY))
    assert [one.charge_id for one in refunds.due(1, NOW)] == [other.charge_id]


@pytest.mark.proves("F52")
def test_f52_what_a_clock_that_was_ahead_put_off_is_asked_for(charge):
    refund = request(charge)
    with transaction():
        refunds.mark_attempted(refund, NOW + timedelta(hours=1))
        assert [one.charge_id for one in refunds.due(10, NOW)] == [refund.charge_id]


def test_a_no_that_comes_after_the_yes_changes_nothing(charge):
    refund = request(charge)
    settle(charge)
    with transaction():
        refunds.mark_rejected(refund, "late", NOW)
    assert (refunds.find(refund.charge_id).status, has_atlas()) == ("done", False)


def test_a_refund_after_a_no_counts(charge):
    """Telegram refused us, and then its support refunded."""
    with transaction():
        refunds.mark_rejected(refunds.request_refund(charge, "one", requested_by="owner", now=NOW), "no", NOW)
    assert settle(charge).status == "done"
    assert not has_atlas()


@pytest.mark.proves("F47")
def test_a_refund_made_elsewhere_is_recognised(charge):
    refund = settle(charge)
    assert (refund.requested_by, refund.status) == ("telegram", "done")
    assert not has_atlas()


@pytest.mark.proves("F16")
def test_a_refund_that_comes_before_its_charge_counts(app):
    open_shop()
    told = facts(order(meet()))
    with transaction():
        refunds.mark_done(RefundFacts(told.charge_id, ALICE, 250, NOW, "update:1"), now=NOW)
    pay(told)
    assert (has_atlas(), balance()) == (False, 0)


def test_21_a_refund_in_another_currency_moves_no_stars(app):
    open_shop()
    dollars = {"stars": 999, "currency": "USD"}
    settle(pay(facts(order(meet()), **dollars)), currency="XTR")  # the statement knows nothing else
    late = facts(order(meet(), "notes"), "charge-2", **dollars)
    with transaction():
        refunds.mark_done(RefundFacts("charge-2", ALICE, 999, NOW, "update:1", currency="USD"), now=NOW)
    pay(late)
    assert [entry.stars for entry in ledger.of(ALICE)] == [0, 0, 0, 0]


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
    assert refunds.for_user(ALICE) == {}
    request(charge)
    assert {name: refund.status for name, refund in refunds.for_user(ALICE).items()} == {
        "charge-1": "requested"
    }
    assert refunds.for_user(BOB) == {}


@pytest.mark.parametrize(("by", "why"), [("owner", "asked for it"), ("buyer", None)])
def test_27_the_buyer_is_told_the_owner_s_reason(charge, by, why):
    request(charge, by)
    settle(charge)
    [message] = db.session.scalars(db.select(OutboxMessage).where(OutboxMessage.kind == "refunded"))
    assert message.facts["reason"] == why


# --- What nobody here asked for


@pytest.mark.proves("I8")
def test_a_refund_made_elsewhere_alarms_the_owners_once(charge):
    for _twice in range(2):
        settle(charge, owner_ids=[OWNER])
    assert told(OWNER) == ["owner_foreign_refund"]


def test_a_refund_of_our_own_alarms_nobody(charge):
    request(charge)
    settle(charge, owner_ids=[OWNER])
    assert told(OWNER) == []


def test_old_news_is_told_to_nobody(charge):
    with transaction():
        known = RefundFacts("charge-1", ALICE, 250, NOW, "statement")
        refunds.mark_done(known, now=NOW + 3 * DAY, owner_ids=[OWNER])
    assert told(OWNER) == []
    assert "refunded" not in told(ALICE)


@pytest.mark.proves("F37")
def test_a_refused_refund_is_told_to_buyer_and_owner(charge):
    refund = request(charge)
    with transaction():
        refunds.mark_rejected(refund, "BALANCE_TOO_LOW", NOW, owner_ids=[OWNER])
    assert told(ALICE)[-1] == "refund_refused"
    assert told(OWNER) == ["owner_refund_refused"]


# --- The buyer's own


@pytest.fixture
def kept(app) -> Charge:
    """Charlie may give the atlas back for two weeks."""
    open_shop(item(refund_days=14), NOTES)
    return pay(facts(order(meet())))


def give_back(charge_id: str = "charge-1", *, by: int = ALICE, now=NOW) -> Refund:
    with transaction():
        return returns.request_return(by, charge_id, now)


def test_a_buyer_gives_back_within_the_days_of_the_order(kept):
    assert returns.windows([kept]) == {"charge-1": NOW + 14 * DAY}
    assert give_back(now=NOW + 13 * DAY).requested_by == "buyer"
    assert not has_atlas()


def test_giving_back_twice_is_one_refund(kept):
    assert give_back().charge_id == give_back().charge_id
    assert [entry.kind for entry in ledger.of(ALICE)] == ["charge", "suspension"]


def test_the_days_end(kept):
    with pytest.raises(RefundWindowOver):
        give_back(now=NOW + 14 * DAY)


def test_without_days_nothing_is_given_back(charge):
    assert returns.windows([charge]) == {}
    with pytest.raises(RefundWindowOver):
        give_back()


def test_what_was_set_aside_is_not_the_buyer_s_to_give_back(kept):
    other = pay(facts(order(meet(BOB)), "charge-2", stars=1))
    assert returns.windows([other]) == {}


@pytest.mark.parametrize("charge_id", ["charge-1", "nothing", ""])
def test_nobody_gives_back_what_is_not_theirs(kept, charge_id):
    meet(BOB)
    with pytest.raises(ChargeNotFound):
        give_back(charge_id, by=BOB)


def test_what_telegram_gave_back_is_not_counted_against_the_buyer(kept):
    settle(kept)
    pay(facts(order(meet()), "charge-2"))
    assert give_back("charge-2").requested_by == "buyer"


def test_after_giving_it_back_the_next_is_for_keeps(kept):
    give_back()
    settle(kept)
    pay(facts(order(meet()), "charge-2"))
    with pytest.raises(RefundedBefore):
        give_back("charge-2")


@pytest.fixture
def both(app) -> list[Charge]:
    """Charlie has the atlas, and then the whole sky, in which it is too; either may be given back."""
    open_shop(
        item(refund_days=14), NOTES, item("whole-sky", kind="bundle", keys=("atlas", "notes"), refund_days=14)
    )
    return [pay(facts(order(meet(), slug), f"charge-{slug}")) for slug in ("atlas", "whole-sky")]


@pytest.mark.parametrize("slugs", [("atlas", "whole-sky"), ("whole-sky", "atlas")], ids="-then-".join)
def test_22_the_same_is_given_back_once_through_whatever_product(both, slugs):
    first, second = (f"charge-{slug}" for slug in slugs)
    give_back(first)
    assert set(returns.returnable(ALICE, both, NOW)) == set()
    with pytest.raises(RefundedBefore):
        give_back(second)
    meet(BOB)
    assert give_back(pay(facts(order(meet(BOB)), "bobs")).telegram_payment_charge_id, by=BOB)


def test_22_what_the_shop_gave_back_is_not_held_against_the_buyer(both):
    request(both[0], "owner")
    assert set(returns.returnable(ALICE, both, NOW)) == {"charge-whole-sky"}
    assert give_back("charge-whole-sky").requested_by == "buyer"


def test_22_what_shares_nothing_is_given_back_beside(app):
    open_shop(item(refund_days=14), item("notes", refund_days=14))
    for slug in ("atlas", "notes"):
        give_back(pay(facts(order(meet(), slug), slug)).telegram_payment_charge_id)


def refuse(refund: Refund, now) -> None:
    with transaction():
        refunds.mark_rejected(refund, "BALANCE_TOO_LOW", now, owner_ids=[OWNER])


def test_22_a_refused_refund_rests_for_an_hour(kept):
    refuse(give_back(), NOW)
    almost = NOW + timedelta(minutes=59)
    assert returns.returnable(ALICE, [kept], almost) == {}
    with pytest.raises(RefundRefused):
        give_back(now=almost)
    assert len(ledger.of(ALICE)) == 3
    assert request(kept, now=almost).status == "unknown"  # the owner need not wait


def test_22_the_owner_is_told_of_a_refused_refund_once_a_day(kept):
    for hours in range(26):
        now = NOW + timedelta(hours=hours)
        refuse(give_back(now=now), now)
    assert told(OWNER) == ["owner_refund_refused"] * 2
    assert told(ALICE).count("refund_refused") == 26


def test_22_the_owner_may_decide_that_it_stays_with_the_shop(kept):
    refuse(give_back(), NOW)
    assert [one.charge_id for one in rejected_refunds.undecided()] == ["charge-1"]
    with transaction():
        rejected_refunds.decline("charge-1", "all of it was downloaded", NOW)
    assert rejected_refunds.undecided() == []
    assert returns.returnable(ALICE, [kept], NOW + DAY) == {}
    with pytest.raises(RefundDeclined):
        give_back(now=NOW + DAY)
    assert has_atlas()
    assert told(ALICE)[-1] == "refund_declined"


def test_22_the_owner_may_change_their_mind(kept):
    refuse(give_back(), NOW)
    with transaction():
        rejected_refunds.decline("charge-1", "no", NOW)
    assert request(kept).status == "unknown"
    assert settle(kept).status == "done"
    assert not has_atlas()


def test_22_only_what_telegram_refused_is_declined(kept):
    for charge_id in ("charge-1", "nothing"):
        with transaction(), pytest.raises(NotRejected):
            rejected_refunds.decline(charge_id, "no", NOW)
    give_back()
    with transaction(), pytest.raises(NotRejected):
        rejected_refunds.decline("charge-1", "no", NOW)


def test_a_refusal_may_be_asked_about_again(kept):
    refund = give_back()
    with transaction():
        refunds.mark_rejected(refund, "BALANCE_TOO_LOW", NOW)
    assert give_back(now=NOW + DAY).status == "unknown"


def test_without_its_order_the_catalogue_s_days_count(kept):
    lost = replace(payloads.unseal(kept.payload, KEYS), order_id=payloads.new_order_id())
    again = pay(
        replace(
            facts(order(meet(BOB))),
            charge_id="charge-2",
            telegram_id=ALICE,
            payload=payloads.seal(lost, KEYS),
        )
    )
    assert returns.windows([again]) == {"charge-2": NOW + 14 * DAY}
