"""Why somebody may open something, told to the owner."""

import pytest
from flask import Flask

from tests.kit import arrange
from tests.kit.arrange import NOW
from tests.kit.commands import run
from tests.kit.hands import on_sqlite
from tests.kit.played import ALICE, BOB
from webapp import clock
from webapp.db.models import User
from webapp.db.transactions import transaction
from webapp.domain.people import users
from webapp.domain.sales import refunds

NASTY = "\x1b[2J\u202eAtlas"


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def why(app: Flask, person: object) -> str:
    code, said = run(app, "why", str(person))
    assert code == 0
    return said


def test_the_owner_reads_what_the_person_reads(app, alice: User) -> None:
    arrange.pay(arrange.facts(arrange.order(alice)))
    arrange.subscribe(alice)
    assert why(app, ALICE).splitlines() == [
        f"Alice ({ALICE})",
        "",
        "atlas: Unlocked for good.",
        "  2026-05-01 12:00:00  Atlas, paid with 250 Stars: unlocks it for good.  charge-1",
        "",
        "tonight: Unlocked until 1 June 2026, 12:00 UTC.",
        "  2026-05-01 12:00:00  Plan, paid with 100 Stars: unlocks it until 31 May 2026, 12:00 UTC, and 1 "
        "day longer if a renewal is late.  first",
        "",
        "PLAN  STARS  STATE     UNTIL             BEGAN       FIRST CHARGE",
        "Plan  100    renewing  2026-06-01 12:00  2026-05-01  first",
    ]


def test_refunds_are_told_with_who_asked_and_what_came_of_it(app, alice: User) -> None:
    made = arrange.order(alice)
    charge = arrange.pay(arrange.facts(made))
    with transaction():
        refunds.mark_rejected(
            refunds.request_refund(charge, "asked", requested_by="owner", now=NOW), "TOO_LATE", NOW
        )
    assert why(app, ALICE).splitlines()[-1].split() == [
        *("250", "refused", "owner", "2026-05-01", "12:00", "TOO_LATE", "charge-1")
    ]
    twice = arrange.pay(arrange.facts(made, "charge-2"))
    assert "Unlocks nothing: it is being refunded." in why(app, ALICE)
    arrange.settle(twice)
    said = why(app, ALICE)
    assert "Unlocks nothing: it was refunded." in said
    assert "250    done     shop" in said


@on_sqlite
def test_somebody_without_anything_is_known_all_the_same(app, alice: User) -> None:
    assert why(app, ALICE).splitlines() == [f"Alice ({ALICE})", "", "Nothing in the ledger."]
    with transaction():
        users.ban(ALICE, NOW)
    assert f"Alice ({ALICE}), banned since 2026-05-01" in why(app, ALICE)


@on_sqlite
def test_somebody_who_only_paid_is_known_too(app, alice: User) -> None:
    arrange.pay(arrange.facts(arrange.order(alice), telegram_id=BOB))
    said = why(app, BOB)
    assert said.startswith(f"Somebody who paid but never came ({BOB})")
    assert "a payment: Unlocks nothing yet: the shop is checking what it was for." in said


@on_sqlite
def test_nobody_is_said_to_be_nobody(app, alice: User) -> None:
    code, said = run(app, "why", str(BOB))
    assert (code, said) == (1, f"Error: Nobody with the Telegram id {BOB} has ever been here.")


@on_sqlite
@pytest.mark.parametrize("person", ["", "alice", "1.5", "٣", "0x10", "1" * 5000, str(2**52), "1\x002", "1 2"])
def test_what_is_no_telegram_id_is_refused(app, person: str) -> None:
    code, said = run(app, "why", person)
    assert code == 2
    assert "give a person's Telegram id, a whole number." in said


@on_sqlite
def test_a_negative_number_is_no_person(app) -> None:
    assert run(app, "why", "-1")[0] == 2


@on_sqlite
def test_words_that_others_chose_do_not_reach_the_terminal_raw(app, open_shop: None) -> None:
    alice = arrange.meet(ALICE, first_name=NASTY)
    arrange.open_shop(arrange.item(title="Atlas\u202e"))
    arrange.pay(arrange.facts(arrange.order(alice)))
    said = why(app, ALICE)
    assert "\x1b" not in said
    assert "\u202e" not in said
