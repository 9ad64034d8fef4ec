"""News on their way: written by one duty of the bot, sent by another, and to nobody who wants none."""

import pytest
from sqlalchemy import select

from tests.kit import arrange
from tests.kit.hands import Hands, on_sqlite, say
from tests.kit.played import ALICE, BOB, CARMEN, told, trouble
from webapp import clock
from webapp.bot.process import Bot
from webapp.db.engine import db
from webapp.db.models import Broadcast, OutboxMessage
from webapp.db.transactions import transaction
from webapp.domain.owner import broadcasts
from webapp.domain.owner.broadcasts import News
from webapp.domain.people import users

FOOTER = "\n\nTo stop news from the shop: /news_off"


@pytest.fixture(autouse=True)
def people(alice, bob) -> None:
    arrange.meet(CARMEN, first_name="Carmen")


def begin(product: str | None = None) -> None:
    texts = {"en": "A comet is coming.", "ru": "Летит комета."}
    with transaction():
        broadcasts.start(News("comet", "everyone", texts, product), clock.now())


def crowd(size: int) -> None:
    for person in range(1, size + 1):
        arrange.meet(person)


def news() -> list[OutboxMessage]:
    db.session.rollback()
    return list(db.session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "news")))


def test_news_reach_everybody_in_their_language_once(telegram, hands: Hands):
    begin("atlas")
    for _ in range(3):
        hands.duties.tick()
        hands.send_all()
    assert told(telegram, ALICE) == [f"A comet is coming.{FOOTER}"]
    assert told(telegram, BOB) == ["Летит комета.\n\nБольше не присылать новости магазина: /news_off"]
    [[button]] = telegram.messages(ALICE)[-1]["reply_markup"]["inline_keyboard"]
    assert (button["text"], button["web_app"]["url"]) == ("Show Atlas", "https://shop.test/products/atlas")
    assert not broadcasts.is_running()


def test_who_declines_before_it_is_sent_gets_nothing(telegram, hands: Hands):
    begin()
    hands.duties.tick()
    with transaction():
        users.choose_news(ALICE, clock.now(), wanted=False)
    hands.send_all()
    assert told(telegram, ALICE) == []
    assert len(told(telegram, CARMEN)) == 1
    [dropped] = [message for message in news() if message.telegram_id == ALICE]
    assert (dropped.sent_at, dropped.error) == (None, broadcasts.DECLINED)
    # Wanted again, old news stay old.
    with transaction():
        users.choose_news(ALICE, clock.now(), wanted=True)
    hands.wait(3600)
    hands.duties.tick()
    hands.send_all()
    assert told(telegram, ALICE) == []


@on_sqlite
def test_who_declines_while_telegram_wants_silence_gets_nothing(telegram, hands: Hands):
    begin()
    hands.duties.tick()
    trouble(telegram, "sendMessage", status=429, retry_after=20, times=2)
    hands.send_all()
    for person in (ALICE, BOB, CARMEN):
        with transaction():
            users.choose_news(person, clock.now(), wanted=False)
    hands.wait(21)
    hands.send_all()
    assert [told(telegram, person) for person in (ALICE, BOB, CARMEN)] == [[], [], []]


@on_sqlite
def test_what_is_stopped_is_not_sent_any_more(telegram, hands: Hands):
    crowd(20)
    begin()
    hands.duties.tick()
    with transaction():
        broadcasts.stop("comet", clock.now())
    hands.send_all()
    hands.duties.tick()
    assert telegram.calls("sendMessage") == []
    assert len(news()) == broadcasts.AT_ONCE


@on_sqlite
def test_a_receipt_waits_for_a_handful_of_news_at_most(telegram, hands: Hands):
    crowd(100)
    begin()
    for _ in range(5):
        hands.duties.tick()
    assert len(news()) == broadcasts.AT_ONCE
    say(ALICE)
    assert hands.messages.send_due() == broadcasts.AT_ONCE + 1
    assert len(told(telegram, ALICE)) == 1


@on_sqlite
def test_news_to_people_who_cannot_be_reached_hold_nobody_up(telegram, hands: Hands):
    crowd(12)  # of whom Telegram knows nobody
    begin()
    for _ in range(3):
        hands.duties.tick()
        hands.send_all()
    assert len(told(telegram, ALICE)) == 1
    assert broadcasts.progress(db.session.get(Broadcast, "comet"), clock.now()) == broadcasts.Progress(
        15, 3, 12, 0
    )


@on_sqlite
def test_one_process_at_a_time_writes_news(app, telegram, hands: Hands):
    crowd(20)
    begin()
    hands.duties.tick()
    hands.send_all()
    other = Bot(app)
    other.duties.tick()
    assert len(news()) == broadcasts.AT_ONCE
    hands.leases.release_leases()
    other.duties.tick()
    assert len(news()) == 2 * broadcasts.AT_ONCE
