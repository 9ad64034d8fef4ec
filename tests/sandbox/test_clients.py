"""Public clients of the Bot API, each with a bot as its own examples are, in the sandbox and unchanged."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit import npm
from tests.kit.played import ALICE
from tests.kit.processes import ROOT, TOKEN, Stage, eventually
from tests.sandbox.conftest import stars

HERE = Path(__file__).parent / "clients"
IMPORT_SECONDS = 240  # aiogram builds hundreds of models first, which a busy machine takes its time for
CLIENTS = ["ptb", "aiogram", "telebot", "grammy"]


def _command(client: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Return how a bot is run, and what it has to know."""
    if client != "grammy":
        return [sys.executable, "-m", f"tests.sandbox.clients.with_{client}"], {}
    library = folder / "grammy.mjs"
    library.write_bytes(npm.read("grammy@1.46.0", "out/web.mjs"))
    return [npm.NODE, str(HERE / "with_grammy.mjs")], {"GRAMMY": library.as_uri()}


@pytest.fixture(params=CLIENTS)
def running(request: pytest.FixtureRequest, telegram: Stage, tmp_path: Path) -> Iterator[Stage]:
    """The sandbox, with a bot that polls it."""
    command, told = _command(request.param, tmp_path)
    environment = {**os.environ, "TOKEN": TOKEN, "BOT_API": telegram.sandbox, **told}
    with open(tmp_path / "bot.log", "wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)

    def polls() -> bool:
        assert process.poll() is None, (tmp_path / "bot.log").read_text()
        return bool(telegram.state()["polling"])

    try:
        eventually(polls, seconds=IMPORT_SECONDS)
        yield telegram
    finally:
        process.kill()
        process.wait(10)


def says(telegram: Stage, words: str) -> dict[str, Any]:
    """Write to the bot, and return what it answers."""
    before = len(telegram.messages(ALICE))
    telegram.control("POST", f"people/{ALICE}/messages", text=words)
    return answer(telegram, before + 1)


def answer(telegram: Stage, after: int) -> dict[str, Any]:
    def look() -> list[dict[str, Any]]:
        return [one for one in telegram.messages(ALICE)[after:] if one["from"] == "bot"]

    return dict(eventually(look)[0])


def test_42_a_public_client_sells_refunds_reads_and_asks(running):
    welcome = says(running, "/start")
    assert welcome["text"] == "Welcome"
    assert len(welcome["reply_keyboard"]["keyboard"][0]) >= 2

    before = len(running.messages(ALICE))
    number = running.control("POST", f"people/{ALICE}/contacts")["contact"]["phone_number"]
    replied = answer(running, before + 1)
    assert replied["text"] == f"Number: {number}"
    assert replied["reply_to_message_id"]

    invoice = says(running, "Buy")["invoice"]
    before = len(running.messages(ALICE))
    paid = running.control("POST", f"invoices/{invoice['slug']}/pay", person=ALICE)
    assert paid["status"] == "paid", paid
    [charge] = running.control("GET", "charges")
    assert charge["payload"] == '{"order": 1, "ok": true}'

    thanks = answer(running, before + 1)
    assert (thanks["text"], thanks["entities"][0]["type"]) == ("Thanks!", "bold")
    pressed = {"message_id": thanks["message_id"], "data": "refund"}
    notice = running.control("POST", f"people/{ALICE}/callback", **pressed)
    assert notice == {"text": "Refunded", "show_alert": True}
    assert stars(running, ALICE) == 500

    statement = says(running, "Statement")
    assert (statement["text"], statement["reply_keyboard"]["remove_keyboard"]) == ("Statement: +30 -30", True)
    edited = next(one for one in running.messages(ALICE) if one["message_id"] == thanks["message_id"])
    assert (edited["text"], edited["entities"][0]["type"]) == ("Refunded", "bold")
    assert "reply_markup" not in edited
    assert refusals(running) == []


def refusals(telegram: Stage) -> list[Any]:
    """Return the calls that Telegram refused: of a bot that works there are none."""
    return [(one["method"], one["error"]) for one in telegram.control("GET", "calls") if "error" in one]
