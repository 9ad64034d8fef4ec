"""Keyboards: which of them a message is returned with, and which are the phone's alone."""

from typing import Any

import pytest

from tests.kit.played import ALICE
from tests.sandbox.conftest import control

REPLIES: list[dict[str, Any]] = [
    {"keyboard": [["Catalogue", "Help"]]},
    {"keyboard": [[{"text": "My number", "request_contact": True}]], "resize_keyboard": True},
    {"remove_keyboard": True},
    {"force_reply": True, "input_field_placeholder": "Your name"},
]
INLINE = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}


@pytest.fixture
def alice(telegram) -> int:
    telegram.control("PATCH", f"people/{ALICE}", started=True)
    return ALICE


@pytest.mark.parametrize("markup", REPLIES, ids=lambda one: next(iter(one)))
def test_38_a_reply_keyboard_is_not_echoed(telegram, bot, alice, markup):
    sent = bot.call("sendMessage", chat_id=alice, text="Choose", reply_markup=markup)
    assert "reply_markup" not in sent
    [kept] = telegram.messages(alice)
    assert kept["reply_keyboard"] == markup


def test_38_an_inline_keyboard_is_echoed(bot, alice):
    sent = bot.call("sendMessage", chat_id=alice, text="Choose", reply_markup=INLINE)
    assert sent["reply_markup"] == INLINE


def test_38_a_message_replied_to_or_pressed_tells_no_reply_keyboard(telegram, bot, alice):
    asked = bot.call("sendMessage", chat_id=alice, text="Choose", reply_markup=REPLIES[0])
    told = {"chat_id": alice, "message_id": asked["message_id"], "text": "Choose again"}
    assert "reply_keyboard" not in bot.call("editMessageText", **told)


LINK = "inline keyboard button URL"
BUTTON = "can't parse inline keyboard button: "


def of_one(button: Any) -> dict[str, Any]:
    return {"inline_keyboard": [[button]]}


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ([], "object expected as reply markup"),
        (7, "object expected as reply markup"),
        ({"keyboard": "Yes"}, 'field "keyboard" must be of type Array'),
        ({"keyboard": ["Yes"]}, 'field "keyboard" must be an Array of Arrays'),
        ({"keyboard": [[{}]]}, "can't parse keyboard button: Can't find field \"text\""),
        ({"keyboard": [[7]]}, "can't parse keyboard button: KeyboardButton must be an Object"),
        ({"inline_keyboard": {}}, 'field "inline_keyboard" must be of type Array'),
        ({"inline_keyboard": [{}]}, 'field "inline_keyboard" must be an Array of Arrays'),
        (of_one("Go"), f"{BUTTON}InlineKeyboardButton must be an Object"),
        (of_one({"text": "Go"}), f"{BUTTON}Text buttons are unallowed in the inline keyboard"),
        (of_one({"callback_data": "x"}), f'{BUTTON}Can\'t find field "text"'),
        (of_one({"text": "Go", "url": None}), f'{BUTTON}Field "url" must be of type String'),
        (of_one({"text": "Go", "callback_data": "x" * 65}), "BUTTON_DATA_INVALID"),
        (of_one({"text": "Go", "callback_data": ""}), "BUTTON_DATA_INVALID"),
        (
            of_one({"text": "Go", "url": "nonsense"}),
            f"{LINK} 'nonsense' is invalid: Wrong",
        ),
        (
            of_one({"text": "Go", "url": "happ://add"}),
            f"{LINK} 'happ://add' is invalid: Unsup",
        ),
        (
            of_one({"text": "Go", "web_app": {"url": "http://shop.example"}}),
            "inline keyboard button Web App URL",
        ),
        (of_one({"text": "Go", "copy_text": {"text": "x" * 257}}), "BUTTON_COPY_TEXT_INVALID"),
        (of_one({"text": "Play", "callback_game": {}}), "the sandbox plays no games"),
        (of_one({"text": "Pay", "pay": True}), "BUTTON_TYPE_INVALID"),
    ],
    ids=str,
)
def test_38_a_keyboard_that_is_none_is_refused(telegram, bot, alice, markup, words):
    refused = bot.refusal("sendMessage", chat_id=alice, text="Choose", reply_markup=markup)
    assert refused.startswith(f"Bad Request: {words}")
    assert telegram.messages(alice) == []


@pytest.mark.parametrize("markup", REPLIES, ids=lambda one: next(iter(one)))
def test_38_an_edited_message_takes_inline_keyboards_alone(bot, alice, markup):
    sent = bot.call("sendMessage", chat_id=alice, text="Choose")
    told = {"chat_id": alice, "message_id": sent["message_id"], "reply_markup": markup}
    assert bot.refusal("editMessageReplyMarkup", **told) == "Bad Request: inline keyboard expected"


def test_38_an_empty_keyboard_is_none(bot, alice):
    sent = bot.call("sendMessage", chat_id=alice, text="Choose", reply_markup={"inline_keyboard": []})
    assert "reply_markup" not in sent
    kept = bot.call("sendMessage", chat_id=alice, text="Choose", reply_markup=INLINE)
    told = {"chat_id": alice, "message_id": kept["message_id"]}
    assert "reply_markup" not in bot.call("editMessageReplyMarkup", **told)


def test_38_a_number_is_shared_by_a_button_that_asks_for_it(telegram, bot, alice):
    contact = telegram.control("POST", f"people/{alice}/contacts")["contact"]
    assert contact["user_id"] == alice
    [message] = bot.updates("message")
    assert message["contact"] == contact
    assert contact["phone_number"].isdigit()


def test_38_a_place_is_shared_by_a_button_that_asks_for_it(telegram, bot, alice):
    telegram.control("POST", f"people/{alice}/locations", latitude=48.2, longitude=16.37)
    [message] = bot.updates("message")
    assert message["location"] == {"latitude": 48.2, "longitude": 16.37}


@pytest.mark.parametrize(
    "body", [{}, {"latitude": 91, "longitude": 0}, {"latitude": "1", "longitude": 0}], ids=str
)
def test_38_a_place_that_is_none_cannot_be_shared(telegram, alice, body):
    assert control(telegram, "POST", f"people/{alice}/locations", body).status_code == 400
    assert telegram.messages(alice) == []
