"""What the owners hear of as it happens: once for each fact, together where there are many."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.kit import arrange
from tests.kit.arrange import ALICE, DAY, MINUTE, NOW, OWNER
from webapp.config import NOTICES, ConfigError, load
from webapp.db.engine import db
from webapp.db.models import OutboxMessage
from webapp.db.transactions import transaction
from webapp.domain.owner import alarms, notices, shops
from webapp.domain.owner.shops import Delivery
from webapp.domain.queue import outbox
from webapp.domain.sales import billing, refunds
from webapp.domain.sales.billing import Renewal
from webapp.texts import notifications

CHATS = (OWNER, -100)


def tell(now: datetime = NOW, *, chats: Any = CHATS, wanted: Any = NOTICES) -> int:
    with transaction():
        return notices.tell(chats, wanted, now)


def heard(chat: int = OWNER) -> list[str]:
    """Return what an owner's chat was told, in words."""
    db.session.rollback()
    rows = db.session.scalars(db.select(OutboxMessage).order_by(OutboxMessage.id)).all()
    return [notifications.told(one.kind, one.facts, "en").text for one in rows if one.telegram_id == chat]


def buy(buyer: Any, number: int, *, now: datetime = NOW) -> None:
    """Have somebody buy one more week, which adds up."""
    order = arrange.order(buyer, "week", now=now)
    arrange.pay(arrange.facts(order, f"charge-{number}", charged_at=now), now=now)


def test_24_a_sale_is_told_once_to_each_chat(alice):
    arrange.pay(arrange.facts(arrange.order(alice)))
    assert [tell(), tell()] == [1, 0]
    for chat in CHATS:
        [words] = heard(chat)
        assert words == f"Sold: Atlas to \u2068Alice\u2069 ({ALICE}), 250 Stars.\nPayment number: charge-1"


def test_24_plans_are_told_from_their_beginning_to_their_end(alice):
    order = arrange.subscribe(alice)
    tell()
    arrange.renew(order, "second", at=NOW + 30 * DAY)
    tell(NOW + 30 * DAY)
    for number, state in enumerate(("failed", "canceled", "canceled")):
        with transaction():
            told = Renewal(order.public_id, ALICE, state, 1000 + number)
            billing.note_state(told, NOW + 61 * DAY + number * MINUTE)
        tell(NOW + 61 * DAY + number * MINUTE)
    first_words = [words.split(":")[0] for words in heard()]
    assert first_words == ["Sold", "Renewed", "Not renewed", "Cancelled"]
    assert "100 Stars" in heard()[-1]
    # She did that in Telegram herself, which told her: the shop need not.
    assert "renewal_off" in arrange.told(ALICE)
    assert not any(
        one.kind == "renewal_off" and not one.sent_at for one in db.session.scalars(db.select(OutboxMessage))
    )


def test_24_a_refund_is_told_once_whoever_made_it(alice, bob):
    mine = arrange.pay(arrange.facts(arrange.order(alice)))
    foreign = arrange.pay(arrange.facts(arrange.order(bob), "charge-2"))
    tell()
    with transaction():
        refunds.request_refund(mine, "asked", requested_by="owner", now=NOW)
    arrange.settle(mine, owner_ids=[OWNER])
    arrange.settle(foreign, owner_ids=[OWNER])
    tell()
    told = arrange.told(OWNER)
    assert told.count("owner_refunded") == 1
    assert told.count("owner_foreign_refund") == 1
    assert f"Refunded: 250 Stars for Atlas to \u2068Alice\u2069 ({ALICE})." in heard()[-1]


def test_24_many_facts_are_one_message_and_none_is_told_twice(alice):
    for number in range(7):
        buy(alice, number)
    assert tell() == 7
    assert heard()[-1] == "Since 1 May 2026, 12:00 UTC:\n• 7 sales, 175 Stars"
    later = NOW + MINUTE
    for number in range(7, 17):
        buy(alice, number, now=later)
    assert tell(later) == 0  # a digest came a minute ago
    assert tell(NOW + 6 * MINUTE) == 10
    assert len(heard()) == 2
    assert "10 sales, 250 Stars" in heard()[-1]
    assert tell(NOW + 30 * MINUTE) == 0


def test_24_what_moves_no_stars_adds_none(alice):
    with transaction():
        for number in range(7):
            outbox.add(ALICE, "renewal_off", {"title": "Plan"}, dedupe_key=f"off:{number}", now=NOW)
    assert tell() == 7
    [digest] = db.session.scalars(db.select(OutboxMessage).filter_by(kind="owner_digest", telegram_id=OWNER))
    assert (digest.facts["counts"], digest.facts["sums"]) == ({"renewal_off": 7}, {"renewal_off": 0})


def test_24_a_steady_trickle_does_not_become_a_flood(alice):
    """A sale each ten seconds for half an hour is seven messages in five minutes, and each sale is in one."""
    told = 0
    for number in range(180):
        now = NOW + timedelta(seconds=10 * number)
        buy(alice, number, now=now)
        told += tell(now)
    told += tell(NOW + 40 * MINUTE)
    assert told == 180
    assert len(heard()) < 45


def test_24_what_is_not_wanted_is_not_told_later_either(alice):
    arrange.pay(arrange.facts(arrange.order(alice)))
    assert tell(wanted=("plans", "refunds")) == 0
    assert tell() == 0
    arrange.pay(arrange.facts(arrange.order(alice, "notes"), "charge-2"))
    assert tell(chats=()) == 0
    assert heard() == []


def test_24_a_rebuild_tells_nobody_and_old_news_is_none(alice):
    with outbox.silence():
        arrange.pay(arrange.facts(arrange.order(alice)))
    assert tell() == 0
    arrange.pay(arrange.facts(arrange.order(alice, "notes"), "charge-2"))
    assert tell(NOW + 4 * DAY) == 0


def test_24_a_receipt_does_not_wait_behind_what_owners_hear(alice):
    for number in range(3):
        buy(alice, number)
    tell()
    arrange.pay(arrange.facts(arrange.order(alice), "atlas"))
    with transaction():
        claimed = outbox.claim(10, NOW)
    assert [one.telegram_id == ALICE for one in claimed] == [True] * 4 + [False] * 6


# Health


def look(now: datetime, problem: str | None = None, pending: int | None = 0) -> Delivery:
    with transaction():
        before = shops.failing_since()
        seen = shops.note_delivery(problem, now, pending=pending)
        alarms.watch_delivery([OWNER], before, seen, now)
    return seen


def test_24_updates_that_stopped_are_told_daily_and_once_when_they_are_back(open_shop):
    look(NOW, "A webhook is set.")
    look(NOW + MINUTE)  # a hiccup is no news, nor is its end
    assert arrange.told(OWNER) == []
    for minutes in range(2, 20):
        look(NOW + minutes * MINUTE, "A webhook is set.")
    assert arrange.told(OWNER) == ["owner_updates_stopped"]
    assert (
        heard()[0]
        == "No updates from Telegram since 1 May 2026, 12:02 UTC, so nobody can pay. A webhook is set."
    )
    look(NOW + DAY + 3 * MINUTE, "A webhook is set.", None)
    for minutes in (4, 5):
        look(NOW + DAY + minutes * MINUTE)
    assert arrange.told(OWNER) == ["owner_updates_stopped"] * 2 + ["owner_updates_again"]


@pytest.mark.parametrize(
    ("counts", "is_told"),
    [
        (range(10, 90, 10), True),
        ([10, 20, 30, 30, 40, 50, 60], False),  # it stood still in between
        ([1, 2, 3, 4, 5, 6, 7, 8], False),  # a handful
        ([500] * 8, False),
        ([10, 20, None, 30, 40, 50, 60], True),
    ],
    ids=str,
)
def test_24_updates_that_pile_up_are_told(open_shop, counts, is_told):
    for minutes, pending in enumerate(counts):
        look(NOW + minutes * MINUTE, pending=pending)
    assert arrange.told(OWNER) == ["owner_updates_pile_up"] * is_told
    assert not is_told or "at each look since 1 May 2026, 12:00 UTC" in heard()[0]


@pytest.mark.parametrize("told", ["sale", "sales,none", "everything", "1"])
def test_24_a_choice_that_is_none_is_refused(told):
    with pytest.raises(
        ConfigError, match="OWNER_NOTICES must list any of sales, refunds, plans, health, or be none"
    ):
        load({"OWNER_NOTICES": told})


@pytest.mark.parametrize(
    ("told", "wanted"),
    [("", set(NOTICES)), ("none", set()), ("Sales, health", {"sales", "health"}), ("plans", {"plans"})],
)
def test_24_owners_choose_what_they_hear(told, wanted):
    settings = {
        "BOT_TOKEN": "7342037359:AAHwq3Vn0k-3Uq0kTzZqz0m0bX1cY2dE3fG",
        "PUBLIC_URL": "https://shop.test",
        "SECRET_KEY": "kV9dT2xQw8Lr4ZbN6hYc1JmPf3GsUe5a",
        "OWNER_NOTICES": told,
    }
    assert load(settings).owner_notices == wanted
