"""What a call says, however it is written: as a query, a form, in parts or as JSON."""

import json
from typing import Any

import httpx
import pytest

from tests.kit.played import ALICE
from tests.kit.processes import TOKEN
from tests.sandbox.conftest import Bot

LIKE_JSON = ['{"order": 1, "ok": true}', "{}", "[]", "[1, 2]", '{"a":1,  "b":[ ]}', '"quoted"', "{broken"]
KEYBOARD = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}


@pytest.fixture
def alice(telegram, bot) -> int:
    telegram.control("PATCH", f"people/{ALICE}", started=True)
    return ALICE


def write(bot: Bot, how: str, method: str, **params: Any) -> Any:
    """Call a method as one client or another writes it, and return the result."""
    address = f"{bot.stage.sandbox}/bot{TOKEN}/{method}"
    flat = {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}
    ways: dict[str, dict[str, Any]] = {
        "query": {"params": flat},
        "form": {"data": flat},
        "parts": {"files": {name: (None, value) for name, value in flat.items()}},
        "JSON": {"json": params},
        "JSON of texts": {"json": flat},
    }
    answer: httpx.Response = bot.stage.http.post(address, **ways[how])
    told = answer.json()
    assert told["ok"], told
    return told["result"]


EVERY_WAY = pytest.mark.parametrize("how", ["query", "form", "parts", "JSON", "JSON of texts"])


@EVERY_WAY
@pytest.mark.parametrize("words", LIKE_JSON)
def test_39_a_payload_that_looks_like_json_survives_byte_for_byte(telegram, bot, how, words):
    invoice = {"title": words[:32], "description": words, "payload": words, "currency": "XTR"}
    write(bot, how, "createInvoiceLink", **invoice, prices=[{"label": words, "amount": 5}])
    [made] = telegram.control("GET", "invoices")
    assert (made["payload"], made["title"], made["description"]) == (words, words, words)


@EVERY_WAY
@pytest.mark.parametrize("words", LIKE_JSON)
def test_39_a_message_that_looks_like_json_is_its_text(bot, alice, how, words):
    assert write(bot, how, "sendMessage", chat_id=alice, text=words)["text"] == words


@EVERY_WAY
def test_39_what_the_bot_api_serialises_is_read_however_it_is_written(bot, alice, how):
    told = {"reply_markup": KEYBOARD, "entities": [{"type": "bold", "offset": 0, "length": 2}]}
    sent = write(bot, how, "sendMessage", chat_id=alice, text="Hello", **told)
    assert (sent["reply_markup"], sent["entities"]) == (told["reply_markup"], told["entities"])


@EVERY_WAY
def test_39_numbers_and_flags_are_read_however_they_are_written(bot, alice, how):
    assert write(bot, how, "getStarTransactions", offset=0, limit=5) == {"transactions": []}
    assert write(bot, how, "deleteWebhook", drop_pending_updates=True) is True


@pytest.mark.parametrize("raw", ['{"b": 1,  "a": [2 ,3]}', "[ 1,2 ]", "12", "true"])
def test_39_a_text_written_as_a_native_value_is_its_source(telegram, bot, raw):
    rest = json.dumps({"title": "A", "description": "B", "currency": "XTR"})[1:]
    prices = json.dumps(json.dumps([{"label": "A", "amount": 5}]))
    body = f'{{"payload": {raw} , "prices": {prices}, {rest}'
    headers = {"Content-Type": "application/json"}
    bot.stage.http.post(f"{bot.stage.sandbox}/bot{TOKEN}/createInvoiceLink", content=body, headers=headers)
    [made] = telegram.control("GET", "invoices")
    assert made["payload"] == raw


@pytest.mark.parametrize(
    "raw", ["", "{", "[1]", '"words"', "null", '{"a" 1}', '{"a": }', '{"a": 1,}', "{} {}"]
)
def test_39_a_body_that_is_no_object_is_refused(bot, raw):
    headers = {"Content-Type": "application/json"}
    address = f"{bot.stage.sandbox}/bot{TOKEN}/getMe"
    told = bot.stage.http.post(address, content=raw or " ", headers=headers).json()
    assert (told["ok"], told["error_code"]) == (False, 400)
    assert "JSON" in told["description"]


@pytest.mark.parametrize(
    ("method", "name", "words"),
    [
        ("sendMessage", "reply_markup", "can't parse reply keyboard markup JSON object"),
        ("sendMessage", "entities", "can't parse entities JSON object"),
        ("createInvoiceLink", "prices", "can't parse prices JSON object"),
        ("setMyCommands", "commands", "can't parse commands JSON object"),
        ("setMyCommands", "scope", "can't parse BotCommandScope JSON object"),
        ("setChatMenuButton", "menu_button", "can't parse menu button JSON object"),
        ("sendMessage", "reply_parameters", "can't parse reply parameters JSON object"),
        ("getUpdates", "allowed_updates", "can't parse allowed_updates"),
    ],
)
def test_39_what_should_be_json_and_is_not_is_refused_in_words(bot, alice, method, name, words):
    told: dict[str, Any] = {"chat_id": alice, "text": "x", "commands": [], "currency": "XTR"}
    told |= {"title": "A", "description": "B", "payload": "C", name: "{no JSON"}
    assert bot.refusal(method, **told).startswith(f"Bad Request: {words}")
