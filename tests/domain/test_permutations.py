"""T2: whatever the order in which facts about a person arrive, the same is open to them."""

import itertools
import math
import os
import random
from collections.abc import Iterator, Sequence

import pytest

from tests.kit.model import Fact, moment, opened, span
from tests.kit.orders_of_events import KINDS, facts
from webapp.db.models import LedgerEntry
from webapp.domain.access import ledger

EVENTS = int(os.environ.get("EVENTS", "5"))  # in every order; make permutations: 7, and nothing left to draw
MOST = 7
DRAWN = 300  # scenes with more events than that, and some of their orders
ORDERS = 50


def scenes(events: int) -> Iterator[tuple[str, ...]]:
    """Return every choice of so many kinds, each any number of times."""
    return itertools.combinations_with_replacement(KINDS, events)


def entry(fact: Fact, number: int) -> LedgerEntry:
    return LedgerEntry(
        telegram_id=fact.person,
        kind=fact.kind,
        charge_id=fact.charge,
        keys=list(fact.keys),
        pass_days=fact.days,
        paid_until=fact.until and moment(fact.until),
        grace_days=fact.grace,
        occurred_at=moment(fact.at),
        cause=f"update:{number}",
    )


def check(entries: Sequence[LedgerEntry], happened: Sequence[Fact]) -> None:
    """Hold the ledger against the model, today and at every moment before."""
    for at in {one.at for one in happened}:
        access = ledger.fold(entries, moment(at))
        assert {key: span(one) for key, one in access.items()} == opened(happened, at)


@pytest.mark.proves("T2")
@pytest.mark.parametrize("events", range(1, EVENTS + 1))
def test_every_order_of_events_opens_the_same(events):
    orders = 0
    for scene in scenes(events):
        happened = facts(scene)
        entries = [entry(one, number) for number, one in enumerate(happened)]
        meant = ledger.fold(entries)
        check(entries, happened)
        for order in itertools.permutations(entries):
            assert ledger.fold(order) == meant
            orders += 1
    assert orders == math.comb(len(KINDS) + events - 1, events) * math.factorial(events)
    print(f"{orders} orders of {events} events")


@pytest.mark.proves("T2")
@pytest.mark.parametrize("events", range(EVENTS + 1, MOST + 1))
def test_some_orders_of_more_events_open_the_same(events):
    draw = random.Random(events)
    for _ in range(DRAWN):
        happened = facts(sorted(draw.choices(KINDS, k=events), key=KINDS.index))
        entries = [entry(one, number) for number, one in enumerate(happened)]
        meant = ledger.fold(entries)
        check(entries, happened)
        for _ in range(ORDERS):
            draw.shuffle(entries)
            assert ledger.fold(entries) == meant
