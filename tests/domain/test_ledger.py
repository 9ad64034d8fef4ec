import itertools
from datetime import datetime

import pytest

from tests.kit.scenes import DAY, NOON, entry, scenes
from webapp.db.models import LedgerEntry
from webapp.domain.access import ledger
from webapp.domain.access.access import Access


def week(charge_id: str, *, at: datetime = NOON) -> LedgerEntry:
    return entry("charge", charge_id, at=at, pass_days=7)


def test_nothing_gives_nothing():
    assert ledger.fold([]) == {}


def test_a_charge_gives_what_it_paid_for():
    assert ledger.fold([entry("charge", "a", keys=["atlas", "notes"])]) == {
        "atlas": Access(NOON, None),
        "notes": Access(NOON, None),
    }


def test_a_charge_that_was_not_understood_gives_nothing():
    assert ledger.fold([entry("charge", "a", keys=[])]) == {}


def test_a_pass_ends():
    assert ledger.fold([week("a")])["atlas"].until == NOON + 7 * DAY


def test_a_pass_bought_again_extends_the_first():
    assert ledger.fold([week("a"), week("b", at=NOON + DAY)]) == {"atlas": Access(NOON, NOON + 14 * DAY)}


def test_a_pass_bought_after_the_end_starts_anew():
    later = NOON + 30 * DAY
    assert ledger.fold([week("a"), week("b", at=later)]) == {"atlas": Access(later, later + 7 * DAY)}


def test_a_pass_does_not_shorten_what_is_owned_for_ever():
    assert ledger.fold([entry("charge", "a"), week("b", at=NOON + DAY)])["atlas"].until is None


def test_an_unlock_during_a_pass_is_for_ever():
    assert ledger.fold([week("a"), entry("charge", "b", at=NOON + DAY)]) == {"atlas": Access(NOON, None)}


def month(charge_id: str, *, at: datetime = NOON, grace_days: int = 0) -> LedgerEntry:
    return entry("charge", charge_id, at=at, paid_until=at + 30 * DAY, grace_days=grace_days)


def test_a_plan_ends_with_its_grace():
    assert ledger.fold([month("a", grace_days=2)]) == {"atlas": Access(NOON, NOON + 32 * DAY)}


def test_a_pass_that_is_used_up_before_a_plan_begins_is_over():
    plan = month("b", at=NOON + 20 * DAY)
    assert ledger.fold([week("a"), plan]) == {"atlas": Access(plan.occurred_at, NOON + 50 * DAY)}


def test_a_pass_waits_while_a_plan_runs_and_goes_on_after_it():
    plan = month("b", at=NOON + 2 * DAY)
    assert ledger.fold([week("a"), plan]) == {"atlas": Access(NOON, NOON + 37 * DAY)}


def test_a_pass_bought_after_a_plan_s_end_starts_anew():
    later = NOON + 40 * DAY
    assert ledger.fold([month("a"), week("b", at=later)]) == {"atlas": Access(later, later + 7 * DAY)}


def test_a_pass_waits_for_one_plan_after_another():
    plans = [month("a"), month("b", at=NOON + 31 * DAY)]
    assert ledger.fold([*plans, week("c", at=NOON + DAY)])["atlas"] == Access(NOON, NOON + 67 * DAY)


def test_a_refund_takes_exactly_that_grant_away():
    entries = [week("a"), week("b", at=NOON + DAY), entry("refund", "a", at=NOON + 2 * DAY)]
    assert ledger.fold(entries) == {"atlas": Access(NOON + DAY, NOON + 8 * DAY)}


def test_a_refund_told_before_its_charge_counts():
    assert ledger.fold([entry("refund", "a"), entry("charge", "a", at=NOON + DAY)]) == {}


def test_a_pending_refund_suspends_and_a_failed_one_restores():
    bought, asked = entry("charge", "a"), entry("suspension", "a", at=NOON + DAY)
    failed = entry("restoration", "a", at=NOON + 2 * DAY)
    asked_again = entry("suspension", "a", at=NOON + 3 * DAY)
    assert ledger.fold([bought, asked]) == {}
    assert ledger.fold([bought, asked, failed]) == {"atlas": Access(NOON, None)}
    assert ledger.fold([bought, asked, failed, asked_again]) == {}


@pytest.mark.proves("F49")
def test_buying_again_after_a_refund_gives_access():
    later = NOON + 3 * DAY
    entries = [entry("charge", "a"), entry("refund", "a", at=NOON + DAY), entry("charge", "b", at=later)]
    assert ledger.fold(entries) == {"atlas": Access(later, None)}


def test_the_owner_gives_and_takes():
    gift, end = entry("grant"), entry("revocation", at=NOON + DAY)
    assert ledger.fold([gift]) == {"atlas": Access(NOON, None)}
    assert ledger.fold([gift, end]) == {}
    assert ledger.fold([gift, end, week("a", at=NOON + 2 * DAY)])["atlas"].since == NOON + 2 * DAY
    assert ledger.fold([end]) == {}


def test_the_past_can_be_asked_for():
    entries = [entry("charge", "a"), entry("refund", "a", at=NOON + DAY)]
    assert ledger.fold(entries, NOON - DAY) == {}
    assert ledger.fold(entries, NOON) == {"atlas": Access(NOON, None)}
    assert ledger.fold(entries, NOON + DAY) == {}


@pytest.mark.proves("I2", "F16", "F61")
@pytest.mark.parametrize("seed", range(40))
def test_the_order_of_arrival_does_not_matter(seed):
    entries = scenes(seed)
    meant = ledger.fold(entries)
    assert all(ledger.fold(order) == meant for order in itertools.permutations(entries))
