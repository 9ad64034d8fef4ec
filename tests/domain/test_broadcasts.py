"""News to many people: to whom, once, and not to those who want none."""

import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.kit.arrange import (
    ALICE,
    ATLAS,
    BOB,
    DAY,
    MINUTE,
    MONTH,
    NOW,
    WEEK,
    facts,
    item,
    meet,
    open_shop,
    order,
    pay,
    settle,
    speaks,
    told,
)
from tests.kit.processes import ROOT
from webapp.db.engine import db
from webapp.db.models import OutboxMessage, User
from webapp.db.transactions import transaction
from webapp.domain.owner import broadcasts
from webapp.domain.owner.broadcasts import DECLINED, Audience, BroadcastError, News, Progress
from webapp.domain.people import users
from webapp.domain.queue import outbox

CHARLIE, DORA = 1003, 1004
LATER = NOW + MINUTE


@pytest.fixture(autouse=True)
def shop(app) -> None:
    open_shop(ATLAS, WEEK)


def news(name: str = "comet", **changes) -> News:
    known = {"segment": "everyone", "texts": {"en": "A comet is coming."}, "product": None}
    return News(**{"name": name, **known, **changes})


def start(told: News | None = None, *, now=NOW) -> bool:
    with transaction():
        return broadcasts.start(told or news(), now)


def write(now=LATER) -> int:
    with transaction():
        return broadcasts.write_messages(now)


def decline(person: int, *, now=NOW) -> None:
    with transaction():
        users.choose_news(person, now, wanted=False)


def crowd(size: int, first: int = ALICE) -> list[int]:
    people = list(range(first, first + size))
    for person in people:
        meet(person)
    return people


def messages() -> list[OutboxMessage]:
    query = select(OutboxMessage).where(OutboxMessage.kind == "news").order_by(OutboxMessage.id)
    return list(db.session.scalars(query, execution_options={"populate_existing": True}))


def readers() -> list[int]:
    return [message.telegram_id for message in messages()]


def send_all(now=LATER) -> None:
    with transaction():
        for message in messages():
            outbox.sent(message, now)


def test_everybody_is_written_to_once_and_a_few_at_a_time():
    people = crowd(23)
    start()
    written = []
    while broadcasts.is_running():
        written.append(write())
        send_all()
    assert written == [10, 10, 3]
    assert readers() == people
    assert write() == 0


def test_a_last_handful_that_fills_a_tick_ends_with_the_next():
    crowd(10)
    start()
    assert [write(), broadcasts.is_running()] == [10, True]
    send_all()
    assert [write(), broadcasts.is_running()] == [0, False]


def test_no_more_is_written_than_what_the_outbox_has_room_for():
    crowd(15)
    start()
    write()
    assert write() == 0
    with transaction():
        for message in messages()[:4]:
            outbox.sent(message, LATER)
    assert write() == 4
    assert len(messages()) == 14


def test_what_waits_besides_news_holds_no_news_up():
    crowd(2)
    with transaction():
        for number in range(20):
            outbox.add(ALICE, "receipt", {}, dedupe_key=f"receipt:{number}", now=NOW)
    start()
    assert write() == 2


def test_broadcasts_follow_each_other():
    crowd(2)
    start(news("second"), now=LATER)
    start(news("first"))
    while broadcasts.is_running():
        write(LATER + MINUTE)
    assert [message.facts["broadcast"] for message in messages()] == ["first"] * 2 + ["second"] * 2


def test_news_begun_twice_are_begun_once():
    crowd(2)
    assert start()
    write()
    send_all()
    assert not start(now=LATER)
    assert write() == 0
    assert readers() == [ALICE, BOB]


@pytest.mark.parametrize(
    "changes", [{"texts": {"en": "Other words."}}, {"segment": "buyers"}, {"product": "atlas"}]
)
def test_a_name_stands_for_the_same_news_for_ever(changes):
    start()
    with pytest.raises(BroadcastError, match="'comet' began already and said something else"):
        start(news(**changes))
    with pytest.raises(BroadcastError):
        broadcasts.check(news(**changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"segment": "holders:gold"}, "No product of the catalogue gives 'gold'."),
        ({"segment": "lapsed:gold"}, "No product of the catalogue gives 'gold'."),
        ({"product": "gold"}, "No product on sale has the slug 'gold'."),
        ({"product": "week"}, "No product on sale has the slug 'week'."),
    ],
)
def test_what_the_catalogue_does_not_know_begins_nothing(changes, words):
    open_shop(ATLAS)
    with pytest.raises(BroadcastError, match=words):
        start(news(**changes))
    assert broadcasts.everything() == []


def test_who_declined_or_was_banned_is_left_out():
    crowd(4)
    decline(BOB)
    with transaction():
        users.ban(CHARLIE, NOW)
    start()
    write()
    assert readers() == [ALICE, DORA]


def test_who_declines_while_it_goes_on_is_left_out():
    people = crowd(12)
    start()
    write()
    decline(people[10])
    send_all()
    write()
    assert readers() == [*people[:10], people[11]]


@pytest.mark.parametrize("why", ["declined", "banned", "stopped", None])
def test_news_written_before_a_no_are_not_sent_after_it(why):
    crowd(1)
    start()
    write()
    if why == "declined":
        decline(ALICE, now=LATER)
    with transaction():
        if why == "banned":
            users.ban(ALICE, LATER)
        elif why == "stopped":
            # With one more person the broadcast is still on its way.
            broadcasts.get("comet").finished_at = None
            db.session.flush()
            broadcasts.stop("comet", LATER)
    assert broadcasts.is_wanted(messages()[0]) == (why is None)


def test_who_wants_news_again_gets_the_next():
    crowd(1)
    decline(ALICE)
    start(news("first"))
    write()
    with transaction():
        users.choose_news(ALICE, LATER, wanted=True)
    start(news("second"))
    write()
    assert [message.facts["broadcast"] for message in messages()] == ["second"]


def test_declined_twice_the_first_time_counts():
    meet()
    decline(ALICE)
    decline(ALICE, now=LATER)
    assert users.get(ALICE).news_declined_at == NOW
    for _ in range(2):
        with transaction():
            users.choose_news(ALICE, LATER, wanted=True)
    assert users.get(ALICE).news_declined_at is None


def test_who_comes_after_it_began_is_left_out_whatever_their_id():
    crowd(2, first=BOB)
    start(now=NOW + timedelta(seconds=1))
    write()
    with transaction():
        for person in (ALICE, DORA):
            db.session.add(User(telegram_id=person, created_at=LATER, seen_at=LATER))
    send_all()
    write(LATER)
    assert readers() == [BOB, CHARLIE]


def test_segments_follow_what_was_bought():
    people = {person: meet(person) for person in (ALICE, BOB, CHARLIE, DORA)}
    pay(facts(order(people[ALICE], "atlas"), "a"))
    pay(facts(order(people[BOB], "week"), "b"))
    settle(pay(facts(order(people[CHARLIE], "week"), "c")))
    expected = {
        "everyone": [ALICE, BOB, CHARLIE, DORA],
        "buyers": [ALICE, BOB],
        "holders:atlas": [ALICE],
        "holders:tonight": [BOB],
        "lapsed:tonight": [],
        "lapsed:atlas": [],
    }
    for segment, members in expected.items():
        assert sum(broadcasts.audience(segment, NOW + DAY).speakers.values()) == len(members), segment
        start(news(segment.replace(":", "-"), segment=segment))
        write(NOW + DAY)
        assert readers() == members, segment
        with transaction():
            db.session.execute(OutboxMessage.__table__.delete())
    assert broadcasts.audience("lapsed:tonight", NOW + MONTH).speakers == {"en": 1}
    assert broadcasts.audience("holders:tonight", NOW + MONTH).speakers == {}


def test_each_reads_their_language_or_else_english():
    open_shop(item(translations={"ru": {"title": "Атлас"}}))
    meet(ALICE, language_code="fa-IR")
    meet(BOB, language_code="ru")
    speaks(meet(CHARLIE, language_code="tlh"), "ru")
    meet(DORA, language_code=None)
    start(news(texts={"en": "A comet.", "ru": "Комета."}, product="atlas"))
    write()
    told_each = [(one.facts["text"], one.facts["slug"], one.facts["title"]) for one in messages()]
    assert told_each == [
        ("A comet.", "atlas", "Atlas"),
        ("Комета.", "atlas", "Атлас"),
        ("Комета.", "atlas", "Атлас"),
        ("A comet.", "atlas", "Atlas"),
    ]


def test_a_product_that_went_off_sale_meanwhile_leaves_no_button():
    crowd(1)
    start(news(product="week"))
    open_shop(ATLAS)
    write()
    assert messages()[0].facts == {"broadcast": "comet", "text": "A comet is coming."}


def test_the_owner_sees_whom_it_is_for():
    crowd(3)
    meet(DORA, language_code="ru")
    decline(BOB)
    with transaction():
        users.ban(CHARLIE, NOW)
        for person, error in ((ALICE, "Forbidden: bot was blocked by the user"), (DORA, DECLINED)):
            outbox.add(person, "receipt", {}, dedupe_key=f"old:{person}", now=NOW)
            outbox.add(person, "receipt", {}, dedupe_key=f"new:{person}", now=NOW)
            first, last = db.session.scalars(select(OutboxMessage).where(OutboxMessage.telegram_id == person))
            outbox.sent(first, NOW)
            outbox.failed(last, error, NOW)
    assert broadcasts.audience("everyone", NOW) == Audience({"en": 1, "ru": 1}, declined=1, blocked=1)
    with transaction():
        outbox.add(ALICE, "receipt", {}, dedupe_key="newest", now=NOW)
        [newest] = db.session.scalars(select(OutboxMessage).where(OutboxMessage.dedupe_key == "newest"))
        outbox.sent(newest, NOW)
    assert broadcasts.audience("everyone", NOW).blocked == 0


def test_how_far_it_has_come():
    crowd(13)
    start(news("com"))  # whose name begins the other's
    start()
    [first] = [one for one in broadcasts.everything() if one.name == "com"]
    assert broadcasts.progress(first, LATER) == Progress(0, 0, 0, left=13)
    write()
    with transaction():
        for message in messages()[:3]:
            outbox.sent(message, LATER)
        outbox.failed(messages()[3], "Forbidden", LATER)
    assert broadcasts.progress(broadcasts.get("com"), LATER) == Progress(10, 3, 1, left=3)
    assert broadcasts.progress(broadcasts.get("comet"), LATER) == Progress(0, 0, 0, left=13)


def test_what_is_stopped_reaches_nobody_else():
    crowd(12)
    start()
    write()
    with transaction():
        broadcasts.stop("comet", LATER)
    send_all()
    assert write() == 0
    assert len(readers()) == 10
    assert broadcasts.progress(broadcasts.get("comet"), LATER).left == 0
    # Begun again, it is the same, and over.
    assert not start()
    assert write() == 0


def test_what_is_over_or_unknown_cannot_be_stopped():
    start()
    write()
    for name, words in (("comet", "have ended already"), ("meteor", "There are no news named 'meteor'")):
        with pytest.raises(BroadcastError, match=words), transaction():
            broadcasts.stop(name, LATER)


def test_news_that_telegram_refused_are_not_sent_once_it_would_take_them():
    crowd(1)
    start()
    write()
    with transaction():
        outbox.add(ALICE, "receipt", {}, dedupe_key="receipt", now=LATER)
        for message in db.session.scalars(select(OutboxMessage)):
            outbox.failed(message, "Forbidden: bot was blocked by the user", LATER)
        outbox.revive(ALICE, LATER)
        assert [message.kind for message in outbox.claim(10, LATER)] == ["receipt"]
    assert told(ALICE) == ["news", "receipt"]


DYING = """
import os
from tests.kit.arrange import MINUTE, NOW
from tests.kit.factories import make_config
from webapp import create_app
from webapp.domain.owner import broadcasts
from webapp.db.transactions import transaction

with create_app(make_config(database_url=os.environ["SHOP"])).app_context(), transaction():
    assert broadcasts.write_messages(NOW + MINUTE) == 10
    os._exit(9)
"""


@pytest.mark.proves("I10")
def test_a_process_killed_before_its_commit_loses_and_doubles_nobody(database_url):
    people = crowd(13)
    start()
    db.session.remove()
    command = [sys.executable, "-c", DYING]
    died = subprocess.run(command, cwd=ROOT, env={"SHOP": database_url}, check=False)
    assert died.returncode == 9
    assert readers() == []
    for _ in range(2):
        write()
        send_all()
    assert readers() == people


def test_a_message_written_although_the_cursor_did_not_move_is_written_once():
    """As after a backup of one table: the message's own key is the second line of defence."""
    crowd(2)
    start()
    write()
    with transaction():
        broadcast = broadcasts.get("comet")
        broadcast.last_telegram_id, broadcast.finished_at = 0, None
    write()
    assert readers() == [ALICE, BOB]
