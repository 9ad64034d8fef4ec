"""The cache of the ledger, compared with it for some people or for all."""

from datetime import timedelta

import pytest

from tests.kit import arrange
from tests.kit.arrange import ALICE, BOB, NOW
from webapp.db.engine import db
from webapp.db.models import Entitlement, User
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements

CHARLIE = 9999  # has never paid


@pytest.fixture
def owners(alice: User, bob: User) -> None:
    """Alice and Bob own the atlas; Charlie was given the notes, which no ledger knows."""
    for person in (alice, bob):
        arrange.pay(arrange.facts(arrange.order(person), f"charge-{person.telegram_id}"))
    with transaction():
        db.session.add(Entitlement(telegram_id=CHARLIE, key="notes", since=NOW))


def test_differences_are_named_for_everybody(owners):
    assert entitlements.differences() == [(CHARLIE, "notes")]


def test_differences_are_named_for_some(owners):
    with transaction():
        db.session.execute(db.update(Entitlement).values(since=NOW - timedelta(days=1)))
    assert entitlements.differences({ALICE}) == [(ALICE, "atlas")]
    assert entitlements.differences({BOB, CHARLIE}) == [(BOB, "atlas"), (CHARLIE, "notes")]
    assert entitlements.differences(set()) == []


def test_everybody_of_a_small_shop_is_in_its_sample(owners):
    for place in (0, 0.5, 1):
        assert entitlements.sample(10, place=place) == {ALICE, BOB, CHARLIE}


def test_a_sample_of_a_large_shop_begins_anywhere(owners):
    with transaction():
        db.session.execute(db.delete(Entitlement))
    samples = [entitlements.sample(1, place=place) for place in (0, 0.5, 1)]
    assert samples == [{ALICE}, {ALICE}, {ALICE, BOB}]


def test_a_shop_without_buyers_has_no_sample(app):
    assert entitlements.sample(10, place=0.7) == set()


def test_who_owns_nothing_has_nothing_written_anew(owners):
    with transaction():
        assert entitlements.rebuild([CHARLIE]) == 0
        assert entitlements.rebuild([]) == 0
    assert entitlements.of(CHARLIE) == {}
    assert entitlements.has(ALICE, "atlas", NOW)
