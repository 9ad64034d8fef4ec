"""F52: nobody is let in by a clock that is more than a minute off Telegram's."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from wsgiref.simple_server import make_server

import pytest
from flask import Flask

from tests.kit.played import ALICE, trouble
from tests.kit.processes import Stage
from webapp import clock
from webapp.bot_api import client as bot_api
from webapp.bot_api import witness
from webapp.bot_api.client import BotApi
from webapp.ops.doctor import telegram as doctor
from webapp.usecases import clocks
from webapp.usecases.context import Context


@pytest.fixture(autouse=True)
def unmeasured(api: BotApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has heard nothing of Telegram yet."""
    api.clock_skew_seconds = None
    monkeypatch.setattr(clocks, "BELIEVED_SECONDS", 0)


def be_off(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    really = clock.now
    monkeypatch.setattr(clock, "now", lambda: really() + timedelta(seconds=seconds))


def change_settings(app: Flask, **settings: Any) -> Context:
    context: Context = app.extensions["context"]
    app.extensions["context"] = replace(context, config=replace(context.config, **settings))
    return app.extensions["context"]


def ask_no_witness(app: Flask) -> None:
    change_settings(app, telegram_js_url="http://127.0.0.1:9/telegram-web-app.js")


def sign_in(telegram: Stage, client: Any) -> Any:
    told = telegram.control("POST", f"people/{ALICE}/launch", **{"from": "menu"})
    return client.post("/session", json={"init_data": told["init_data"]})


@pytest.mark.proves("F52")
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


@pytest.mark.proves("F52")
def test_f52_a_clock_put_right_is_compared_again_where_nobody_else_tells_the_time(
    telegram, app, client, api, monkeypatch
):
    ask_no_witness(app)
    with monkeypatch.context() as wrong:
        be_off(wrong, 3600)
        api.call("getMe")
        assert sign_in(telegram, client).status_code == 503
    assert sign_in(telegram, client).status_code == 200


@pytest.mark.proves("F52")
def test_f52_a_clock_that_is_a_little_off_closes_no_shop(telegram, client, api, monkeypatch):
    be_off(monkeypatch, 50)
    api.call("getMe")
    assert sign_in(telegram, client).status_code == 200


@pytest.mark.proves("F52")
def test_f52_a_clock_that_nobody_compared_closes_no_shop(telegram, client, monkeypatch):
    be_off(monkeypatch, 90)
    assert sign_in(telegram, client).status_code == 200
    assert telegram.control("GET", "calls?method=getMe") == []


@pytest.mark.proves("F52")
def test_f52_where_telegram_is_silent_the_last_comparison_counts_for_ten_minutes(
    telegram, client, api, monkeypatch
):
    be_off(monkeypatch, 90)
    api.call("getMe")
    trouble(telegram, "getMe", latency_seconds=5, times=2)
    monkeypatch.setattr(clocks, "ANSWER_SECONDS", 0.1)
    assert sign_in(telegram, client).status_code == 503
    api.compared_at -= clocks.OLDEST_SECONDS
    assert sign_in(telegram, client).status_code == 200


@pytest.fixture
def hasty() -> Iterator[str]:
    """The address of a Bot API whose clock is an hour ahead."""

    def wsgi(_environ: Any, start_response: Any) -> list[bytes]:
        start_response(
            "200 OK", [("Date", format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True))]
        )
        return [json.dumps({"ok": True, "result": {"id": 7000000002, "username": "hasty"}}).encode()]

    server = make_server("127.0.0.1", 0, wsgi)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/bot"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_bot_api_that_is_off_closes_no_shop_whose_clock_is_right(telegram, app, client, hasty, monkeypatch):
    # A busy machine answers late, and what could not be asked is not asked again for a while.
    for module, limit in ((bot_api, "TELLING_SECONDS"), (witness, "ANSWER_SECONDS")):
        monkeypatch.setattr(module, limit, 30)
    witness._beginning.cache_clear()
    shop = change_settings(app, bot_api_url=hasty)
    shop.client.call("getMe")
    assert shop.client.clock_skew_seconds < -3500
    assert sign_in(telegram, client).status_code == 200
    finding = doctor.clock(shop.client.clock_skew_seconds, shop.config)
    assert finding.severity == "warning"
    assert "The Bot API server is 3600 seconds off; this machine's clock is right." in finding.sentence
    # Where nobody else tells the time, it is believed.
    ask_no_witness(app)
    assert sign_in(telegram, client).status_code == 503
    shop.client.close()
