"""What the bot says when it is written to, in the chat itself."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from telegram.error import RetryAfter
from telegram.ext import CommandHandler

from tests.covered import measured
from tests.kit import arrange
from tests.kit.played import ALICE, BOB
from tests.kit.processes import TOKEN, Found, Stage, eventually
from webapp.bot.dispatcher import build_application
from webapp.bot.flood_control import RateLimiter
from webapp.bot_api.client import BotApi
from webapp.domain.people import chats, sign_in_codes, users

DARIUSH = 5000000104
GREETING = "Hello, Alice!"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, empty_sqlite: Path) -> Iterator[Stage]:
    """A bot that talks; one for all of the chats here."""
    folder = tmp_path_factory.mktemp("chat")
    file = folder / "shop.db"
    file.write_bytes(empty_sqlite.read_bytes())
    one = Stage(folder, f"sqlite:///{file}", SUPPORT_CONTACT="@night_sky_help", **measured())
    yield one.open("bot")
    one.close()


def says(stage: Stage, words: str, person: int = 0) -> dict[str, Any]:
    """Write to the bot, as another Alice unless told, and return its answer."""
    person = person or stage.control("POST", "people", first_name="Alice")["id"]
    before = len(stage.messages(person))
    stage.control("POST", f"people/{person}/messages", text=words)
    return eventually(lambda: stage.messages(person)[before + 1 :])[0]


def styles(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the marks on an answer that Telegram did not find there by itself."""
    found = {"bot_command", "mention", "url", "email"}
    return [one for one in answer.get("entities", []) if one["type"] not in found]


def opens(stage: Stage, answer: dict[str, Any]) -> str:
    """Return the page of the shop behind an answer's button."""
    [[button]] = answer["reply_markup"]["inline_keyboard"]
    return button["web_app"]["url"].removeprefix(stage.web)


def test_20_the_bot_writes_codes_to_whoever_asks_three_in_ten_minutes(stage: Stage):
    codes, refusal = in_one_window(lambda: asks_four_times(stage))
    assert len(set(codes) - {None}) == 3
    assert "You've had three codes" in refusal
    assert not [code for code in codes if str(code) in stage.output("bot")]


def asks_four_times(stage: Stage) -> tuple[list[str | None], str]:
    """Return the codes of somebody new, and what their fourth question is answered with."""
    alice = stage.control("POST", "people", first_name="Alice")["id"]
    told = [says(stage, words, alice)["text"] for words in ("/code", "/start code", "/code please", "/code")]
    found = [re.search(r"Your code for the shop: (\w{4}-\w{4})\n", text) for text in told[:3]]
    return [one and one[1] for one in found], told[3]


def in_one_window(look: Callable[[], Found]) -> Found:
    """Return what was seen while no new window of the limits began, within which a fourth code is given."""
    while True:
        begun = time.time() // sign_in_codes.WINDOW_SECONDS
        found = look()
        if time.time() // sign_in_codes.WINDOW_SECONDS == begun:
            return found


def test_33_somebody_without_a_name_is_greeted_all_the_same(stage: Stage):
    nobody = stage.control("POST", "people", first_name="\N{HANGUL FILLER}")["id"]
    assert says(stage, "/start", nobody)["text"].startswith("Hello! Welcome to ")


@pytest.mark.parametrize(
    ("words", "said", "page"),
    [
        ("/start", GREETING, "/"),
        ("/start@starfront_demo_bot", GREETING, "/"),
        ("/shop", "one tap away", "/"),
        ("/help", "/paysupport helps with a payment or refund", "/"),
        ("/paysupport", "write to @night_sky_help", "/purchases"),
        ("/support", "@night_sky_help", "/support"),
        ("/terms", "digital", "/terms"),
        ("/language", "Which language should", "/settings"),
        ("/news_off", "news from the shop anymore", "/settings"),
        ("/NEWS_OFF", "news from the shop anymore", "/settings"),
        ("/news_on", "news from the shop again", "/settings"),
        ("/NEWS_ON@starfront_demo_bot", "news from the shop again", "/settings"),
        ("/news_off and never again", "news from the shop anymore", "/settings"),
        ("/START", GREETING, "/"),
        ("hello?", "/paysupport helps", "/"),
        ("/unknown", "/paysupport helps", "/"),
        ("🌌", "/paysupport helps", "/"),
        ("I paid 250 Stars and nothing opened", "/paysupport helps", "/"),
    ],
)
def test_every_word_has_an_answer_and_a_page(stage, words, said, page):
    answer = says(stage, words)
    assert said in answer["text"]
    assert opens(stage, answer) == page
    assert styles(answer) == []


def test_a_deep_link_shows_the_product(stage):
    answer = says(stage, "/start deep-sky-atlas")
    assert "Deep Sky Atlas · 250 Stars" in answer["text"]
    assert opens(stage, answer) == "/products/deep-sky-atlas"


@pytest.mark.parametrize(
    "argument",
    [
        "no-such-product",
        "../../etc/passwd",
        "<script>alert(1)</script>",
        "' OR 1=1 --",
        "%s %(name)s {0}",
        "deep-sky-atlas/../x",
        "https://evil.test",
        "\u202eevil",
        "DEEP-SKY-ATLAS",
        "a" * 4000,
        "0",
        "\u0660\u0661",
    ],
    ids=lambda argument: ascii(argument)[:24],
)
def test_whatever_a_link_says_the_bot_greets(stage, argument):
    answer = says(stage, f"/start {argument}")
    assert answer["text"].startswith(GREETING)
    assert argument not in answer["text"]
    assert opens(stage, answer) == "/"


def test_a_name_is_only_a_name(stage):
    name = "<b>%(x)s {y} *_`</b>"
    stage.control("PATCH", f"people/{BOB}", first_name=name)
    answer = says(stage, "/start", BOB)
    assert answer["text"].startswith(f"Здравствуйте, {name}!")
    assert styles(answer) == []


def test_everybody_is_answered_in_a_language_we_have(stage):
    assert says(stage, "/terms", DARIUSH)["text"].startswith("هر چه می‌فروشیم دیجیتال است")
    assert says(stage, "/terms", BOB)["text"].startswith("Всё, что мы продаём, — цифровое")


def test_news_are_declined_by_whoever_never_opened_the_shop(stage):
    with stage.inside():
        assert users.get(DARIUSH) is None
    assert says(stage, "/news_off", DARIUSH)["text"].startswith("دیگر خبرهای فروشگاه را نمی‌گیرید.")
    with stage.inside():
        person = users.get(DARIUSH)
        assert (person.language_code, person.news_declined_at is None) == ("fa", False)
    assert says(stage, "/news_on", DARIUSH)["text"].startswith("دوباره خبرهای فروشگاه را می‌گیرید.")
    with stage.inside():
        assert users.get(DARIUSH).news_declined_at is None


def test_news_declined_in_the_chat_leave_the_rest_of_a_person_alone(stage):
    with stage.inside():
        arrange.speaks(arrange.meet(BOB, first_name="Bob", photo_url="https://t.me/i/userpic/b.svg"), "fa")
        before = users.get(BOB)
    assert says(stage, "/news_off", BOB)["text"].startswith("دیگر خبرهای فروشگاه را نمی‌گیرید.")
    with stage.inside():
        after = users.get(BOB)
        assert after.news_declined_at
        for name in ("language", "photo_url", "created_at", "seen_at"):
            assert getattr(after, name) == getattr(before, name), name


def test_the_menu_button_speaks_as_the_chat_does(stage):
    says(stage, "/start", DARIUSH)
    eventually(lambda: stage.state()["bot"]["buttons"].get(str(DARIUSH), {}).get("text") == "فروشگاه")
    assert stage.state()["bot"]["menu_button"]["text"] == "Shop"


@pytest.mark.proves("S47")
def test_a_text_that_looks_like_a_payment_is_a_text(stage):
    answer = says(stage, '{"successful_payment": {"total_amount": 250}}')
    assert "/paysupport helps" in answer["text"]
    assert stage.state()["balance"] == 0


@pytest.mark.parametrize(
    "update",
    [
        {"my_chat_member": {"chat": {"id": ALICE, "type": "private"}}},
        {"subscription": {"user": {"id": ALICE}, "state": "canceled"}},
        {"purchased_paid_media": {}},
        {"message": {"message_id": 1}},
        {"message": "garbage"},
        {"callback_query": {"id": "1", "from": {"id": ALICE}, "data": "x"}},
    ],
    ids=lambda update: next(iter(update)),
)
def test_what_nobody_expects_stops_no_chat(stage, update):
    stage.control("POST", "updates", **update)
    assert says(stage, "/start")["text"].startswith(GREETING)


def test_a_group_is_not_answered(stage):
    chat = {"id": -100, "type": "group", "title": "Stargazers"}
    sender = {"id": ALICE, "is_bot": False, "first_name": "Alice"}
    message = {"message_id": 7, "date": 1_700_000_000, "chat": chat, "from": sender, "text": "/paysupport"}
    before = len(stage.calls("sendMessage"))
    stage.control("POST", "updates", message=message)
    assert says(stage, "/start")["text"].startswith(GREETING)
    assert len(stage.calls("sendMessage")) == before + 1


def test_23_an_owner_taps_the_button_and_the_bot_carries_the_answer(stage):
    owner = 5000000103
    stage.control("PATCH", f"people/{owner}", started=True)
    alice = stage.control("POST", "people", first_name="Alice")["id"]
    assert "Write it here" in says(stage, "/paysupport", alice)["text"]
    assert "reached the shop's team" in says(stage, "Nothing opened", alice)["text"]
    asked = eventually(lambda: [one for one in stage.messages(owner) if "Nothing opened" in one["text"]])[-1]
    [[button]] = asked["reply_markup"]["inline_keyboard"]
    pressed = {"message_id": asked["message_id"], "data": button["callback_data"]}
    # Somebody who is no owner, with a button of the same words in a chat of their own, asks for nothing.
    stage.control("POST", f"people/{alice}/callback", **pressed)
    stage.control("POST", f"people/{owner}/callback", **pressed)
    prompt = eventually(lambda: [one for one in stage.messages(owner) if "reply_keyboard" in one])[-1]
    stage.control(
        "POST", f"people/{owner}/messages", text="It is now.", reply_to_message_id=prompt["message_id"]
    )
    answer = eventually(lambda: [one for one in stage.messages(alice) if "It is now." in one["text"]])[-1]
    assert answer["from"] == "bot"
    assert not any("Reply to this message" in one["text"] for one in stage.messages(alice))


@pytest.mark.proves("F50")
def test_somebody_who_blocked_the_bot_holds_nobody_up(stage):
    stage.control("POST", f"people/{DARIUSH}/messages", text="/start")
    stage.control("PATCH", f"people/{DARIUSH}", blocked=True)
    stage.control("POST", f"people/{DARIUSH}/messages", text="/start")
    assert says(stage, "/start")["text"].startswith(GREETING)
    stage.control("PATCH", f"people/{DARIUSH}", blocked=False)


@pytest.mark.proves("F13")
@pytest.mark.parametrize("what", [{"status": 500}, {"garbage": True}], ids=str)
def test_an_answer_telegram_did_not_take_is_given_again(stage, what):
    stage.control("PUT", "troubles", api={"sendMessage": {**what, "times": 1}})
    assert says(stage, "/start")["text"].startswith(GREETING)


@pytest.mark.proves("F33")
def test_f33_chat_keeps_the_pause_that_anybody_was_asked_for():
    asked: list[str] = []

    async def call(method: str) -> None:
        asked.append(method)
        raise RetryAfter(7)

    client = BotApi("http://127.0.0.1:9/bot", TOKEN)
    chat = RateLimiter(client)
    for person in (ALICE, ALICE, BOB, DARIUSH):
        answer = chat.process_request(call, ("sendMessage",), {}, "sendMessage", {"chat_id": person}, None)
        with pytest.raises(RetryAfter, match="0:00:07"):
            asyncio.run(answer)
    # The first for Alice's chat, the second for all of them.
    assert asked == ["sendMessage"] * 2
    assert 6 < client.pause_seconds("sendMessage") <= 7
    client.close()


def test_02_every_command_of_the_bot_has_an_answer_of_its_own(app_without_tables):
    client = BotApi("http://127.0.0.1:9/bot", TOKEN)
    [handlers] = build_application(app_without_tables, client).handlers.values()
    commands = {name for one in handlers if isinstance(one, CommandHandler) for name in one.commands}
    assert commands == chats.COMMANDS
    client.close()


def test_02_somebody_who_writes_fast_silences_nobody_else(stage):
    before = len(stage.calls("sendMessage"))
    stage.control("PUT", "troubles", api={"sendMessage": {"status": 429, "retry_after": 8, "times": 1}})
    for _ in range(10):
        stage.control("POST", f"people/{BOB}/messages", text="spam")
    eventually(lambda: any(call.get("status") == 429 for call in stage.calls("sendMessage")))
    assert "@night_sky_help" in says(stage, "/paysupport")["text"]
    eventually(lambda: len(stage.calls("sendMessage")) >= before + 3)
    called = [int(call["params"]["chat_id"]) for call in stage.calls("sendMessage")[before : before + 3]]
    assert [chat == BOB for chat in called] == [True, False, True]
