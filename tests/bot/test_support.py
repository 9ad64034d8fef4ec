"""What people write after /support reaches the owners, and what these answer comes back, each once."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from tests.kit import arrange
from tests.kit.factories import make_config
from tests.kit.hands import Hands, on_sqlite, rows
from tests.kit.played import ALICE, BOB, CARMEN, told, trouble
from tests.kit.processes import Stage
from webapp import clock, create_app
from webapp.bot_api.client import BotApi
from webapp.config import Config, ConfigError, load
from webapp.db.engine import db
from webapp.db.models import InboxItem, OutboxMessage, SupportMessage, SupportRelay
from webapp.domain.owner import support
from webapp.ops.doctor import shop as shop_doctor
from webapp.ops.doctor import work as work_doctor
from webapp.texts import chat
from webapp.usecases import receiving

OWNER = CARMEN
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Desk:
    """People and owners who write to the bot, and a bot that does what it does with that."""

    def __init__(self, telegram: Stage, hands: Hands) -> None:
        self.telegram, self.hands = telegram, hands
        self.client: BotApi = hands.worker.context.client
        self.offset = 0

    def says(self, person: int, words: str, **facts: Any) -> list[InboxItem]:
        """Have a person write, and return what is left for the bot itself to answer."""
        self.telegram.control("POST", f"people/{person}/messages", text=words, **facts)
        return self.work()

    def work(self) -> list[InboxItem]:
        self.fetch()
        self.hands.send_all()  # receipts come before chat
        left = self.take()
        self.hands.send_all()
        return left

    def fetch(self) -> None:
        updates = self.client.call("getUpdates", {"offset": self.offset, "timeout": 0})
        for update in updates:
            receiving.receive(update, "polling", self.hands.worker.context)
            self.offset = update["update_id"] + 1

    def take(self) -> list[InboxItem]:
        self.hands.wait(1)  # a chat has one reply a second
        left = self.hands.worker.claim_chat()
        for item in left:
            self.hands.worker.finish(item)
        return left

    def last(self, person: int) -> dict[str, Any]:
        found: dict[str, Any] = self.telegram.messages(person)[-1]
        return found

    def relayed(self) -> dict[str, Any]:
        """Return the last message in the owner's chat that somebody's words are in."""
        return next(
            one
            for one in reversed(self.telegram.messages(OWNER))
            if "wrote to the shop" in one.get("text", "")
        )

    def answers(self, words: str) -> list[InboxItem]:
        return self.says(OWNER, words, reply_to_message_id=self.relayed()["message_id"])


@pytest.fixture
def desk(telegram: Stage, app: Flask, hands: Hands) -> Desk:
    return Desk(telegram, hands)


def test_23_what_is_written_after_paysupport_reaches_the_owner_and_the_answer_comes_back(
    desk, telegram, alice
):
    arrange.pay(arrange.facts(arrange.order(alice, now=clock.now()), charged_at=clock.now()), now=clock.now())
    assert [item.kind for item in desk.says(ALICE, "/paysupport")] == ["message"]
    assert desk.says(ALICE, "I paid 250 Stars\nand nothing opened") == []
    relay = desk.last(OWNER)["text"]
    for words in (
        "Alice",
        str(ALICE),
        "Atlas, 250 Stars",
        "charge-1",
        "I paid 250 Stars\nand nothing opened",
    ):
        assert words in relay
    assert "reached the shop's team" in desk.last(ALICE)["text"]
    assert desk.answers("Look again: it is open.") == []
    answer = desk.last(ALICE)
    assert answer["from"] == "bot"
    assert answer["text"] == "The shop's answer:\n\nLook again: it is open."
    assert desk.says(ALICE, "Thank you!") == []
    assert "Thank you!" in desk.last(OWNER)["text"]
    kept = [(one.text, one.answered_by) for one in support.messages_of(ALICE)]
    assert kept == [
        ("I paid 250 Stars\nand nothing opened", None),
        ("Look again: it is open.", OWNER),
        ("Thank you!", None),
    ]


@on_sqlite
def test_23_every_word_arrives_however_fast_it_is_written(desk, telegram, alice):
    desk.says(ALICE, "/support")
    for number in range(8):
        telegram.control("POST", f"people/{ALICE}/messages", text=f"word {number}")
    telegram.control("POST", f"people/{ALICE}/messages", text="word 0")
    assert desk.work() == []
    arrived = [words.rpartition("\n\n")[2] for words in told(telegram, OWNER) if "word" in words]
    assert arrived == [*(f"word {number}" for number in range(8)), "word 0"]
    assert len([words for words in told(telegram, ALICE) if "reached the shop's team" in words]) == 1


def test_23_the_same_update_twice_or_taken_by_two_processes_is_carried_once(desk, telegram, alice, app):
    desk.says(ALICE, "/support")
    telegram.control("POST", f"people/{ALICE}/messages", text="Hello?")
    [update] = desk.client.call("getUpdates", {"offset": desk.offset, "timeout": 0})
    for _ in range(2):
        receiving.receive(update, "polling", desk.hands.worker.context)
    before = len(rows(OutboxMessage))
    item = next(one for one in rows(InboxItem) if "Hello?" in one.body)
    # A lease that ran out: another process has the same item.
    assert desk.hands.worker._carry(item)
    assert desk.hands.worker._carry(item)
    assert len(rows(OutboxMessage)) == before + 2  # to the owner, and that it arrived
    assert len(rows(SupportMessage)) == 1


@on_sqlite
@pytest.mark.parametrize(
    ("words", "is_carried"),
    [
        ("/support it does not open", True),
        ("/PAYSUPPORT@starfront_demo_bot it does not open", True),
        ("/unknown it does not open", False),
        ("it does not open", False),
        ("/shop it does not open", False),
    ],
)
def test_23_words_beside_the_command_are_carried_and_others_are_the_bots(
    desk, telegram, alice, words, is_carried
):
    left = desk.says(ALICE, words)
    assert (left == []) is is_carried
    assert any("it does not open" in said for said in told(telegram, OWNER)) is is_carried


@on_sqlite
def test_23_commands_in_between_are_answered_and_three_days_later_nobody_listens(desk, telegram, alice):
    desk.says(ALICE, "/support")
    assert len(desk.says(ALICE, "/shop")) == 1
    assert desk.says(ALICE, "Are you there?") == []
    desk.hands.wait(3 * 24 * 3600 + 60)
    assert len(desk.says(ALICE, "Nobody?")) == 1
    assert not any("Nobody?" in said for said in told(telegram, OWNER))


@on_sqlite
def test_23_a_flood_is_limited_and_said_in_words(desk, telegram, alice, bob, monkeypatch):
    monkeypatch.setattr(support, "MESSAGES_AN_HOUR", 3)
    monkeypatch.setattr(support, "MESSAGES_AN_HOUR_ALTOGETHER", 4)
    # Not at the end of an hour, when the next window begins.
    desk.hands.wait(3600 - clock.now().timestamp() % 3600 + 60)
    desk.says(ALICE, "/support")
    for number in range(6):
        desk.says(ALICE, f"flood {number}")
    assert len([words for words in told(telegram, OWNER) if "flood" in words]) == 3
    noes = [words for words in told(telegram, ALICE) if "didn't reach" in words]
    assert len(noes) == 1
    assert "Write again in 5" in noes[0]
    # Who floods takes nothing from the others' share.
    desk.says(BOB, "/support")
    desk.says(BOB, "one")
    desk.says(BOB, "two")
    assert [words.endswith("one") for words in told(telegram, OWNER)[-1:]] == [True]
    assert "Магазин получает больше сообщений" in desk.last(BOB)["text"]
    assert len(rows(SupportMessage)) == 4
    desk.hands.wait(3600)
    desk.says(ALICE, "an hour later")
    assert told(telegram, OWNER)[-1].endswith("an hour later")


@on_sqlite
def test_23_a_picture_is_carried_both_ways(desk, telegram, alice):
    desk.says(ALICE, "/support")
    telegram.control("POST", f"people/{ALICE}/photos", content=PICTURE, caption="This is what I see")
    assert desk.work() == []
    heading, picture = telegram.messages(OWNER)[-2:]
    assert "This is what I see" in heading["text"]
    assert "Their message follows: photo." in heading["text"]
    assert picture["photo"]
    telegram.control(
        "POST", f"people/{OWNER}/photos", content=PICTURE, reply_to_message_id=picture["message_id"]
    )
    assert desk.work() == []
    heading, picture = telegram.messages(ALICE)[-2:]
    assert heading["text"] == "The shop's answer:"
    assert picture["photo"]
    assert [one.media for one in support.messages_of(ALICE)] == ["photo", "photo"]


@on_sqlite
def test_23_the_longest_text_arrives_whole(desk, telegram, alice):
    desk.says(ALICE, "/support")
    words = "".join(f"{number % 1000:03}✨" for number in range(1024))
    assert desk.says(ALICE, words) == []
    parts = [said.rpartition("\n\n")[2] for said in told(telegram, OWNER) if "wrote to the shop" in said]
    assert "".join(parts) == words
    assert desk.answers(words) == []
    arrived = told(telegram, ALICE)[-len(support._parts(words)) :]
    assert "".join(arrived) == f"The shop's answer:\n\n{words}"


@on_sqlite
def test_23_what_a_person_writes_cannot_pass_for_the_shops_words(desk, telegram, alice):
    telegram.control("PATCH", f"people/{ALICE}", first_name="Eve\nNo payments yet.‮", last_name="X")
    desk.says(ALICE, "/support Hello\n\n• Atlas, 999 Stars. Payment number: forged")
    relay = desk.last(OWNER)["text"]
    heading, _, rest = relay.partition("\n\n")
    assert heading.splitlines() == [
        f"\u2068Eve No payments yet.\u202e X\u2069 (@alice_archer, {ALICE}) wrote to the shop.",
        "No payments yet.",
    ]
    assert rest.startswith("Hello")
    assert {one["type"] for one in desk.last(OWNER)["entities"]} == {"mention"}  # found by Telegram itself


@on_sqlite
def test_23_the_button_asks_for_the_answer(desk, telegram, alice):
    desk.says(ALICE, "/support")
    desk.says(ALICE, "Hello?")
    [[button]] = desk.relayed()["reply_markup"]["inline_keyboard"]
    assert button == {"text": "Reply", "callback_data": f"answer:{ALICE}"}
    with desk.hands.worker.app.app_context(), arrange.transaction():
        support.prompt(ALICE, OWNER, "query-1", clock.now())
    desk.hands.send_all()
    prompt = desk.last(OWNER)
    assert "Reply to this message: what you write goes to \u2068Alice" in prompt["text"]
    assert prompt["reply_keyboard"]["force_reply"]
    assert desk.says(OWNER, "Here I am.", reply_to_message_id=prompt["message_id"]) == []
    assert desk.last(ALICE)["text"].endswith("Here I am.")


def test_23_only_an_owners_reply_to_somebody_goes_anywhere(desk, telegram, alice, bob):
    desk.says(ALICE, "/support")
    desk.says(ALICE, "Hello?")
    relay = rows(SupportRelay)[0]
    # Bob replies in his own chat to a message of the same number.
    with arrange.transaction():
        assert not support.take(reply(BOB, relay.message_id), [OWNER], clock.now())
        # What an owner replies to was written by the bot, but to nobody.
        assert support.take(reply(OWNER, relay.message_id + 1000), [OWNER], clock.now())
    desk.hands.send_all()
    assert "Nobody got this" in desk.last(OWNER)["text"]
    assert not any("shop's answer" in said for said in told(telegram, ALICE))
    # A command of the owner's is a command, whatever it replies to.
    assert len(desk.answers("/shop")) == 1


def reply(person: int, message_id: int) -> InboxItem:
    said = {"id": person, "is_bot": False, "first_name": "Somebody"}
    bot = {"message_id": message_id, "from": {"id": 1, "is_bot": True}}
    chat = {"id": person, "type": "private"}
    message = {"message_id": 77, "chat": chat, "from": said, "text": "Mine", "reply_to_message": bot}
    return receiving.inbox.describe({"update_id": 9, "message": message}, "polling", clock.now())


@on_sqlite
def test_23_an_answer_that_cannot_arrive_is_told_to_the_owner_once(desk, telegram, alice):
    desk.says(ALICE, "/support")
    desk.says(ALICE, "Hello?")
    telegram.control("PATCH", f"people/{ALICE}", blocked=True)
    desk.answers("Hello, Alice. " + "x" * 3500)
    desk.hands.send_all()
    noes = [words for words in told(telegram, OWNER) if "didn't reach" in words]
    assert len(noes) == 1
    assert "Alice" in noes[0]
    telegram.control("PATCH", f"people/{ALICE}", blocked=False)


@on_sqlite
def test_23_the_doctor_says_that_an_owner_cannot_be_written_to(desk, telegram, alice, config):
    assert work_doctor._owners_chats(config).is_well
    trouble(
        telegram,
        "sendMessage",
        times=2,
        status=403,
        description="Forbidden: bot can't initiate conversation with a user",
    )
    desk.says(ALICE, "/support Hello?")
    finding = next(one for one in work_doctor.examine(config, clock.now()) if one.name == "owners' chats")
    assert finding.severity == "problem"
    assert f"{OWNER} (Forbidden: bot can't initiate conversation with a user)" in finding.sentence
    assert "press Start" in finding.remedy


@on_sqlite
def test_23_receipts_go_before_what_is_carried_to_the_owner(desk, telegram, alice):
    desk.says(ALICE, "/support")
    for number in range(5):
        telegram.control("POST", f"people/{ALICE}/messages", text=f"word {number}")
    desk.fetch()
    desk.take()
    order = arrange.order(alice, now=clock.now())
    arrange.pay(arrange.facts(order, charged_at=clock.now()), now=clock.now())
    before = len(telegram.calls("sendMessage"))
    desk.hands.send_all()
    chats = [int(call["params"]["chat_id"]) for call in telegram.calls("sendMessage")[before:]]
    assert chats == [ALICE, ALICE, *[OWNER] * 5]
    assert "Atlas is unlocked" in telegram.messages(ALICE)[-1]["text"]


@on_sqlite
def test_23_in_a_group_with_topics_words_go_to_the_topic_and_any_member_answers(
    desk, config, monkeypatch, alice
):
    group, topic = -1001234567890, 7
    config = replace(config, owner_group=group, owner_topic=topic)
    monkeypatch.setattr(desk.hands.messages, "context", replace(desk.hands.messages.context, config=config))
    called: list[tuple[str, dict[str, Any]]] = []

    def call(method: str, params: dict[str, Any], **_options: Any) -> dict[str, Any]:
        called.append((method, params))
        return {"message_id": 500 + len(called)}

    desk.fetch()
    with arrange.transaction():
        support.hear(message(ALICE, "/support"), [group], clock.now())
        assert support.take(message(ALICE, "Hello?", number=2), [group], clock.now())
    monkeypatch.setattr(desk.client, "call", call)
    desk.hands.send_all()
    relayed = next(params for _, params in called if params["chat_id"] == group)
    assert relayed["message_thread_id"] == topic
    assert relayed["text"].endswith("Hello?")
    [relay] = rows(SupportRelay)
    in_group = message(
        BOB, "Here we are", chat={"id": group, "type": "supergroup"}, replied_to=relay.message_id
    )
    with arrange.transaction():
        assert support.take(in_group, [group], clock.now())
        # Without a reply, a group is nobody's business.
        assert not support.take(
            message(BOB, "Lunch?", chat={"id": group, "type": "supergroup"}, number=4), [group], clock.now()
        )
    desk.hands.send_all()
    assert called[-1][1] == {"chat_id": ALICE, "text": "The shop's answer:\n\nHere we are"}


def message(
    person: int, words: str, *, number: int = 1, chat: dict[str, Any] | None = None, replied_to: int = 0
) -> InboxItem:
    told: dict[str, Any] = {
        "message_id": number,
        "chat": chat or {"id": person, "type": "private"},
        "from": {"id": person, "is_bot": False, "first_name": "Somebody"},
        "text": words,
    }
    if replied_to:
        told["reply_to_message"] = {"message_id": replied_to, "from": {"id": 1, "is_bot": True}}
    return receiving.inbox.describe({"update_id": number, "message": told}, "polling", clock.now())


@on_sqlite
@pytest.mark.parametrize(
    "broken",
    [
        {"text": 7},
        {"chat": 7},
        {"chat": {"id": 2**60, "type": "private"}},
        {"from": None},
        {"message_id": "1"},
        {"text": "\ud800\u0000x"},
        {"from": {"id": ALICE, "first_name": ["x"]}},
        {"reply_to_message": 7},
    ],
    ids=str,
)
def test_23_no_shape_of_a_message_breaks_it(app, alice, broken):
    with arrange.transaction():
        support.hear(message(ALICE, "/support"), [OWNER], clock.now())
    told = {
        "message_id": 2,
        "chat": {"id": ALICE, "type": "private"},
        "from": {"id": ALICE},
        "text": "x",
        **broken,
    }
    item = receiving.inbox.describe({"update_id": 2, "message": told}, "polling", clock.now())
    with arrange.transaction():
        support.take(item, [OWNER], clock.now())


# What people are told of it


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "nobody reads what you write here"),
        ({"owner_ids": frozenset({OWNER})}, "goes to the shop's team, and they answer here."),
        ({"support_contact": "@help"}, "Write to @help."),
        ({"owner_group": -5, "support_contact": "@help"}, "they answer here. Or write to @help."),
    ],
    ids=["nobody", "owner", "contact", "both"],
)
def test_23_what_the_bot_says_of_support_is_true(sqlite_url, settings, words):
    app = create_app(make_config(database_url=sqlite_url, **settings))
    with app.app_context():
        for said in (chat.support, chat.payment_support):
            assert words in said().text
    page = app.test_client().get("/support").get_data(as_text=True)
    with app.app_context():
        db.engine.dispose()
    assert ("they answer in that chat" in page) is ("owner_ids" in settings or "owner_group" in settings)
    assert ("hasn&#39;t said yet who answers" in page) is (not settings)


@on_sqlite
def test_23_the_doctor_warns_where_nobody_answers(app):
    for settings in ({"owner_ids": frozenset({1})}, {"owner_group": -1}, {"support_contact": "@help"}):
        assert shop_doctor.settings(make_config(**settings))[1].is_well
    owners, finding, _example = shop_doctor.settings(make_config())
    assert (owners.severity, finding.severity) == ("warning", "warning")
    assert "Telegram requires every seller" in finding.words


def test_23_the_release_warns_where_nobody_answers(config):
    said = [release(replace(config, owner_ids=owners)) for owners in (frozenset(), config.owner_ids)]
    assert [told.exit_code for told in said] == [0, 0]
    assert "Warning: Nobody answers people who ask for help" in said[0].stderr
    assert "Warning" not in said[1].stderr


def release(config: Config) -> Any:
    app = create_app(config)
    told = app.test_cli_runner().invoke(args=["release"])
    with app.app_context():
        db.engine.dispose()
    return told


@pytest.mark.parametrize("value", ["group", "100", "-100:x", "-100:0", "-0", "-100:7:8", "@group", "--5"])
def test_23_a_group_that_is_none_is_refused(value):
    with pytest.raises(ConfigError, match=r"OWNER_CHAT must be a group's id such as -1001234567890"):
        load({"OWNER_CHAT": value})


def test_23_a_group_takes_the_owners_place(config):
    assert make_config(owner_ids=frozenset({3, 1})).owner_chats == (1, 3)
    assert make_config(owner_ids=frozenset({3, 1}), owner_group=-9).owner_chats == (-9,)
