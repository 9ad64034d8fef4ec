"""News that the owner looks at, begins, watches and ends."""

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from tests.kit import arrange
from tests.kit.commands import run
from tests.kit.hands import on_sqlite
from tests.kit.played import ALICE, BOB, CARMEN
from webapp import clock
from webapp.db.engine import db
from webapp.db.models import Broadcast, OutboxMessage
from webapp.db.transactions import transaction
from webapp.domain.owner import broadcasts
from webapp.domain.people import users
from webapp.domain.queue import outbox

GOOD = """name = "comet"
to = "everyone"
product = "atlas"
text = '''
A comet is coming.

Look north.
'''

[translations.ru]
text = "Летит комета."
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    one = tmp_path / "comet.toml"
    one.write_text(GOOD, encoding="utf-8")
    return one


@pytest.fixture(autouse=True)
def people(alice, bob) -> None:
    arrange.meet(CARMEN, first_name="Carmen")


def everything() -> list[tuple]:
    db.session.rollback()
    return [
        tuple(row)
        for model in (Broadcast, OutboxMessage)
        for row in db.session.execute(select(model.__table__))
    ]


def write() -> None:
    with transaction():
        broadcasts.write_messages(clock.now())


def test_the_owner_sees_who_would_read_what_before_anything_is_sent(app, file):
    with transaction():
        users.choose_news(CARMEN, clock.now(), wanted=False)
        outbox.add(ALICE, "receipt", {}, dedupe_key="receipt", now=clock.now())
        outbox.failed(db.session.scalars(select(OutboxMessage)).one(), "Forbidden: blocked", clock.now())
    before = everything()
    code, said = run(app, "broadcast", "check", str(file))
    assert code == 0
    for words in (
        "comet, to everyone. People: 2\n  English  1\n  Русский  1\n",
        "declined news: 1\n",
        "blocked the bot: 1\n",
        "--- English\n\nA comet is coming.\n\nLook north.\n\nTo stop news",
        " from the shop: /news_off\n[Show Atlas]\n",
        "--- Русский\n\nЛетит комета.\n\nБольше не присылать новости магазина: /news_off\n",
        "--- فارسی (not translated)\n\nA comet is coming.\n\nLook north.\n\nبرای نگرفتن",
    ):
        assert words in said
    assert everything() == before


def test_news_are_begun_watched_and_stopped(app, file):
    assert run(app, "broadcast", "list") == (0, "0 broadcasts")
    assert run(app, "broadcast", "send", str(file)) == (
        0,
        "Started. People: 3. Follow it with broadcast list.",
    )
    write()
    code, said = run(app, "broadcast", "list")
    heads, row, count = said.splitlines()
    assert (code, count) == (0, "1 broadcasts")
    assert heads.split() == ["NAME", "TO", "BEGAN", "STATE", "WRITTEN", "SENT", "FAILED", "LEFT"]
    assert row.split()[:2] + row.split()[4:] == ["comet", "everyone", "finished", "3", "0", "0", "0"]


def test_news_can_be_stopped_before_they_reach_anybody(app, file):
    run(app, "broadcast", "send", str(file))
    assert run(app, "broadcast", "stop", "comet") == (0, "Stopped: nobody else gets it.")
    write()
    assert run(app, "broadcast", "list")[1].splitlines()[1].split()[4:] == ["stopped", "0", "0", "0", "0"]


def test_the_same_file_sent_twice_reaches_nobody_twice(app, file):
    run(app, "broadcast", "send", str(file))
    write()
    before = everything()
    code, said = run(app, "broadcast", "send", str(file))
    assert (code, said.partition(";")[0]) == (0, "Already started")
    assert "nobody gets the same news twice" in run(app, "broadcast", "check", str(file))[1]
    write()
    assert everything() == before


@pytest.mark.parametrize("command", ["check", "send"])
def test_other_news_of_a_name_that_was_used_are_refused(app, file, command):
    run(app, "broadcast", "send", str(file))
    before = everything()
    file.write_text(GOOD.replace("north", "south"), encoding="utf-8")
    code, said = run(app, "broadcast", command, str(file))
    assert code == 1
    assert said.startswith("Error: News named 'comet' began already and said something else: rename these.")
    assert len(said.splitlines()) == 1
    assert everything() == before


@on_sqlite
@pytest.mark.parametrize("command", ["check", "send"])
@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        (GOOD, "{", "comet.toml, line 1: TOML: "),
        ("to =", "too =", "comet.toml, line 2: too: is not a key of news."),
        (
            "everyone",
            "anybody",
            "comet.toml, line 2: to: must be one of everyone, buyers, holders:KEY, lapsed:KEY.",
        ),
        ("everyone", "holders:gold", "No product of the catalogue gives 'gold'."),
        ('"atlas"', '"gold"', "No product on sale has the slug 'gold'."),
        (
            "translations.ru",
            "translations.tlh",
            "comet.toml, line 10: translations.tlh: the shop does not speak it;",
        ),
        ("A comet", "A" * 5000, "comet.toml, line 4: text: has 5024 characters as Telegram counts them;"),
        (
            "A comet is coming.\n\nLook north.",
            "",
            "comet.toml, line 4: text: must be a text that is not empty.",
        ),
        ('"comet"', '"../comet"', "comet.toml, line 1: name: must be up to 32 lower-case letters,"),
        ('"comet"', '"\\u001b[2J"', "comet.toml, line 1: name: must be up to 32 lower-case letters,"),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_bad_news_are_refused_in_one_sentence_and_nothing_is_written(app, file, command, good, bad, words):
    file.write_text(GOOD.replace(good, bad), encoding="utf-8")
    code, said = run(app, "broadcast", command, str(file))
    assert code == 1
    assert said.startswith(f"Error: {words}")
    assert len(said.splitlines()) == 1
    assert everything() == []


@on_sqlite
@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00", b"\x00" * 10], ids=ascii)
def test_a_file_that_holds_no_news_is_refused(app, file, body):
    file.write_bytes(body)
    code, said = run(app, "broadcast", "send", str(file))
    assert (code, everything()) == (1, [])
    assert said.startswith("Error: comet.toml")


@on_sqlite
@pytest.mark.parametrize("path", ["no-such-file.toml", "."])
@pytest.mark.parametrize("command", ["check", "send"])
def test_a_file_that_is_not_there_is_refused(app, command, path):
    code, said = run(app, "broadcast", command, path)
    assert (code, everything()) == (2, [])
    assert "Invalid value for 'FILE'" in said


@on_sqlite
@pytest.mark.parametrize(
    "name", ["meteor", "", "\u202e\x1b[2J", "%", "comet' OR 1=1 --", "x" * 10_000], ids=ascii
)
def test_what_was_never_begun_cannot_be_stopped(app, file, name):
    run(app, "broadcast", "send", str(file))
    before = everything()
    code, said = run(app, "broadcast", "stop", name)
    assert code == 1
    assert said.startswith("Error: There are no news named ")
    assert said.endswith(" Nothing was changed.")
    assert all(one.isprintable() for one in said)
    assert everything() == before


def test_what_is_over_cannot_be_stopped(app: Flask, file):
    run(app, "broadcast", "send", str(file))
    write()
    before = everything()
    assert run(app, "broadcast", "stop", "comet") == (
        1,
        "Error: News named 'comet' have ended already. Nothing was changed.",
    )
    assert everything() == before
    assert db.session.get(Broadcast, "comet").stopped_at is None
    assert BOB in {message.telegram_id for message in db.session.scalars(select(OutboxMessage))}
