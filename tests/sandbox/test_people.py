"""People: what may be changed about them, and what the bot is told of it."""

import pytest

from tests.kit.played import ALICE, BOB
from tests.sandbox.conftest import control, jump, stars


@pytest.mark.parametrize(
    "change",
    [{"stars": -1}, {"stars": "5"}, {"stars": True}, {"blocked": 1}, {"id": 5}, {"chat": []}, {"": 1}, []],
    ids=str,
)
def test_a_change_that_makes_no_sense_is_refused(telegram, change):
    before = telegram.state()["people"]
    assert control(telegram, "PATCH", f"people/{ALICE}", change).status_code == 400
    assert telegram.state()["people"] == before


def test_a_change_happens_as_a_whole_or_not_at_all(telegram):
    assert control(telegram, "PATCH", f"people/{ALICE}", {"stars": 7, "shoes": 42}).status_code == 400
    assert stars(telegram, ALICE) == 500


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({}, "first_name is missing"),
        ({"first_name": "Eve", "stars": -5}, "stars must be a whole number"),
        ({"first_name": "Eve", "id": "five"}, "id must be a whole number from 1 up"),
        ({"first_name": "Eve", "id": ALICE}, f"Alice has the id {ALICE}"),
    ],
    ids=str,
)
def test_a_person_who_cannot_be_is_not_added(telegram, facts, sentence):
    assert control(telegram, "POST", "people", facts).json() == {"error": sentence}
    assert len(telegram.state()["people"]) == 4


def test_the_bot_hears_of_a_block_and_of_its_end_once_each(telegram, bot):
    for change in ({"blocked": True}, {"blocked": True}, {"language_code": "de"}, {"blocked": False}):
        telegram.control("PATCH", f"people/{ALICE}", **change)
    statuses = [one["new_chat_member"]["status"] for one in bot.updates("my_chat_member")]
    assert statuses == ["kicked", "member"]


@pytest.mark.parametrize("message_id", ["one", None, 0, True], ids=str)
def test_a_button_of_no_message_cannot_be_pressed(telegram, message_id):
    body = {"message_id": message_id, "data": "x"}
    assert control(telegram, "POST", f"people/{ALICE}/callback", body).status_code == 400


def test_a_prepared_message_is_for_one_person_and_an_hour(telegram, bot):
    result = {"type": "article", "id": "1", "title": "Atlas", "input_message_content": {"message_text": "x"}}
    told = bot.call("savePreparedInlineMessage", user_id=ALICE, result=result, allow_user_chats=True)
    mine = f"people/{ALICE}/prepared/{told['id']}"
    assert telegram.control("GET", mine)["title"] == "Atlas"
    assert control(telegram, "GET", f"people/{BOB}/prepared/{told['id']}").status_code == 404
    jump(telegram, 3600)
    assert control(telegram, "GET", mine).status_code == 404


@pytest.mark.parametrize("result", [None, "article", {}, {"type": "article"}, {"id": "1"}], ids=str)
def test_a_message_that_is_none_is_not_prepared(bot, result):
    told = {"user_id": ALICE, "result": result, "allow_user_chats": True}
    assert "can't parse" in bot.refusal("savePreparedInlineMessage", **told)


def test_a_message_for_no_chat_is_not_prepared(bot):
    told = {"user_id": ALICE, "result": {"type": "article", "id": "1"}}
    assert bot.refusal("savePreparedInlineMessage", **told) == "Bad Request: PEER_TYPES_INVALID"


def test_the_bot_hears_once_that_it_may_write(telegram, bot):
    for _time in range(2):
        telegram.control("PATCH", f"people/{ALICE}", write_access=True)
    assert [one["write_access_allowed"] for one in bot.updates("message")] == [{"from_request": True}]
