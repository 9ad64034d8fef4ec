"""A private chat as bots use it: members, replies, deletions, commands for some, and pressed buttons."""

import threading
from typing import Any

import pytest

from tests.kit.played import ALICE, BOB
from tests.kit.processes import eventually
from tests.sandbox.conftest import Bot, control, jump

BOT_ID = 7000000002
GROUP = -1001234567890


@pytest.fixture
def alice(telegram) -> int:
    telegram.control("PATCH", f"people/{ALICE}", started=True)
    return ALICE


def test_41_both_are_members_of_a_private_chat(bot, alice):
    for who, name in ((alice, "Alice"), (BOT_ID, "Starfront")):
        member = bot.call("getChatMember", chat_id=alice, user_id=who)
        assert (member["status"], member["user"]["first_name"]) == ("member", name)
    assert bot.refusal("getChatMember", chat_id=alice, user_id=BOB) == "Bad Request: user not found"
    assert bot.refusal("getChatMember", chat_id=alice) == "Bad Request: invalid user_id specified"
    assert bot.call("getChatMemberCount", chat_id=alice) == 2


@pytest.mark.parametrize("chat", [GROUP, str(GROUP), "@night_sky"])
@pytest.mark.parametrize(
    "method", ["getChatMember", "banChatMember", "createChatInviteLink", "sendMessage", "getChat"]
)
def test_41_groups_and_channels_are_refused_in_words(bot, method, chat):
    refused = bot.refusal(method, chat_id=chat, user_id=ALICE, text="x")
    assert refused.startswith("Bad Request: chat not found")
    assert "groups and channels" in refused


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("banChatMember", "can't ban members in private chats"),
        ("unbanChatMember", "method is available for supergroup and channel chats only"),
        ("createChatInviteLink", "can't invite members to a private chat"),
        ("getChatAdministrators", "there are no administrators in the private chat"),
    ],
)
def test_41_nobody_is_shown_out_of_a_private_chat(bot, alice, method, words):
    assert bot.refusal(method, chat_id=alice, user_id=alice) == f"Bad Request: {words}"


def test_41_a_message_of_the_person_is_taken_away(telegram, bot, alice):
    theirs = telegram.control("POST", f"people/{alice}/messages", text="secret")["message_id"]
    mine = bot.call("sendMessage", chat_id=alice, text="hello")["message_id"]
    for message in (theirs, mine):
        assert bot.call("deleteMessage", chat_id=alice, message_id=message) is True
    assert telegram.messages(alice) == []
    refused = bot.refusal("deleteMessage", chat_id=alice, message_id=theirs)
    assert refused == "Bad Request: message to delete not found"


def test_41_an_old_message_stays(telegram, bot, alice):
    old = bot.call("sendMessage", chat_id=alice, text="hello")["message_id"]
    jump(telegram, 48 * 3600 + 1)
    refused = bot.refusal("deleteMessage", chat_id=alice, message_id=old)
    assert refused == "Bad Request: message can't be deleted for everyone"


def test_41_several_messages_are_taken_away_at_once(telegram, bot, alice):
    ids = [bot.call("sendMessage", chat_id=alice, text="hello")["message_id"] for _ in range(3)]
    assert bot.call("deleteMessages", chat_id=alice, message_ids=[*ids[:2], 999]) is True
    assert [one["message_id"] for one in telegram.messages(alice)] == ids[2:]


def test_41_only_messages_of_the_bot_are_edited(telegram, bot, alice):
    theirs = telegram.control("POST", f"people/{alice}/messages", text="hello")["message_id"]
    told = {"chat_id": alice, "message_id": theirs, "text": "x"}
    assert bot.refusal("editMessageText", **told) == "Bad Request: message can't be edited"
    told["message_id"] = 999
    assert bot.refusal("editMessageText", **told) == "Bad Request: message to edit not found"


WAYS = [lambda id_: {"reply_parameters": {"message_id": id_}}, lambda id_: {"reply_to_message_id": id_}]


@pytest.mark.parametrize("way", WAYS, ids=["new", "old"])
def test_41_a_reply_points_to_its_message(telegram, bot, alice, way):
    theirs = telegram.control("POST", f"people/{alice}/messages", text="When?")["message_id"]
    first = bot.call("sendMessage", chat_id=alice, text="Now", **way(theirs))
    assert (first["reply_to_message"]["message_id"], first["reply_to_message"]["text"]) == (theirs, "When?")
    second = bot.call("sendMessage", chat_id=alice, text="Really", **way(first["message_id"]))
    assert "reply_to_message" not in second["reply_to_message"]


@pytest.mark.parametrize("way", WAYS, ids=["new", "old"])
def test_41_a_reply_to_nothing_is_refused(telegram, bot, alice, way):
    refused = bot.refusal("sendMessage", chat_id=alice, text="Now", **way(999))
    assert refused == "Bad Request: message to be replied not found"
    assert telegram.messages(alice) == []


def test_41_a_reply_to_nothing_is_sent_if_that_is_allowed(bot, alice):
    told = {"reply_parameters": {"message_id": 999, "allow_sending_without_reply": True}}
    assert "reply_to_message" not in bot.call("sendMessage", chat_id=alice, text="Now", **told)
    told = {"reply_to_message_id": 999, "allow_sending_without_reply": True}
    assert "reply_to_message" not in bot.call("sendMessage", chat_id=alice, text="Now", **told)


def test_41_a_reply_quotes_what_is_there(telegram, bot, alice):
    theirs = telegram.control("POST", f"people/{alice}/messages", text="😀 When and where?")["message_id"]
    told: dict[str, Any] = {"message_id": theirs, "quote": "where"}
    message = bot.call("sendMessage", chat_id=alice, text="Here", reply_parameters=told)
    assert message["quote"] == {"text": "where", "position": 12, "is_manual": True}
    told["quote"] = "nowhere"
    refused = bot.refusal("sendMessage", chat_id=alice, text="Here", reply_parameters=told)
    assert refused == "Bad Request: QUOTE_TEXT_INVALID"


def test_41_a_person_replies(telegram, bot, alice):
    asked = bot.call("sendMessage", chat_id=alice, text="Your name?", reply_markup={"force_reply": True})
    told = {"text": "Alice", "reply_to_message_id": asked["message_id"]}
    telegram.control("POST", f"people/{alice}/messages", **told)
    [message] = bot.updates("message")
    assert message["reply_to_message"]["text"] == "Your name?"
    told["reply_to_message_id"] = 999
    assert control(telegram, "POST", f"people/{alice}/messages", told).status_code == 404


def commands(*names: str) -> list[dict[str, str]]:
    return [{"command": name, "description": name.title()} for name in names]


@pytest.fixture
def no_commands(bot) -> Any:
    scopes = [
        None,
        {"type": "all_private_chats"},
        {"type": "all_group_chats"},
        {"type": "chat", "chat_id": ALICE},
    ]

    def forget() -> None:
        for scope in scopes:
            for code in ("", "en", "ru"):
                bot.call("deleteMyCommands", scope=scope, language_code=code)

    yield
    forget()


def shown(bot: Bot, person: int) -> list[str]:
    people = bot.stage.state()["people"]
    return [one["command"] for who in people if who["id"] == person for one in who["commands"]]


def test_41_commands_are_kept_apart_by_scope_and_language(bot, alice, no_commands):
    scope = {"type": "chat", "chat_id": alice}
    bot.call("setMyCommands", commands=commands("start"))
    bot.call("setMyCommands", commands=commands("private"), scope={"type": "all_private_chats"})
    bot.call("setMyCommands", commands=commands("groups"), scope={"type": "all_group_chats"})
    bot.call(
        "setMyCommands", commands=commands("russian"), scope={"type": "all_private_chats"}, language_code="ru"
    )
    bot.call("setMyCommands", commands=commands("hers"), scope=scope)
    assert (shown(bot, alice), shown(bot, BOB)) == (["hers"], ["russian"])
    assert bot.call("getMyCommands") == commands("start")
    assert bot.call("getMyCommands", scope={"type": "default"}) == commands("start")
    assert bot.call("getMyCommands", scope={"type": "all_group_chats"}) == commands("groups")
    assert bot.call("getMyCommands", scope=scope, language_code="ru") == []
    bot.call("deleteMyCommands", scope=scope)
    bot.call("deleteMyCommands", scope={"type": "all_private_chats"}, language_code="ru")
    assert (shown(bot, alice), shown(bot, BOB)) == (["private"], ["private"])
    bot.call("deleteMyCommands", scope={"type": "all_private_chats"})
    assert shown(bot, alice) == ["start"]


@pytest.mark.parametrize(
    "scope",
    [
        {},
        {"type": "everybody"},
        {"type": "chat"},
        {"type": "chat", "chat_id": GROUP},
        {"type": "chat", "chat_id": 1},
    ],
    ids=str,
)
def test_41_a_scope_that_is_none_is_refused(bot, scope):
    if scope == {}:
        scope = {"kind": "default"}
    assert bot.refusal("setMyCommands", commands=commands("start"), scope=scope).startswith("Bad Request: ")


@pytest.mark.parametrize(
    "list_", [None, "x", [7], commands("Start"), commands("a" * 33), commands(*["a"] * 101)], ids=repr
)
def test_41_commands_that_are_none_are_refused(bot, list_):
    assert bot.refusal("setMyCommands", commands=list_).startswith("Bad Request: ")


@pytest.mark.parametrize(
    ("told", "heard"),
    [
        ({"text": "Hi", "show_alert": True}, {"text": "Hi", "show_alert": True}),
        ({"text": "Hi", "show_alert": "true"}, {"text": "Hi", "show_alert": True}),
        ({"text": "Hi", "show_alert": "false"}, {"text": "Hi", "show_alert": False}),
        ({"text": "Hi", "show_alert": "False"}, {"text": "Hi", "show_alert": False}),
        ({"text": "Hi"}, {"text": "Hi", "show_alert": False}),
        ({}, {}),
    ],
    ids=str,
)
def test_41_an_alert_is_shown_or_not(telegram, bot, alice, told, heard):
    keyboard = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}
    message = bot.call("sendMessage", chat_id=alice, text="Choose", reply_markup=keyboard)["message_id"]
    answers: list[Any] = []

    def press() -> None:
        answers.append(
            control(
                telegram, "POST", f"people/{alice}/callback", {"message_id": message, "data": "go"}
            ).json()
        )

    thread = threading.Thread(target=press)
    thread.start()
    [query] = eventually(lambda: bot.updates("callback_query"))
    bot.call("answerCallbackQuery", callback_query_id=query["id"], **told)
    thread.join(10)
    assert answers == [heard]


def test_41_a_notice_is_short(bot):
    refused = bot.refusal("answerCallbackQuery", callback_query_id="1", text="x" * 201)
    assert refused == "Bad Request: MESSAGE_TOO_LONG"


@pytest.mark.parametrize(
    "button",
    [
        {"text": "Copy", "copy_text": {"text": "SKY-2026"}},
        {"text": "Search", "switch_inline_query_current_chat": "stars"},
        {"text": "Search", "switch_inline_query_current_chat": ""},
        {"text": "Share", "switch_inline_query": ""},
        {
            "text": "Buy",
            "callback_data": "buy",
            "style": "success",
            "icon_custom_emoji_id": "5368324170671202286",
        },
        {"text": "Here", "url": "tg://user?id=5000000101"},
    ],
    ids=str,
)
def test_41_buttons_of_every_kind_are_taken(bot, alice, button):
    keyboard = {"inline_keyboard": [[button]]}
    assert bot.call("sendMessage", chat_id=alice, text="x", reply_markup=keyboard)["reply_markup"] == keyboard


@pytest.mark.parametrize("method", ["sendNothing", "x", "getme2"])
def test_41_an_unknown_method_says_what_telegram_says(bot, method):
    answer = bot.answer(method)
    told = {"ok": False, "error_code": 404, "description": "Not Found: method not found"}
    assert (answer.status_code, answer.json()) == (404, told)


def test_41_an_address_of_no_bot_is_not_found(bot):
    answer = bot.stage.http.get(f"{bot.stage.sandbox}/botnothing/getMe")
    assert (answer.status_code, answer.json()["description"]) == (404, "Not Found")


def test_41_a_place_and_a_contact_are_sent(bot, alice):
    place = bot.call("sendLocation", chat_id=alice, latitude=48.2, longitude="16.37")["location"]
    assert place == {"latitude": 48.2, "longitude": 16.37}
    contact = bot.call("sendContact", chat_id=alice, phone_number="+999661", first_name="Support")["contact"]
    assert contact == {"phone_number": "+999661", "first_name": "Support"}
    assert (
        bot.refusal("sendLocation", chat_id=alice, latitude=91, longitude=0)
        == "Bad Request: wrong location specified"
    )


def test_41_a_reaction_is_kept_for_the_phone(telegram, bot, alice):
    theirs = telegram.control("POST", f"people/{alice}/messages", text="Thanks")["message_id"]
    told = {"chat_id": alice, "message_id": theirs}
    assert bot.call("setMessageReaction", **told, reaction=[{"type": "emoji", "emoji": "👍"}]) is True
    assert telegram.messages(alice)[0]["reactions"] == ["👍"]
    assert (
        bot.refusal("setMessageReaction", **told, reaction=[{"type": "paid"}])
        == "Bad Request: REACTION_INVALID"
    )
