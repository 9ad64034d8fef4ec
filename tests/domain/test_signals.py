"""What a plug-in is to hear of: written with the fact, whoever told of it, and kept until it is taken."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from tests.kit.arrange import (
    ALICE,
    BOB,
    DAY,
    KEYS,
    MONTH,
    NOW,
    facts,
    item,
    open_shop,
    order,
    pay,
    renew,
    settle,
    subscribe,
)
from webapp.db import postgresql
from webapp.db.engine import db
from webapp.db.models import Charge, Signal
from webapp.db.transactions import transaction
from webapp.domain.access import signals
from webapp.domain.owner import manual
from webapp.domain.sales import charges, quarantine, refunds

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def listening(app: Flask) -> Iterator[None]:
    """A plug-in that listens to everything."""
    signals.listen(signals.NAMES)
    yield
    signals.listen(())


def written() -> list[tuple[str, dict[str, Any]]]:
    """Return the signals that wait, by name, as JSON brings them to another program."""
    db.session.rollback()
    return [(signal.name, json.loads(json.dumps(signal.facts))) for signal in signals.waiting(100)]


def names() -> list[str]:
    return [name for name, _facts in written()]


def iso(moment: Any) -> str:
    return str(moment.isoformat())


def ask_back(charge: Charge) -> None:
    with transaction():
        refunds.request_refund(charge, "asked for", requested_by="owner", now=NOW)


def claim(now: Any = NOW) -> Signal | None:
    with transaction():
        return signals.claim(now)


def test_a_purchase_is_told_with_what_it_opens(alice):
    pay(facts(order(alice, "whole-sky"), stars=320))
    [(name, told)] = written()
    assert name == "purchase_granted"
    assert told == {
        "id": "charge:charge-1",
        "telegram_id": ALICE,
        "charge_id": "charge-1",
        "product": "whole-sky",
        "keys": ["atlas", "notes"],
        "until": {"atlas": None, "notes": None},
        "stars": 320,
        "occurred_at": iso(NOW),
    }


@pytest.mark.proves("I20")
def test_a_charge_that_comes_twice_is_told_once(alice):
    made = order(alice)
    for cause in ("update:1", "update:1", "statement"):
        pay(facts(made, cause=cause))
    assert names() == ["purchase_granted"]


@pytest.mark.proves("I10", "I20")
def test_what_is_rolled_back_was_never_told(alice):
    made = order(alice)

    def fail() -> None:
        charges.record_charge(facts(made), keys=KEYS, now=NOW)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), transaction():
        fail()
    assert written() == []


def test_a_pass_bought_again_and_a_renewal_extend(alice, bob):
    pay(facts(order(alice, "week"), "one"))
    pay(facts(order(alice, "week", now=NOW + DAY), "two", charged_at=NOW + DAY), now=NOW + DAY)
    plan = subscribe(bob)
    # After the end of what was paid, and of its grace.
    renew(plan, "second", at=NOW + 2 * MONTH)
    assert [(name, told["telegram_id"], told["until"]) for name, told in written()] == [
        ("purchase_granted", ALICE, {"tonight": iso(NOW + 7 * DAY)}),
        ("access_extended", ALICE, {"tonight": iso(NOW + 14 * DAY)}),
        ("purchase_granted", BOB, {"tonight": iso(NOW + MONTH + DAY)}),
        ("access_extended", BOB, {"tonight": iso(NOW + 3 * MONTH + DAY)}),
    ]


def test_a_pass_bought_again_after_its_end_is_a_purchase(alice):
    pay(facts(order(alice, "week"), "one"))
    later = NOW + 8 * DAY
    pay(facts(order(alice, "week", now=later), "two", charged_at=later), now=later)
    assert names() == ["purchase_granted", "purchase_granted"]


def test_an_end_that_telegram_tells_later_extends(alice):
    made = order(alice, "plan")
    pay(facts(made, cause="statement", period_seconds=30 * 86400))
    pay(facts(made, paid_until=NOW + MONTH + 2 * DAY, is_renewal=False))
    [(_, first), (name, told)] = written()
    assert name == "access_extended"
    assert told["until"] == {"tonight": iso(NOW + MONTH + 3 * DAY)}
    assert told["stars"] == 0
    assert told["id"] != first["id"]


def test_what_buys_nothing_is_told_only_when_it_went_back(alice):
    made = order(alice)
    pay(facts(made))
    pay(facts(made, "charge-2"))
    pay(facts(order(alice, "notes"), "charge-3", stars=1))
    assert names() == ["purchase_granted"]
    settle(charges.get("charge-2"))
    assert names() == ["purchase_granted", "refunded"]
    assert written()[-1][1]["until"] == {}


def test_a_refund_is_told_and_the_access_that_it_ends(alice):
    charge = pay(facts(order(alice)))
    ask_back(charge)
    assert names() == ["purchase_granted"]
    for _ in range(2):
        settle(charge)
    [_, (_, back), (_, ended)] = written()
    assert names()[1:] == ["refunded", "access_revoked"]
    assert back["id"] == "refunded:charge-1"
    assert (back["stars"], back["keys"], back["until"]) == (250, ["atlas"], {})
    assert (ended["stars"], ended["keys"], ended["until"]) == (0, ["atlas"], {})
    assert back["product"] == ended["product"] == "atlas"


def test_a_refund_that_telegram_refuses_is_nothing_to_hear_of(alice):
    charge = pay(facts(order(alice)))
    ask_back(charge)
    with transaction():
        refunds.mark_rejected(refunds.find("charge-1"), "BALANCE_TOO_LOW", NOW)
    assert names() == ["purchase_granted"]


def test_a_refund_before_its_charge_opens_nothing(alice):
    made = order(alice)
    charge = Charge(telegram_payment_charge_id="charge-1", telegram_id=ALICE, stars=250)
    settle(charge)
    pay(facts(made))
    assert names() == ["refunded"]


def test_what_another_purchase_still_opens_is_not_revoked(alice):
    first = pay(facts(order(alice, "whole-sky"), "sky", stars=320))
    pay(facts(order(alice, "week"), "one"))
    second = pay(facts(order(alice, "week"), "two"))
    with transaction():
        manual.grant(ALICE, "atlas", None, grant_id="grant:1", now=NOW)
    before = len(written())
    settle(first)
    settle(second)
    after = [(name, told["keys"], told["until"]) for name, told in written()[before:]]
    assert after == [
        ("refunded", ["atlas", "notes"], {"atlas": None}),
        ("access_revoked", ["notes"], {}),
        ("refunded", ["tonight"], {"tonight": iso(NOW + 7 * DAY)}),
        # Half of the time went.
        ("access_revoked", ["tonight"], {"tonight": iso(NOW + 7 * DAY)}),
    ]


def test_what_ended_by_itself_is_not_revoked(alice):
    charge = pay(facts(order(alice, "week")))
    settle(charge, at=NOW + MONTH)
    assert names() == ["purchase_granted", "refunded"]


def test_what_the_owner_gives_and_takes_is_told(alice):
    with transaction():
        manual.grant(ALICE, "atlas", 7, grant_id="grant:1", now=NOW)
    with transaction():
        manual.grant(ALICE, "atlas", 7, grant_id="extend:2", now=NOW + SECOND)
    with transaction():
        manual.revoke(ALICE, "atlas", NOW + 2 * SECOND)
    told = written()
    assert names() == ["purchase_granted", "access_extended", "access_revoked"]
    assert [one["stars"] for _, one in told] == [0, 0, 0]
    assert told[0][1]["product"] == "atlas"
    assert told[-1][1]["keys"] == ["atlas"]
    assert told[-1][1]["until"] == {}


def test_a_charge_that_the_owner_understands_is_a_purchase(alice):
    pay(facts(order(alice), stars=249))
    assert written() == []
    with transaction():
        quarantine.grant("charge-1", keys=KEYS, now=NOW, slug="notes")
    [(name, told)] = written()
    assert (name, told["product"], told["keys"], told["stars"]) == (
        "purchase_granted",
        "notes",
        ["notes"],
        249,
    )


def test_only_what_the_plug_in_listens_to_is_written(alice):
    signals.listen({"refunded"})
    settle(pay(facts(order(alice))))
    assert names() == ["refunded"]


@pytest.fixture
def asked(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the database was asked: through SQLAlchemy, and past it."""
    seen: list[str] = []
    execute = postgresql.Connection.execute

    def past(connection: Any, query: Any, *args: Any, **more: Any) -> Any:
        seen.append(query)
        return execute(connection, query, *args, **more)

    def through(*facts: Any) -> None:
        seen.append(facts[2])

    if db.engine.dialect.name == "postgresql":
        monkeypatch.setattr(postgresql.Connection, "execute", past)
        yield seen
        return
    event.listen(db.engine, "before_cursor_execute", through)
    yield seen
    event.remove(db.engine, "before_cursor_execute", through)


@pytest.mark.parametrize(("listens", "more"), [(False, 0), (True, 1)])
def test_a_charge_costs_no_query_more_than_its_row(alice, asked, listens, more):
    def cost(slug: str) -> int:
        made = order(alice, slug)
        db.session.rollback()
        before = len(asked)
        pay(facts(made, slug))
        return len(asked) - before

    signals.listen(())
    open_shop(item(), item("notes", stars=250))
    without = cost("atlas")
    signals.listen(signals.NAMES if listens else ())
    # PostgreSQL is told of everything at once.
    assert cost("notes") - without == (more if db.engine.dialect.name == "sqlite" else 0)
    assert len(written()) == listens
    print(f"{without} statements for a charge, {more} more row")


def test_a_person_s_signals_come_in_their_order(alice, bob):
    pay(facts(order(alice), "a"))
    settle(charges.get("a"))
    pay(facts(order(bob), "b"))
    first = claim()
    assert (first.name, first.telegram_id) == ("purchase_granted", ALICE)
    with transaction():
        signals.failed(first, "no", ["one"], NOW)
    # The next of hers waits for it, and nobody else does.
    assert claim().telegram_id == BOB
    assert claim() is None
    again = claim(NOW + 2 * SECOND)
    assert (again.id, again.attempts, again.taken_by) == (first.id, 2, ["one"])
    with transaction():
        signals.taken(again)
    assert claim(NOW + 2 * SECOND).name == "refunded"


def test_what_fails_again_and_again_holds_up_no_other(alice):
    pay(facts(order(alice), "a"))
    settle(charges.get("a"))
    now = NOW
    for _ in range(signals.ATTEMPTS_IN_ORDER):
        failing = claim(now)
        assert failing.name == "purchase_granted"
        with transaction():
            signals.failed(failing, "no", [], now)
        now += 2**failing.attempts * SECOND
    for name in ("refunded", "access_revoked"):
        next_one = claim(now)
        assert next_one.name == name
        with transaction():
            signals.taken(next_one)
    assert claim(now).name == "purchase_granted"


@pytest.mark.proves("I20")
def test_what_is_never_taken_is_given_up_until_the_owner_decides(alice):
    pay(facts(order(alice)))
    with transaction():
        signal = signals.claim(NOW)
        signal.attempts = signals.RETRIES.most_attempts
        signals.failed(signal, "no", [], NOW)
    assert claim(NOW + MONTH) is None
    [backlog] = signals.backlogs(NOW)
    assert backlog == signals.Backlog("purchase_granted", 1, NOW, "no", True)
    with transaction():
        signals.retry([signal.id], NOW)
    assert claim().id == signal.id
    with transaction():
        [gone] = signals.dismiss([signal.id])
    assert gone.id == signal.id
    assert written() == []
    for act in (lambda: signals.retry([7], NOW), lambda: signals.dismiss([7])):
        with pytest.raises(signals.SignalError, match="No signal 7 waits"), transaction():
            act()


def test_a_signal_that_waits_for_minutes_is_a_backlog(alice):
    pay(facts(order(alice)))
    assert signals.backlogs(NOW + signals.LATE) == []
    [backlog] = signals.backlogs(NOW + signals.LATE + SECOND)
    assert (backlog.count, backlog.error, backlog.is_given_up) == (1, None, False)


def test_nothing_is_taken_that_has_no_receiver_any_more(alice):
    pay(facts(order(alice)))
    settle(charges.get("charge-1"))
    signals.listen({"refunded"})
    assert claim().name == "refunded"
    assert claim() is None
    assert names() == ["purchase_granted", "refunded", "access_revoked"]
