"""What the owner sees of the inbox, and what stays off the terminal."""

import json

import pytest
from flask import Flask
from sqlalchemy import select

from tests.kit.commands import run
from tests.kit.hands import on_sqlite
from tests.kit.played import ALICE
from tests.kit.processes import TOKEN
from webapp import clock
from webapp.bot.worker import Worker
from webapp.db.engine import db
from webapp.db.models import InboxItem
from webapp.db.transactions import transaction
from webapp.domain.queue import inbox

pytestmark = pytest.mark.usefixtures("telegram")
HELLO = {"update_id": 7, "message": {"text": "hello", "from": {"id": ALICE, "first_name": "Alice"}}}
# Clears the screen, rings, turns the line around, splits it, and is half a character.
NASTY = "\x1b[2J\x07\u202e\u2028\x9b31m\ud800\U000e0041Привет"
WRITTEN_OUT = r"\u001b[2J\u0007\u202e\u2028\u009b31m\ud800\udb40\udc41Привет"


def keep(update: dict | bytes, *, error: str = "", aside: bool = False, done: bool = False) -> int:
    with transaction():
        item_id = inbox.receive(update, "polling", clock.now())
    assert item_id
    item = db.session.get_one(InboxItem, item_id)
    with transaction():
        if aside:
            inbox.quarantine(item, error, clock.now())
        elif error:
            [item] = inbox.claim(1, clock.now())
            inbox.fail(item, error, clock.now())
        elif done:
            inbox.finish(item, clock.now())
    return item_id


def everything() -> list[tuple]:
    db.session.rollback()
    return [tuple(row) for row in db.session.execute(select(InboxItem.__table__))]


def numbers(app: Flask, *options: str) -> list[int]:
    _code, said = run(app, "inbox", "list", *options)
    return [int(line.split()[0]) for line in said.splitlines()[1:-1]]


def test_what_waits_is_listed_with_what_went_wrong(app):
    waiting = keep({**HELLO, "update_id": 1})
    aside = keep({**HELLO, "update_id": 3}, error="KeyError: date\nTraceback", aside=True)
    code, said = run(app, "inbox", "list")
    heads, first, second, count = said.splitlines()
    assert (code, count) == (0, "2 items")
    assert heads.split() == ["ID", "UPDATE", "KIND", "PERSON", "RECEIVED", "ATTEMPTS", "STATE", "ERROR"]
    assert first.split()[:4] == [str(waiting), "1", "message", str(ALICE)]
    assert first.split()[-2:] == ["0", "waiting"]
    assert second.endswith("quarantined  KeyError: date")
    assert second.startswith(str(aside))


def test_what_is_done_is_listed_when_asked_for(app):
    done = keep({**HELLO, "update_id": 1}, done=True)
    failed = keep({**HELLO, "update_id": 2}, error="bad")
    aside = keep({**HELLO, "update_id": 3}, error="bad", aside=True)
    assert numbers(app) == [failed, aside]
    assert numbers(app, "--all") == [done, failed, aside]
    assert numbers(app, "--quarantined") == [aside]


@on_sqlite
def test_an_empty_inbox_says_so(app):
    assert run(app, "inbox", "list") == (0, "0 items")


@on_sqlite
def test_of_a_very_full_inbox_the_latest_are_listed(app):
    with transaction():
        for number in range(1001):
            inbox.receive({**HELLO, "update_id": number}, "polling", clock.now())
    _code, said = run(app, "inbox", "list")
    assert said.splitlines()[1].split()[1] == "1"
    assert said.splitlines()[-1] == "1000 items; there may be older ones"


def test_an_item_is_shown_whole(app):
    item_id = keep(HELLO, error="KeyError: date\nand more", aside=True)
    code, said = run(app, "inbox", "show", str(item_id))
    facts, _, body = said.partition("\n\n")
    assert code == 0
    assert json.loads(body) == HELLO
    assert f"id: {item_id}\nupdate_id: 7\nkind: message\ntelegram_id: {ALICE}\nsource: polling" in facts
    assert "state: quarantined" in facts
    assert facts.endswith("error: KeyError: date\nand more")


@on_sqlite
def test_what_is_no_update_is_shown_as_it_came(app):
    item_id = keep(b"<html>\xff\x1b[2J")
    assert run(app, "inbox", "show", str(item_id))[1].endswith("\n\n<html>\\xff\\u001b[2J")


@pytest.mark.proves("S56")
@on_sqlite
def test_s56_nothing_reaches_the_terminal_raw(app):
    update = {"update_id": 7, "message": {"text": NASTY}, f"kind{NASTY}": 1}
    item_id = keep(update, error=f"Bad: {NASTY.replace(chr(0xD800), '')}", aside=True)
    for command in (["list"], ["show", str(item_id)]):
        _code, said = run(app, "inbox", *command)
        assert all(one.isprintable() or one == "\n" for one in said), command
        assert "Привет" in said
    assert WRITTEN_OUT in said


@on_sqlite
def test_what_a_person_wrote_is_only_shown_when_asked_for(app):
    keep({"update_id": 1, "message": {"text": "my secret diagnosis"}}, error="bad", aside=True)
    for options in ([], ["--all"], ["--quarantined"]):
        assert "diagnosis" not in run(app, "inbox", "list", *options)[1]


@pytest.mark.proves("S60")
@on_sqlite
def test_s60_no_secret_is_shown(app):
    error = f"InvalidToken: {TOKEN} was rejected"
    item_id = keep({"update_id": 1, "message": {"text": f"bot{TOKEN}/getMe"}}, error=error, aside=True)
    for command in (["list"], ["show", str(item_id)]):
        said = run(app, "inbox", *command)[1]
        assert TOKEN not in said
        assert "[hidden]" in said


def test_what_was_set_aside_is_tried_afresh_at_once(app):
    first = keep({**HELLO, "update_id": 1}, error="bad", aside=True)
    second = keep({"update_id": 2, "message": {"text": "hello", "from": {"id": 2}}}, error="bad")
    worker = Worker(app)
    assert worker.claim_chat() == []
    code, said = run(app, "inbox", "replay", str(first), str(second))
    assert code == 0
    assert said == "2 items will be retried. Follow them with inbox list."
    assert [item.id for item in worker.claim_chat()] == [first, second]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"done": True}, "is done: what it says was applied, once and for all."),
        (None, "There is no item 999999 in the inbox."),
        ("again", "is named twice."),
    ],
    ids=["done", "missing", "twice"],
)
def test_what_cannot_be_tried_afresh_is_refused_with_all_beside_it(app, made, words):
    good = keep({**HELLO, "update_id": 1}, error="bad", aside=True)
    bad = {"again": good, "None": 999999}.get(str(made)) or keep({**HELLO, "update_id": 2}, **made)
    before = everything()
    code, said = run(app, "inbox", "replay", str(good), str(bad))
    assert code == 1
    assert words in said
    assert said.endswith("Nothing was changed.")
    assert everything() == before


def test_what_nothing_can_come_of_is_dismissed_and_no_longer_counted(app):
    item_id = keep(HELLO, error="bad", aside=True)
    code, said = run(app, "inbox", "dismiss", str(item_id), "--reason", "an old experiment")
    assert (code, said.split(".")[0]) == (0, "1 items are dismissed")
    assert "0 items" in run(app, "inbox", "list", "--quarantined")[1]
    assert "dismissed: an old experiment" in run(app, "inbox", "show", str(item_id))[1]
    code, said = run(app, "inbox", "dismiss", str(item_id), "--reason", "again")
    assert (code, said.endswith("Nothing was changed.")) == (1, True)
    assert run(app, "inbox", "dismiss", str(item_id))[0] == 2


@on_sqlite
@pytest.mark.parametrize("command", ["show", "replay"])
@pytest.mark.parametrize(
    "number", ["x", "-1", "1.0", "1_0", " 1", "١", "1" * 19, "", "0x1", "1;2", "\x1b[2J"], ids=ascii
)
def test_what_is_no_number_is_refused(app, command, number):
    before = [keep({**HELLO, "update_id": n}, error="bad", aside=True) for n in range(10)] and everything()
    code, said = run(app, "inbox", command, "--", number)
    assert code == 2
    assert "give an item's number, as inbox list shows it." in said
    assert "\x1b" not in said
    assert everything() == before


@on_sqlite
@pytest.mark.parametrize("number", ["0", "999999", "9" * 18])
def test_an_item_that_is_not_there_cannot_be_shown(app, number):
    assert run(app, "inbox", "show", number) == (
        1,
        f"Error: There is no item {int(number)} in the inbox.",
    )


@on_sqlite
@pytest.mark.parametrize(
    "args",
    [
        ("list", "--all", "--quarantined"),
        ("list", "--done"),
        ("list", "1"),
        ("show",),
        ("show", "1", "2"),
        ("replay",),
        ("replay", "--again", "1"),
        ("forget", "1"),
    ],
    ids=" ".join,
)
def test_what_nobody_can_ask_of_the_inbox_is_refused(app, args):
    code, said = run(app, "inbox", *args)
    assert code == 2
    assert "Usage" in said
