"""Forgetting a person: a name that was everywhere is nowhere, and what was paid for stays."""

import json
import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from tests.kit import arrange
from tests.kit.arrange import ALICE, BOB, DAY, NOW, OWNER
from tests.kit.factories import TERMS_VERSION
from webapp.db.engine import Base, db
from webapp.db.models import InboxItem, Order, Signal, User
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements, explanations, ledger, signals
from webapp.domain.owner import audit, broadcasts, forgetting, support
from webapp.domain.people import users
from webapp.domain.people.init_data import Profile
from webapp.domain.queue import dead_letters, inbox, outbox
from webapp.domain.sales import subscriptions
from webapp.usecases import owner

CANARY = "Zzcanary"
LATER = NOW + DAY


def everything() -> str:
    """Return all that the database holds, as text."""
    db.session.rollback()
    said = []
    for table in Base.metadata.sorted_tables:
        rows = db.session.execute(text(f"SELECT * FROM {table.name}")).all()  # noqa: S608 - our own names
        said += [f"{table.name}: {tuple(row)}" for row in rows]
    return "\n".join(said)


def message(number: int, **facts: Any) -> dict[str, Any]:
    person = {"id": ALICE, "is_bot": False, "first_name": CANARY, "username": CANARY, "language_code": "en"}
    chat = {"id": ALICE, "type": "private", "first_name": CANARY}
    return {
        "update_id": number,
        "message": {
            "message_id": number,
            "date": int(NOW.timestamp()),
            "from": person,
            "chat": chat,
            **facts,
        },
    }


def receive(update: dict[str, Any], *, done: bool = True, now: datetime = NOW) -> InboxItem:
    with transaction():
        row = inbox.receive(update, "polling", now)
        item = dead_letters.get(row or 0)
        if done:
            inbox.finish(item, now)
    return item


@pytest.fixture
def alice(open_shop: None) -> User:
    """Alice bought, wrote, was written to and chose, and all of it has her name in it."""
    alice = arrange.meet(
        ALICE, first_name=CANARY, last_name=CANARY, username=CANARY, photo_url=f"https://t.me/{CANARY}.svg"
    )
    arrange.speaks(alice, "es")
    arrange.pay(arrange.facts(arrange.order(alice)))
    arrange.subscribe(alice, charge_id="first")
    arrange.order(alice, "notes")
    with transaction():
        users.choose_news(ALICE, NOW, wanted=False)
        for number, update in enumerate((message(1, text="/support"), message(2, text=f"I am {CANARY}"))):
            item = inbox.describe(update, "polling", NOW)
            support.hear(item, [OWNER], NOW)
            assert support.take(item, [OWNER], NOW) is bool(number)
        support.prompt(ALICE, OWNER, "query", NOW)
        signal = {"dedupe_key": "one", "name": "refunded", "telegram_id": ALICE, "facts": {}, "attempts": 1}
        moments = {"created_at": NOW, "next_attempt_at": NOW}
        db.session.add(Signal(**signal, **moments, taken_by=[], error=f"KeyError: {CANARY}"))
        for row in db.session.scalars(db.select(support.OutboxMessage)):
            outbox.sent(row, NOW)
    receive(message(3, text=f"Hello from {CANARY}"))
    receive(message(4, text=f"Not handled yet, {CANARY}"), done=False)
    receive({"update_id": 5, "pre_checkout_query": {"id": "q", "from": message(5)["message"]["from"]}})
    # The owner's answer carries the bot's words about her.
    replied = {
        "message_id": 9,
        "text": f"{CANARY} ({ALICE}) writes to the shop.",
        "from": {"id": 1, "is_bot": True},
    }
    receive(
        {
            "update_id": 6,
            "message": {
                "message_id": 1,
                "from": {"id": OWNER},
                "chat": {"id": OWNER},
                "reply_to_message": replied,
            },
        }
    )
    # A payment that waits for the owner, and a row of the statement that nobody understood.
    receive(message(7, successful_payment={"total_amount": "x"}), done=False)
    with transaction():
        inbox.set_aside(
            {"id": "row", "source": {"user": {"id": ALICE, "first_name": CANARY}}},
            inbox.STATEMENT_ROW,
            "odd",
            NOW,
        )
    return alice


def forget(now: datetime = LATER) -> None:
    with transaction():
        forgetting.forget(ALICE, now)


@pytest.mark.proves("I29", "S68")
def test_25_a_name_that_was_everywhere_is_nowhere(alice, caplog):
    caplog.set_level(logging.DEBUG)
    assert everything().count(CANARY) > 15
    before = ledger.of(ALICE), everything().count("charge-1")
    forget()
    assert [line for line in everything().splitlines() if CANARY in line] == []
    assert CANARY not in caplog.text
    assert forgetting.is_known(ALICE) is False
    # What was paid stays, and so do its reasons.
    assert [entry.id for entry in ledger.of(ALICE)] == [entry.id for entry in before[0]]
    assert entitlements.has(ALICE, "atlas", LATER)
    assert next(one for one in explanations.explain(ALICE, LATER) if one.key == "atlas").is_open
    assert [one.public_id for one in subscriptions.list_for(ALICE)]
    assert entitlements.differences({ALICE}) == []
    paid = db.session.scalars(db.select(Order).where(Order.telegram_id == ALICE)).all()
    assert {one.product.slug for one in paid} == {"atlas", "plan"}  # the notes were not paid
    forget()  # twice


@pytest.mark.proves("I29", "S68")
def test_25_a_plug_in_is_told_to_erase_what_it_keeps(alice):
    def told() -> list[dict[str, Any]]:
        return [one.facts for one in signals.waiting(10) if one.name == "person_forgotten"]

    forget()
    assert told() == []  # nobody listens
    signals.listen(["person_forgotten"])
    try:
        forget()
    finally:
        signals.listen(())
    [facts] = told()
    assert (facts["telegram_id"], facts["occurred_at"]) == (ALICE, LATER.isoformat())
    assert CANARY not in json.dumps(facts)


@pytest.mark.proves("I29", "S68")
def test_25_money_that_waits_still_finds_its_way(alice):
    forget()
    waiting = db.session.scalars(db.select(InboxItem).where(InboxItem.done_at.is_(None))).all()
    told = {item.kind: json.loads(item.body) for item in waiting}
    assert set(told) == {"successful_payment", inbox.STATEMENT_ROW}
    assert told["successful_payment"]["message"]["from"] == {"id": ALICE, "is_bot": False}
    assert told["successful_payment"]["message"]["chat"] == {"id": ALICE, "type": "private"}
    assert told[inbox.STATEMENT_ROW]["source"] == {"user": {"id": ALICE}}


@pytest.mark.proves("S68")
def test_25_an_update_that_comes_again_is_known_although_its_words_are_gone(alice):
    forget()
    with transaction():
        assert inbox.receive(message(3, text=f"Hello from {CANARY}"), "polling", LATER) is None
    assert CANARY not in everything()


def test_25_nobody_else_is_touched(alice):
    bob = arrange.meet(BOB, first_name="Bob")
    arrange.order(bob, "notes")
    # An id that hers is a part of.
    other = int(f"{ALICE}7")
    arrange.meet(other, first_name="Alicia")
    with transaction():
        outbox.tell_owners(
            [OWNER], "owner_support", {"telegram_id": other, "name": "Alicia"}, about="x", now=NOW
        )
    forget()
    said = everything()
    assert "Bob" in said
    assert said.count("Alicia") == 2
    assert db.session.scalar(db.select(Order.id).where(Order.telegram_id == BOB))


def test_25_an_invoice_in_telegrams_hands_stays_until_it_is_settled(alice):
    order = arrange.order(alice, "notes")
    assert arrange.decide(arrange.question(order)) is None
    forget(NOW + timedelta(seconds=5))
    arrange.pay(arrange.facts(order, "charge-2"), now=NOW + timedelta(seconds=9))
    assert entitlements.has(ALICE, "notes", NOW + timedelta(seconds=10))
    assert db.session.get_one(Order, order.id, populate_existing=True).charge_id == "charge-2"


def test_25_a_later_purchase_works_and_the_person_is_known_again(alice):
    forget()
    profile = Profile(ALICE, "Alice", "", None, "en", False, None)
    with transaction(), pytest.raises(users.Forgotten):
        users.provision(profile, LATER, as_of=LATER - DAY)  # by the launch of before
    assert users.get(ALICE).name == str(ALICE)
    with transaction():
        again = users.provision(profile, LATER, as_of=LATER + timedelta(seconds=1))
    assert (again.first_name, again.forgotten_at, again.news_declined_at) == ("Alice", None, None)
    arrange.pay(
        arrange.facts(arrange.order(again, "notes", now=LATER), "charge-3", charged_at=LATER), now=LATER
    )
    assert entitlements.has(ALICE, "notes", LATER)
    assert entitlements.has(ALICE, "atlas", LATER)


def test_25_sessions_end_a_ban_stays_and_no_news_come(alice):
    with transaction():
        users.ban(ALICE, NOW)
    epoch = users.get(ALICE).session_epoch
    forget()
    user = users.get(ALICE)
    assert user.session_epoch == epoch + 1
    assert user.banned_at == NOW
    with transaction():
        users.unban(ALICE)
    assert broadcasts.audience("everyone", LATER).speakers == {}
    with transaction():
        broadcasts.start(broadcasts.News("comet", "everyone", {"en": "A comet"}, None), LATER)
        assert broadcasts.write_messages(LATER) == 0


def test_25_what_is_still_to_be_sent_of_a_payment_is_sent_and_nothing_else(alice):
    arrange.pay(arrange.facts(arrange.order(alice, "notes"), "charge-2"))
    with transaction():
        outbox.add(ALICE, "support_answer", {"text": CANARY, "part": 0}, dedupe_key="answer", now=NOW)
        outbox.add(
            OWNER, "owner_support", {"telegram_id": ALICE, "name": CANARY}, dedupe_key="relay", now=NOW
        )
    forget()
    with transaction():
        assert [(one.telegram_id, one.kind) for one in outbox.claim(10, LATER)] == [(ALICE, "receipt")]


def test_25_the_terms_are_asked_for_again(alice):
    assert TERMS_VERSION in everything()
    with transaction():
        forgetting.forget(ALICE, LATER)
    assert db.session.execute(text("SELECT count(*) FROM terms_acceptances")).scalar() == 0


def test_25_that_somebody_was_forgotten_is_on_record(alice):
    owner.forget(ALICE, audit.Decision(by="shell", reason="They asked."))
    assert [(one.act, one.reason) for one in audit.list_for(ALICE)] == [("forget", "They asked.")]
    with pytest.raises(owner.NotDone, match=f"Nothing is known of {ALICE} but that number"):
        owner.forget(ALICE, audit.Decision(by="shell", reason="They asked."))


@pytest.mark.parametrize(
    ("body", "bare"),
    [
        ("{no JSON", "{no JSON"),
        ('[{"id": 1001, "first_name": "Alice"}, {"id": 2}]', '[{"id":1001},{"id":2}]'),
        ('"1001"', '"1001"'),
    ],
)
def test_25_an_update_of_any_shape_is_stripped_or_left(body, bare):
    assert forgetting._bare(body, 1001) == bare
