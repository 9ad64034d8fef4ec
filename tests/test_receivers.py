"""A plug-in's receivers, which raise, hang and end their threads: nothing is lost, and nobody else waits."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.kit import arrange
from tests.kit.arrange import ALICE, BOB
from tests.kit.factories import make_config, opened
from webapp import clock, create_app
from webapp.bot import receivers
from webapp.bot.receivers import Receivers
from webapp.db.engine import db
from webapp.db.models import OutboxMessage, Signal
from webapp.domain.access import signals
from webapp.domain.sales import charges
from webapp.shop.folder import Folder

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Connect = Callable[..., Any]


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """A shop whose folder is its own, so that no other test hears what its plug-in does."""
    with opened(create_app(make_config(database_url=database_url, shop=Folder(tmp_path)))) as app:
        yield app


@pytest.fixture
def connect(app: Flask) -> Connect:
    """Have the plug-in listen: to purchases, unless told."""
    known = app.extensions["plugin"].signals

    def connect(receiver: Callable[..., Any], name: str = "purchase_granted") -> None:
        known[name].connect(receiver)
        signals.listen(name for name, signal in known.items() if signal.receivers)

    return connect


@pytest.fixture
def duty(app: Flask) -> Receivers:
    return Receivers(app, lambda _duty: True, threading.Event())


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Move the clock, which else stands still."""
    ahead = [timedelta()]
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + ahead[0])

    def move(seconds: float) -> None:
        ahead[0] += timedelta(seconds=seconds)

    return move


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """What a receiver waits for in vain, until the test is over; nobody waits long for it."""
    monkeypatch.setattr(receivers, "DEADLINE_SECONDS", 0.2)
    event = threading.Event()
    yield event
    event.set()


def buy(buyer: Any, slug: str = "atlas") -> None:
    now = clock.now()
    made = arrange.order(buyer, slug, now=now)
    arrange.pay(arrange.facts(made, f"{slug}-{buyer.telegram_id}", charged_at=now), now=now)


def waiting() -> list[Signal]:
    db.session.rollback()
    return signals.waiting(10)


def test_a_receiver_hears_the_facts_once(alice, connect, duty):
    heard: list[Any] = []
    connect(lambda signal, **told: heard.append((signal, told)))
    buy(alice)
    assert [duty.hand_over(), duty.hand_over()] == [True, False]
    [(signal, told)] = heard
    assert signal == "purchase_granted"
    assert told["telegram_id"] == ALICE
    assert told["until"] == {"atlas": None}
    assert waiting() == []


def test_a_shop_without_a_plug_in_has_nothing_to_hand_over(alice, duty):
    buy(alice)
    assert not duty.listen()
    assert waiting() == []


@on_sqlite
def test_whoever_has_not_the_duty_hands_nothing_over(app, alice, connect):
    heard: list[Any] = []
    connect(lambda _signal, **told: heard.append(told))
    buy(alice)
    assert not Receivers(app, lambda _duty: False, threading.Event()).hand_over()
    assert heard == []


@pytest.mark.proves("I19", "F65")
def test_one_that_raises_is_tried_again_and_hinders_no_other(alice, bob, connect, duty, later, caplog):
    heard: list[tuple[str, int]] = []

    def good(_signal: str, **told: Any) -> None:
        heard.append(("good", told["telegram_id"]))
        told["keys"].clear()

    def bad(_signal: str, **told: Any) -> None:
        heard.append(("bad", told["telegram_id"]))
        assert told["keys"] == ["atlas"]
        if told["telegram_id"] == ALICE and heard.count(("bad", ALICE)) == 1:
            raise RuntimeError("no room\x00 for her")

    connect(good)
    connect(bad)
    buy(alice)
    buy(bob)
    assert [duty.hand_over() for _ in range(3)] == [True, True, False]
    assert sorted(heard) == [("bad", ALICE), ("bad", BOB), ("good", ALICE), ("good", BOB)]
    [left] = waiting()
    assert left.error == "test_receivers.bad: RuntimeError: no room  for her"
    assert "a receiver of the plug-in raised" in caplog.text
    later(3)
    assert [duty.hand_over(), duty.hand_over()] == [True, False]
    assert heard[4:] == [("bad", ALICE)]
    assert waiting() == []


@on_sqlite
@pytest.mark.parametrize(
    ("receiver", "error"),
    [
        (lambda _signal, **_told: exit(1), "SystemExit: 1"),
        (lambda: None, "TypeError"),
        (lambda _signal, telegram_id: telegram_id, "TypeError"),
    ],
    ids=["exits", "takes nothing", "takes no facts of the next release"],
)
def test_one_that_cannot_be_called_or_ends_its_thread_is_named(alice, connect, duty, receiver, error):
    connect(receiver)
    buy(alice)
    assert duty.hand_over()
    [left] = waiting()
    assert left.error.startswith("test_receivers.<lambda>: ")
    assert error in left.error


@on_sqlite
def test_a_coroutine_is_waited_for(alice, connect, duty):
    heard: list[int] = []

    async def receive(_signal: str, **told: Any) -> None:
        heard.append(told["telegram_id"])

    connect(receive)
    buy(alice)
    duty.hand_over()
    assert heard == [ALICE]
    assert waiting() == []


@pytest.mark.proves("I19", "F65")
@on_sqlite
def test_one_that_hangs_is_given_up_and_the_others_go_on(alice, bob, connect, duty, later, never):
    heard: list[tuple[str, int]] = []

    def hang(_signal: str, **told: Any) -> None:
        heard.append(("hang", told["telegram_id"]))
        never.wait()

    connect(hang)
    connect(lambda _signal, **told: heard.append(("other", told["telegram_id"])))
    connect(lambda _signal, **told: heard.append(("back", told["telegram_id"])), "refunded")
    buy(alice)
    duty.hand_over()
    # Meanwhile people buy, and others hear of it.
    buy(bob, "notes")
    assert db.session.query(OutboxMessage).filter_by(kind="receipt", telegram_id=BOB).count() == 1
    arrange.settle(charges.get(f"notes-{BOB}"), at=clock.now())
    for _ in range(8):
        later(700)
        while duty.hand_over():
            pass
    assert heard.count(("hang", ALICE)) + heard.count(("hang", BOB)) == receivers.MOST_HANGING
    for one in (("other", ALICE), ("other", BOB), ("back", BOB)):
        assert heard.count(one) == 1
    assert {one.name for one in waiting()} == {"purchase_granted"}
    assert all("3 of its threads hang" in one.error for one in waiting())


@pytest.mark.proves("I20")
@on_sqlite
def test_the_end_of_the_process_waits_for_nobody_and_loses_nothing(
    app, alice, connect, later, monkeypatch, never
):
    monkeypatch.setattr(receivers, "DEADLINE_SECONDS", 3600.0)
    monkeypatch.setattr(receivers, "STOPPING_SECONDS", 0.1)
    began, stopping = threading.Event(), threading.Event()

    def hang(_signal: str, **_told: Any) -> None:
        began.set()
        stopping.set()
        never.wait()

    connect(hang)
    buy(alice)
    assert Receivers(app, lambda _duty: True, stopping).hand_over()
    assert began.is_set()
    [left] = waiting()
    assert left.error is None
    assert left.taken_by == []


@pytest.mark.proves("F65")
@on_sqlite
def test_what_killed_its_process_waits_before_it_is_met_again(app, alice, connect, duty, later, monkeypatch):
    heard: list[str] = []
    connect(lambda _signal, **told: heard.append(told["id"]))
    buy(alice)

    def die(_signal: Signal) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(signals, "taken", die)
        with pytest.raises(KeyboardInterrupt):
            duty.hand_over()
    assert not duty.hand_over()
    later(3)
    assert duty.hand_over()
    # A process that died may have been heard to the end: it is heard again.
    assert heard == [f"charge:atlas-{ALICE}"] * 2
    assert waiting() == []
