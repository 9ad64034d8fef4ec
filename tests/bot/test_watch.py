"""A bot that is dead is noticed by the web process, which tells the owners itself."""

import threading
from dataclasses import replace

import pytest

from tests.kit import arrange
from tests.kit.hands import on_sqlite
from tests.kit.played import ALICE, CARMEN, told, trouble
from webapp import clock
from webapp.bot import watch
from webapp.bot.watch import DEAD_AFTER, Watch

OWNER = CARMEN
SECONDS = DEAD_AFTER.total_seconds()


@pytest.fixture
def eye(app, hands) -> Watch:
    return Watch(app)


def alarms(telegram) -> list[str]:
    return [words for words in told(telegram, OWNER) if "The bot " in words]


@on_sqlite  # PostgreSQL's own clock says when a duty runs out, and no test moves that
def test_24_a_dead_bot_is_told_once_and_its_return_too(telegram, hands, eye, app, alice):
    hands.duties.tick()  # a bot at work holds its duties
    eye.look()
    hands.wait(60)  # it was killed, and what it held has run out
    eye.look()
    assert alarms(telegram) == []
    hands.wait(SECONDS)
    other = Watch(app)  # another process of the web
    other.begun_at = eye.begun_at
    for one in (eye, other, eye, other):
        one.look()
    assert len(alarms(telegram)) == 1
    assert "The bot hasn't run since" in alarms(telegram)[0]
    hands.wait(3600)
    eye.look()
    assert len(alarms(telegram)) == 1
    hands.duties.tick()
    eye.look()
    other.look()
    hands.send_all()
    assert alarms(telegram)[1:] == ["The bot is running again."]


@on_sqlite
def test_24_a_shop_whose_bot_never_started_is_told_too(telegram, hands, eye, alice):
    eye.look()
    hands.wait(SECONDS - 1)
    eye.look()
    assert alarms(telegram) == []
    hands.wait(2)
    eye.look()
    assert len(alarms(telegram)) == 1


@on_sqlite
def test_24_what_telegram_did_not_take_is_tried_again_and_receipts_are_left_alone(
    telegram,
    hands,
    eye,
    alice,
):
    now = clock.now()
    arrange.pay(arrange.facts(arrange.order(alice, now=now), charged_at=now), now=now)
    hands.wait(SECONDS + 1)
    trouble(telegram, "sendMessage", status=500)
    eye.look()
    assert alarms(telegram) == []
    hands.wait(30)
    eye.look()
    assert len(alarms(telegram)) == 1
    assert told(telegram, ALICE) == []  # the bot's to send


@on_sqlite
def test_24_nobody_looks_after_the_bot_whose_owner_does_not_want_to_hear(app, monkeypatch):
    def watching() -> int:
        return sum(one.name == "watch" for one in threading.enumerate())

    assert watching() == 0
    started = watch.start(app)
    assert watching() == 1
    for setting in ({"owner_ids": frozenset()}, {"owner_notices": frozenset({"sales"})}):
        monkeypatch.setitem(app.config, "STARFRONT", replace(app.config["STARFRONT"], **setting))
        assert watch.start(app) is None
    started.stop()  # or it would look at what other tests do
    assert watching() == 0


@on_sqlite
def test_24_sales_reach_the_owner_by_the_bots_own_duties(telegram, hands, alice):
    now = clock.now()
    arrange.pay(arrange.facts(arrange.order(alice, now=now), charged_at=now), now=now)
    hands.duties.tick()
    hands.send_all()
    assert any(words.startswith("Sold: Atlas to") for words in told(telegram, OWNER))
