"""Updates on their way: how long they live, who gets them, and what becomes of each."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.kit.played import ALICE
from tests.kit.processes import Stage, eventually
from tests.sandbox.conftest import Bot, control, jump

DAY = 24 * 3600
OTHER_POLL = "terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_ACTIVE = (
    "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


def write(telegram: Stage, words: str = "Hello") -> None:
    telegram.control("POST", f"people/{ALICE}/messages", text=words)


def fates(telegram: Stage) -> list[str]:
    """Return what became of each update, oldest first."""
    return [one["state"] for one in telegram.control("GET", "updates")]


def texts(bot: Bot, **told: Any) -> list[str]:
    return [one["message"]["text"] for one in bot.call("getUpdates", **told)]


def test_a_message_waits_for_a_day(telegram, bot):
    write(telegram)
    jump(telegram, DAY - 60)
    assert texts(bot) == ["Hello"]
    jump(telegram, 120)
    assert texts(bot) == []
    assert fates(telegram) == ["expired"]
    assert telegram.state()["pending"] == []


@pytest.mark.parametrize("kind", ["pre_checkout_query", "callback_query"])
def test_a_question_waits_for_150_seconds(telegram, bot, kind):
    telegram.control("POST", "updates", **{kind: {"id": "1", "from": {"id": ALICE}}})
    jump(telegram, 140)
    assert len(bot.updates(kind)) == 1
    jump(telegram, 20)
    assert bot.updates(kind) == []
    assert fates(telegram) == ["expired"]


def test_time_that_was_jumped_over_is_not_given_back(telegram, bot):
    write(telegram)
    jump(telegram, DAY + 60)
    jump(telegram, -DAY)
    assert fates(telegram) == ["expired"]


def test_an_update_comes_again_until_it_is_confirmed(telegram, bot):
    write(telegram)
    once, again = bot.call("getUpdates"), bot.call("getUpdates")
    assert once == again
    assert fates(telegram) == ["waiting"]
    bot.call("getUpdates", offset=once[0]["update_id"] + 1)
    assert fates(telegram) == ["confirmed"]


def test_a_lost_update_is_known_to_be_lost(telegram, bot):
    telegram.control("PUT", "troubles", lose=1)
    write(telegram, "lost")
    write(telegram, "kept")
    assert texts(bot) == ["kept"]
    assert fates(telegram) == ["lost", "waiting"]


def test_an_update_can_be_delivered_again_under_its_number(telegram, bot):
    write(telegram)
    [update] = bot.call("getUpdates")
    bot.call("getUpdates", offset=update["update_id"] + 1)
    telegram.control("POST", f"updates/{update['update_id']}/again")
    assert bot.call("getUpdates") == [update]
    assert fates(telegram) == ["waiting"]


@pytest.mark.parametrize("number", ["1", "x", "-1"])
def test_an_update_that_never_was_cannot_come_again(telegram, number):
    assert control(telegram, "POST", f"updates/{number}/again").status_code == 404


def test_a_held_back_update_comes_when_its_time_has_passed(telegram, bot):
    telegram.control("PUT", "troubles", delay_seconds=600)
    write(telegram)
    assert texts(bot) == []
    jump(telegram, 601)
    assert texts(bot) == ["Hello"]


def test_dropping_what_waits_is_remembered(telegram, bot):
    write(telegram)
    assert telegram.state()["drops"] == []
    bot.call("deleteWebhook", drop_pending_updates=True)
    [drop] = telegram.state()["drops"]
    assert (drop["method"], drop["count"]) == ("deleteWebhook", 1)
    assert fates(telegram) == ["dropped"]


@pytest.fixture
def polling(telegram: Stage, bot: Bot) -> Iterator["Future[Any]"]:
    """A poll of another process that has begun to wait."""
    with ThreadPoolExecutor() as pool:
        poll = pool.submit(bot.answer, "getUpdates", timeout=25)
        # A method is on record once it was carried out; a poll that waits is on record as waiting.
        eventually(lambda: telegram.state()["polling"])
        yield poll


def test_of_two_that_poll_the_older_is_told_of_the_other(bot, polling):
    bot.call("getUpdates", timeout=0)
    answer = polling.result().json()
    assert answer == {"ok": False, "error_code": 409, "description": f"Conflict: {OTHER_POLL}"}


def test_a_webhook_ends_a_poll_that_waits(bot, polling):
    bot.call("setWebhook", url="https://shop.example/hook")
    assert polling.result().json()["description"] == "Conflict: terminated by setWebhook request"
    assert bot.refusal("getUpdates") == f"Conflict: {WEBHOOK_ACTIVE}"


class _Hook(BaseHTTPRequestHandler):
    taken: list[str]
    status: list[int]

    def do_POST(self) -> None:  # noqa: N802 - the library's name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append(body.decode())
        self.send_response(503 if self.path == "/busy" else self.status[0])
        self.send_header("Retry-After", "3600")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[HTTPServer]:
    """A webhook that keeps what it gets, and answers as it is told to; at /busy always the same."""
    handler = type("Hook", (_Hook,), {"taken": [], "status": [200]})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def point(bot: Bot, hook: HTTPServer, path: str = "/") -> None:
    """Have updates pushed there, even if another webhook was set a moment ago."""
    jump(bot.stage, 1)
    bot.call("setWebhook", url=f"http://127.0.0.1:{hook.server_port}{path}")


def test_a_refused_push_comes_again_when_the_wait_it_asked_for_has_passed(telegram, bot, hook):
    hook.RequestHandlerClass.status[0] = 503
    point(bot, hook)
    write(telegram)
    eventually(lambda: "last_error_message" in bot.call("getWebhookInfo"))
    hook.RequestHandlerClass.status[0] = 200
    jump(telegram, 3601)
    eventually(lambda: fates(telegram) == ["confirmed"])
    once, again = hook.RequestHandlerClass.taken
    assert once == again


def test_another_webhook_gets_at_once_what_the_first_refused(telegram, bot, hook):
    point(bot, hook, "/busy")
    write(telegram)
    eventually(lambda: "last_error_message" in bot.call("getWebhookInfo"))
    point(bot, hook)
    eventually(lambda: fates(telegram) == ["confirmed"])


def test_a_webhook_is_not_set_twice_within_a_second(telegram, bot):
    bot.call("setWebhook", url="https://shop.example/hook")
    answer = bot.answer("setWebhook", url="https://shop.example/hook")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    jump(telegram, 1)
    bot.call("setWebhook", url="https://shop.example/hook")
