"""F52: nobody is let in by a clock that is more than a minute off Telegram's."""

from datetime import timedelta
from typing import Any

import pytest

from tests.bot.conftest import ALICE, trouble
from tests.processes import Stage
from webapp import checkout, clock
from webapp.bot_api import BotApi


@pytest.fixture(autouse=True)
def unmeasured(api: BotApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has heard nothing of Telegram yet."""
    api.clock_skew_seconds = None
    monkeypatch.setattr(checkout, "CLOCK_BELIEVED_SECONDS", 0)


def be_off(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    really = clock.now
    monkeypatch.setattr(clock, "now", lambda: really() + timedelta(seconds=seconds))


def sign_in(telegram: Stage, client: Any) -> Any:
    told = telegram.control("POST", f"people/{ALICE}/launch", **{"from": "menu"})
    return client.post("/session", json={"init_data": told["init_data"]})


@pytest.mark.parametrize("seconds", [90, -90, 3600])
def test_f52_nobody_is_let_in_until_the_clock_is_put_right(
    telegram, client, api, monkeypatch, caplog, seconds
):
    with monkeypatch.context() as wrong:
        be_off(wrong, seconds)
        api.call("getMe")
        refused = sign_in(telegram, client)
    assert (refused.status_code, refused.json) == (503, {"error": "the shop's clock is wrong"})
    assert refused.headers["Retry-After"] == "2"
    assert "the clock is more than a minute off" in caplog.text
    assert sign_in(telegram, client).status_code == 200


def test_f52_a_clock_that_is_a_little_off_closes_no_shop(telegram, client, api, monkeypatch):
    be_off(monkeypatch, 50)
    api.call("getMe")
    assert sign_in(telegram, client).status_code == 200


def test_f52_a_clock_that_nobody_compared_closes_no_shop(telegram, client, monkeypatch):
    be_off(monkeypatch, 90)
    assert sign_in(telegram, client).status_code == 200
    assert telegram.control("GET", "calls?method=getMe") == []


def test_f52_where_telegram_is_silent_the_last_comparison_counts_for_ten_minutes(
    telegram, client, api, monkeypatch
):
    be_off(monkeypatch, 90)
    api.call("getMe")
    trouble(telegram, "getMe", latency_seconds=5, times=2)
    monkeypatch.setattr(checkout, "CLOCK_ANSWER_SECONDS", 0.1)
    assert sign_in(telegram, client).status_code == 503
    api.compared_at -= checkout.CLOCK_OLDEST_SECONDS
    assert sign_in(telegram, client).status_code == 200
