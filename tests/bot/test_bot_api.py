"""The door to Telegram; F36 and F52 are names of the failure model."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.kit.played import ALICE, BOB, CARMEN, trouble
from tests.kit.processes import TOKEN, Stage
from webapp import clock
from webapp.bot_api import client as bot_api
from webapp.bot_api.client import BotApi, BotApiError, NotReached, RetryAfter, Unauthorized, get_client
from webapp.bot_api.flood_control import FLOOD_SECONDS

CLOSE = pytest.approx(0, abs=bot_api.TELLING_SECONDS)


@pytest.fixture
def database_url() -> str:
    return "sqlite:///unused.db"


@pytest.fixture
def client(telegram: Stage) -> Iterator[BotApi]:
    made = BotApi(f"{telegram.sandbox}/bot", TOKEN)
    yield made
    made.close()


class Dated(BaseHTTPRequestHandler):
    """A Telegram that answers everything with True and a date of its own."""

    date: str | None = None

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"ok": true, "result": true}'
        self.send_response_only(200)
        if self.date is not None:
            self.send_header("Date", self.date)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def dated() -> Iterator[BotApi]:
    server = HTTPServer(("127.0.0.1", 0), Dated)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    made = BotApi(f"http://127.0.0.1:{server.server_port}/bot", TOKEN)
    yield made
    made.close()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.proves("F52")
@pytest.mark.parametrize("ahead", [0, 40, -40, 86400])
def test_f52_every_answer_tells_how_far_the_clock_is_off(client, monkeypatch, ahead):
    assert client.clock_skew_seconds is None
    really = clock.now
    monkeypatch.setattr(clock, "now", lambda: really() + timedelta(seconds=ahead))
    client.call("getMe")
    assert client.clock_skew_seconds - ahead == CLOSE


@pytest.mark.proves("F52")
def test_f52_a_refusal_tells_it_too(telegram, client):
    trouble(telegram, "getMe", status=401)
    with pytest.raises(Unauthorized):
        client.call("getMe")
    assert client.clock_skew_seconds == CLOSE


@pytest.mark.proves("F52")
def test_f52_a_long_poll_tells_nothing(client, monkeypatch):
    client.call("getMe")
    before = client.clock_skew_seconds
    monkeypatch.setattr(bot_api, "TELLING_SECONDS", 0.05)
    client.call("getUpdates", {"timeout": 1})
    assert client.clock_skew_seconds == before


@pytest.mark.parametrize(
    "date",
    [None, "", "yesterday", "Wed, 99 Nov 2026 13:00:00 GMT", "Wed, 25 Nov 99999 13:00:00 GMT", "1795611600"],
)
def test_an_answer_without_a_good_date_is_an_answer(dated, monkeypatch, date):
    monkeypatch.setattr(Dated, "date", date)
    assert dated.call("getMe") is True
    assert dated.clock_skew_seconds is None


@pytest.mark.proves("F52")
def test_f52_the_date_is_telegrams(dated, monkeypatch):
    monkeypatch.setattr(Dated, "date", "Thu, 01 Jan 1970 00:01:00 GMT")
    assert dated.call("getMe") is True
    assert clock.now().timestamp() - dated.clock_skew_seconds == pytest.approx(60, abs=5)


@pytest.mark.proves("F33")
def test_f33_a_pause_is_kept_by_everybody_until_its_end(telegram, client, monkeypatch):
    now = clock.ticks()
    monkeypatch.setattr(clock, "ticks", lambda: now)
    trouble(telegram, "getMe", status=429, retry_after=7)
    for _ in range(2):
        with pytest.raises(RetryAfter) as refusal:
            client.call("getMe")
        assert refusal.value.retry_after_seconds == 7
    assert len(telegram.calls("getMe")) == 1
    client.keep_silent(
        "getMe", 3
    )  # asked for meanwhile by an answer that was on its way: it shortens nothing
    now += 6.9
    with pytest.raises(RetryAfter):
        client.call("getMe")
    now += 0.2
    client.call("getMe")
    assert len(telegram.calls("getMe")) == 2


@pytest.mark.proves("F33")
def test_f33_a_pause_is_of_one_method(telegram, client):
    trouble(telegram, "getMe", status=429, retry_after=7)
    with pytest.raises(RetryAfter):
        client.call("getMe")
    client.call("getWebhookInfo")
    assert client.pause_seconds("getMe") > 6


def test_02_a_pause_of_one_chat_is_no_pause_of_another(telegram, client):
    client.keep_silent("sendMessage", 40, ALICE)
    with pytest.raises(RetryAfter):
        client.call("sendMessage", {"chat_id": ALICE, "text": "hello"})
    client.call("sendMessage", {"chat_id": BOB, "text": "hello"})
    assert [call["params"]["chat_id"] for call in telegram.calls("sendMessage")] == [BOB]


def test_02_a_pause_that_a_second_chat_hears_of_is_everybodys(telegram, client):
    for person in (ALICE, ALICE, BOB):
        assert client.pause_seconds("sendMessage") == 0
        client.keep_silent("sendMessage", 30, person)
    with pytest.raises(RetryAfter):
        client.call("sendMessage", {"chat_id": CARMEN, "text": "hello"})
    assert telegram.calls("sendMessage") == []


def test_02_two_chats_that_flood_at_different_times_silence_nobody_else(client, monkeypatch):
    now = clock.ticks()
    monkeypatch.setattr(clock, "ticks", lambda: now)
    client.keep_silent("sendMessage", 60, ALICE)
    now += FLOOD_SECONDS + 1
    client.keep_silent("sendMessage", 60, BOB)
    assert client.pause_seconds("sendMessage") == 0
    assert client.pause_seconds("sendMessage", ALICE) > 40


def test_02_pauses_that_are_over_take_no_room(client, monkeypatch):
    now = clock.ticks()
    monkeypatch.setattr(clock, "ticks", lambda: now)
    for person in range(1000):
        client.keep_silent("sendMessage", 5, person)
        now += FLOOD_SECONDS + 1
    assert len(client.flood_control._until) == 1


@pytest.mark.proves("F33")
def test_f33_an_answer_about_money_waits_for_no_pause(telegram, client):
    for _ in range(2):
        trouble(telegram, "answerPreCheckoutQuery", status=429, retry_after=7)
        with pytest.raises(RetryAfter):
            client.call("answerPreCheckoutQuery", {"pre_checkout_query_id": "q", "ok": True})
    assert len(telegram.calls("answerPreCheckoutQuery")) == 2


@pytest.mark.proves("F36")
@pytest.mark.parametrize("said", ["Bad Request: CHARGE_ALREADY_REFUNDED", "Charge_already_refunded"])
def test_f36_a_reason_is_known_however_it_is_spelled(said):
    assert BotApiError(said).says("CHARGE_ALREADY_REFUNDED")
    assert not BotApiError(said).says("CHARGE_NOT_FOUND")


def test_after_its_end_a_client_is_made_anew():
    first = get_client("http://127.0.0.1:9/bot", TOKEN)
    assert get_client("http://127.0.0.1:9/bot", TOKEN) is first
    first.close()
    second = get_client("http://127.0.0.1:9/bot", TOKEN)
    with pytest.raises(NotReached):
        second.call("getMe")
    second.close()
