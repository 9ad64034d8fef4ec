"""T10: what people may open, dropped and written anew from a ledger of a hundred thousand entries."""

import itertools
import os
import random
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import ColumnElement, and_, delete, insert, select, update

from tests.kit.arrange import NOW
from tests.kit.model import Fact, moment, opened, span
from tests.kit.orders_of_events import KINDS, facts
from webapp.db.engine import db
from webapp.db.models import Entitlement, LedgerEntry
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements
from webapp.usecases import entitlements as everybodys

ENTRIES = int(os.environ.get("ENTRIES", "4000"))  # make rebuild: 100,000
MOST_OF_ONE = 12
FIRST_PERSON = 1_000_000


def lives() -> Iterator[list[Fact]]:
    """Return what happens to one person after the other, until there are enough entries."""
    draw, left = random.Random(7), ENTRIES
    for person in itertools.count(FIRST_PERSON):
        kinds = draw.choices(KINDS, k=min(left, draw.randint(1, MOST_OF_ONE)))
        happened = [
            replace(one, person=person, charge=one.charge and f"{person}:{one.charge}")
            for one in facts(kinds)
        ]
        yield happened
        left -= len(happened)
        if not left:
            return


def row(fact: Fact) -> dict[str, object]:
    return {
        "telegram_id": fact.person,
        "kind": fact.kind,
        "charge_id": fact.charge,
        "keys": list(fact.keys),
        "pass_days": fact.days,
        "paid_until": fact.until and moment(fact.until),
        "grace_days": fact.grace,
        "stars": 0,
        "title": "",
        "occurred_at": moment(fact.at),
        "recorded_at": NOW,
        "cause": "test",
    }


@pytest.fixture
def people(app: Flask) -> list[list[Fact]]:
    """A ledger about many people, in no order."""
    happened = list(lives())
    rows = [row(fact) for life in happened for fact in life]
    random.Random(8).shuffle(rows)
    for place in range(0, len(rows), 5000):
        with transaction():
            db.session.execute(insert(LedgerEntry.__table__), rows[place : place + 5000])  # type: ignore[arg-type]
    return happened


@pytest.mark.proves("I2", "T10")
def test_what_people_may_open_is_written_anew_from_the_ledger_alone(app, people):
    begun = time.monotonic()
    answer = app.test_cli_runner().invoke(args=["entitlements", "rebuild"])
    assert answer.exit_code == 0
    check = app.test_cli_runner().invoke(args=["entitlements", "rebuild", "--check"])
    assert (check.exit_code, check.output) == (0, "0 differences\n")
    took, kind = time.monotonic() - begun, db.engine.dialect.name
    print(f"{ENTRIES} entries of {len(people)} people compared twice and written in {took:.1f} s on {kind}")
    db.session.rollback()
    rows = db.session.scalars(select(Entitlement))
    written = {(one.telegram_id, one.key): span(one) for one in rows}
    assert written == {
        (life[0].person, key): one for life in people if life for key, one in opened(life).items()
    }


def test_every_kind_of_difference_is_found_and_mended(app, people, monkeypatch):
    monkeypatch.setattr(entitlements, "PEOPLE_AT_ONCE", 7)
    everybodys.rebuild()
    whole = sorted((life[0].person, key) for life in people for key in opened(life))
    assert written() == whole
    gone, wrong, odd = whole[0], whole[-1], (FIRST_PERSON - 1, "atlas")
    with transaction():
        db.session.execute(delete(Entitlement).where(place(gone)))
        db.session.execute(update(Entitlement).where(place(wrong)).values(since=NOW - NOW.resolution))
        db.session.add(Entitlement(telegram_id=odd[0], key=odd[1], since=NOW))
    assert entitlements.differences() == [odd, gone, wrong]
    everybodys.rebuild()
    assert (entitlements.differences(), written()) == ([], whole)


def written() -> list[tuple[int, str]]:
    db.session.rollback()
    return sorted((one.telegram_id, one.key) for one in db.session.scalars(select(Entitlement)))


def place(of: tuple[int, str]) -> ColumnElement[bool]:
    return and_(Entitlement.telegram_id == of[0], Entitlement.key == of[1])
