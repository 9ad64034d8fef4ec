"""The duties of the bot process, with a Telegram that answers, refuses, and stays silent."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from tests.kit import arrange
from tests.kit.factories import TERMS_VERSION
from tests.kit.hands import (
    ASKED,
    Hands,
    Purchase,
    answers,
    has_atlas,
    on_sqlite,
    payment,
    question,
    rows,
    say,
    status,
    wish,
)
from tests.kit.played import ALICE, BOB, CARMEN, told, trouble
from tests.kit.processes import Stage
from webapp import clock
from webapp.bot.leases import DUTY_SECONDS
from webapp.bot.process import Bot
from webapp.bot.questions import Questions
from webapp.bot.worker import Worker
from webapp.db import retried
from webapp.db.engine import db
from webapp.db.models import Charge, InboxItem, LedgerEntry, Order, OutboxMessage, Refund, User
from webapp.db.transactions import transaction
from webapp.domain.access import ledger, signals
from webapp.domain.catalogue import catalogue
from webapp.domain.owner import shops
from webapp.domain.people import users
from webapp.domain.queue import dead_letters, inbox, leases, outbox
from webapp.domain.sales import reconciliation, reservations, updates
from webapp.texts import notifications
from webapp.usecases import invoices, owner

SECOND = timedelta(seconds=1)


@pytest.fixture
def order(alice: User) -> Order:
    """Alice is about to buy the atlas."""
    return arrange.order(alice, "atlas", now=clock.now())


# Questions before a charge


def test_a_yes_charges_and_unlocks(telegram, hands, alice):
    assert Purchase(telegram, hands, alice).finish()["status"] == "paid"
    assert has_atlas()
    hands.send_all()
    assert any("Atlas is unlocked" in words for words in told(telegram, ALICE))


@on_sqlite
def test_a_no_reaches_the_buyer_in_words(telegram, hands, alice):
    purchase = Purchase(telegram, hands, alice)
    with transaction():
        catalogue.replace([arrange.NOTES], clock.now())
    assert purchase.finish() == {
        "status": "failed",
        "error": "This item isn't for sale right now. You haven't been charged.",
    }
    assert telegram.state()["balance"] == 0


def go_off_sale(_order: Order) -> None:
    catalogue.replace([arrange.NOTES], clock.now())


def ban(order: Order) -> None:
    users.ban(order.telegram_id, clock.now())


def expire(order: Order) -> None:
    db.session.execute(db.update(Order).values(expires_at=clock.now()))


def close(order: Order) -> None:
    db.session.execute(db.update(Order).values(closed_at=clock.now()))


def hold(order: Order) -> None:
    reservations.reserve(order.payload, ALICE, order.stars, "XTR", "q0", keys=arrange.KEYS, now=clock.now())


@pytest.mark.proves("I3", "S45")
@pytest.mark.parametrize(
    ("before", "changes", "words"),
    [
        (None, {"total_amount": 1}, "The price changed."),
        (None, {"currency": "USD"}, "The price changed."),
        (None, {"from": {"id": BOB}}, "is for someone else"),
        (None, {"invoice_payload": "p1.made.up"}, "doesn't exist"),
        (None, {"invoice_payload": ""}, "doesn't exist"),
        (go_off_sale, {}, "isn't for sale"),
        (ban, {}, "You can't buy in this shop."),
        (expire, {}, "has expired"),
        (close, {}, "is closed"),
        (hold, {}, "already being confirmed"),
    ],
    ids=lambda part: getattr(part, "__name__", str(part)[:30]),
)
@on_sqlite
def test_what_must_not_be_charged_is_declined_in_words(telegram, hands, order, before, changes, words):
    if before:
        with transaction():
            before(order)
    hands.ask(order, **changes)
    [(ok, said)] = answers(telegram)
    assert not ok
    assert words in said


@pytest.mark.proves("F5")
def test_asked_again_the_answer_is_the_same(telegram, hands, order):
    hands.ask(order)
    hands.ask(order, **{"from": {"id": ALICE, "is_premium": True}})  # the same query, delivered anew
    assert answers(telegram) == [(True, ""), (True, "")]


def test_a_no_stays_a_no(telegram, hands, order):
    hands.ask(order, total_amount=1)
    hands.ask(order)  # as if the price were right after all: the same query
    [(first, words), (second, again)] = answers(telegram)
    assert (first, second, words) == (False, False, again)
    hands.ask(order, "q2")
    assert answers(telegram)[-1] == (True, "")


@pytest.mark.proves("F41")
def test_two_devices_at_once_are_charged_once(telegram, hands, alice):
    phone, desktop = Purchase(telegram, hands, alice), Purchase(telegram, hands, alice)
    assert [phone.finish()["status"], desktop.finish()["status"]] == ["paid", "failed"]
    assert [ok for ok, _ in answers(telegram)] == [True, False]


@pytest.mark.proves("I3", "F17")
@pytest.mark.parametrize(("ago", "ok"), [(0, True), (5, True), (6.5, False), (3600, False)])
@on_sqlite
def test_after_six_seconds_the_answer_is_no(telegram, hands, order, ago, ok):
    hands.ask(order, ago=ago)
    [(said, words)] = answers(telegram)
    assert said is ok
    assert ok or words == "That took too long to confirm. You haven't been charged; please try again."


@pytest.mark.proves("I14", "F25")
def test_without_a_committed_yes_the_answer_is_no(telegram, hands, order):
    hands.receive(question(order))
    db.session.execute(text("ALTER TABLE pre_checkouts RENAME TO elsewhere"))
    db.session.commit()
    hands.answer()
    db.session.execute(text("ALTER TABLE elsewhere RENAME TO pre_checkouts"))
    db.session.commit()
    [(ok, words)] = answers(telegram)
    assert not ok
    assert words.startswith("The shop can't take payments right now. You haven't been charged")


def seen_at_the_call(hands: Hands, monkeypatch: pytest.MonkeyPatch, look: Callable[[], Any]) -> list[Any]:
    """Return a list of what others see in the database whenever Telegram is called."""
    seen: list[Any] = []
    call = hands.worker.context.client.call

    def watched(*args: Any, **options: Any) -> Any:
        seen.append(look())
        return call(*args, **options)

    monkeypatch.setattr(hands.worker.context.client, "call", watched)
    return seen


@pytest.mark.proves("I3")
def test_a_yes_is_committed_before_telegram_hears_it(telegram, hands, order, rows, monkeypatch):
    held = seen_at_the_call(
        hands, monkeypatch, lambda: rows("SELECT reserved_query_id FROM orders WHERE charge_id IS NULL")
    )
    hands.ask(order)
    assert answers(telegram) == [(True, "")]
    assert held == ["q1"]


@pytest.mark.proves("F38")
@on_sqlite
@pytest.mark.parametrize("what", [{"status": 500}, {"garbage": True}, {"status": 429}])
def test_an_answer_that_may_not_have_arrived_is_given_again(telegram, hands, order, what):
    trouble(telegram, "answerPreCheckoutQuery", **what)
    hands.ask(order)
    assert answers(telegram) == [(True, ""), (True, "")]
    assert rows(InboxItem)[0].done_at


@on_sqlite
def test_an_answer_whose_confirmation_was_lost_counts(telegram, hands, alice):
    purchase = Purchase(telegram, hands, alice)
    trouble(telegram, "answerPreCheckoutQuery", lost_answer=True)
    assert purchase.finish()["status"] == "paid"
    assert has_atlas()


@pytest.mark.proves("F38")
@on_sqlite
def test_a_second_try_that_comes_too_late_is_a_no(telegram, hands, order, monkeypatch):
    trouble(telegram, "answerPreCheckoutQuery", status=500)
    client = hands.worker.context.client
    call = client.call

    def slow(*args: Any, **options: Any) -> Any:
        try:
            return call(*args, **options)
        finally:
            hands.wait(7)

    monkeypatch.setattr(client, "call", slow)
    hands.ask(order)
    assert [ok for ok, _ in answers(telegram)] == [True, False]


@on_sqlite
def test_an_answer_telegram_does_not_want_is_not_repeated(telegram, hands, order):
    hands.ask(order)  # a query that Telegram does not know any more
    assert [call["status"] for call in telegram.calls("answerPreCheckoutQuery")] == [400]
    assert rows(InboxItem)[0].done_at


@pytest.mark.proves("F5", "F60")
def test_05_an_approval_that_telegram_finds_too_old_frees_its_order_at_once(telegram, hands, order):
    hands.ask(order)  # Telegram does not know it any more
    hands.ask(order, "q2")
    assert answers(telegram) == [(True, ""), (True, "")]


@on_sqlite
def test_05_after_two_errors_the_answer_arrives_by_the_third_try(telegram, hands, alice):
    purchase = Purchase(telegram, hands, alice)
    trouble(telegram, "answerPreCheckoutQuery", status=500, times=2)
    assert purchase.finish()["status"] == "paid"


@on_sqlite
def test_05_the_next_try_is_sold_when_no_answer_arrived(telegram, hands, alice):
    purchase = Purchase(telegram, hands, alice)
    trouble(telegram, "answerPreCheckoutQuery", status=500, times=100)
    hands.answer()
    telegram.control("PUT", "troubles")
    assert Purchase(telegram, hands, alice).finish()["status"] == "paid"
    assert purchase.finish()["status"] == "failed"
    assert len(rows(Charge)) == 1


@on_sqlite
def test_05_a_charge_for_each_of_two_approvals_is_given_back_once(telegram, hands, order):
    trouble(telegram, "answerPreCheckoutQuery", status=500, times=4)
    hands.ask(order)
    hands.ask(order, "q2")
    hands.receive(payment(order))
    hands.receive(payment(order, "charge-2"))
    hands.worker.settle_money()
    assert [refund.charge_id for refund in rows(Refund)] == ["charge-2"]
    assert has_atlas()


@on_sqlite
def test_05_a_yes_that_took_too_long_to_write_frees_its_order(telegram, hands, order, monkeypatch):
    decided = hands.questions._decide

    def slowly(asked: Any) -> Any:
        try:
            return decided(asked)
        finally:
            hands.wait(7)

    with monkeypatch.context() as patch:
        patch.setattr(hands.questions, "_decide", slowly)
        hands.ask(order)
    hands.ask(order, "q2")
    assert [ok for ok, _ in answers(telegram)] == [False, True]


@pytest.mark.proves("F5")
def test_05_what_a_killed_process_approved_is_free_when_telegram_gives_it_up(telegram, hands, alice):
    order = arrange.order(alice, "week", now=clock.now())
    hands.receive(question(order))
    [item] = Questions(hands.app).claim(10)
    hands.questions._decide(updates.question(item))  # and dies
    hands.ask(order, "q2")
    hands.wait(10)
    hands.ask(order, "q3")
    assert [ok for ok, _ in answers(telegram)] == [False, True]


@on_sqlite
def test_a_question_without_its_facts_is_set_aside(telegram, hands, order):
    hands.ask(order, total_amount="250")
    assert answers(telegram) == []
    [item] = rows(InboxItem)
    assert item.quarantined_at
    assert "total_amount" in item.error


# Money


def test_a_payment_is_settled_with_its_receipt(telegram, hands, order):
    hands.receive(payment(order))
    assert hands.worker.settle_money() == 1
    assert has_atlas()
    assert rows(InboxItem)[0].done_at
    hands.send_all()
    assert "Atlas is unlocked" in told(telegram, ALICE)[0]


@pytest.mark.proves("I13")
@on_sqlite
def test_a_payment_nobody_understands_waits_for_the_owner(telegram, hands, order):
    hands.receive(payment(order, total_amount=1))
    hands.worker.settle_money()
    hands.send_all()
    assert not has_atlas()
    assert "Your payment is safe" in told(telegram, ALICE)[0]
    assert "A payment needs you: 1 Star" in told(telegram, CARMEN)[0]
    assert telegram.calls("refundStarPayment") == []


@on_sqlite
@pytest.mark.parametrize(
    "changes", [{"total_amount": "250"}, {"total_amount": -1}, {"telegram_payment_charge_id": None}]
)
def test_money_without_its_facts_is_set_aside_at_once(hands, order, changes):
    hands.receive(payment(order, **changes))
    hands.receive(payment(order, "charge-2"))
    hands.worker.settle_money()
    broken, whole = sorted(rows(InboxItem), key=lambda item: item.id)
    assert broken.quarantined_at
    assert broken.attempts == 1
    assert whole.done_at
    assert has_atlas()


@pytest.mark.proves("I5", "I10")
def test_what_cannot_be_settled_is_set_aside_after_eight_tries(hands, order):
    hands.receive(payment(order))
    db.session.execute(text("ALTER TABLE outbox RENAME TO elsewhere"))
    db.session.commit()
    for attempt in range(1, 9):
        assert hands.worker.settle_money() == 1
        [item] = rows(InboxItem)
        assert (item.attempts, bool(item.quarantined_at)) == (attempt, attempt == 8)
        assert hands.worker.settle_money() == 0
        hands.wait(600)
    assert hands.worker.settle_money() == 0
    assert rows(LedgerEntry) == []  # all or nothing
    assert not has_atlas()
    db.session.execute(text("ALTER TABLE elsewhere RENAME TO outbox"))
    db.session.commit()


POISON = {
    "sqlite": [
        "CREATE TRIGGER poison BEFORE INSERT ON charges WHEN NEW.telegram_id = {person} "
        "BEGIN SELECT RAISE(ABORT, 'poison'); END"
    ],
    "postgresql": [
        "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'poison'; END $$",
        "CREATE TRIGGER poison BEFORE INSERT ON charges FOR EACH ROW WHEN (NEW.telegram_id = {person}) "
        "EXECUTE FUNCTION poison()",
    ],
}


def poison(person: int) -> None:
    """Let no payment of a person be recorded."""
    with transaction():
        for statement in POISON[db.engine.dialect.name]:
            db.session.execute(text(statement.format(person=person)))


def cure() -> None:
    with transaction():
        table = " ON charges" if db.engine.dialect.name == "postgresql" else ""
        db.session.execute(text(f"DROP TRIGGER poison{table}"))


@pytest.fixture
def poisoned(hands: Hands, order: Order) -> InboxItem:
    """Alice's payment cannot be settled, whatever is tried, and was set aside."""
    poison(ALICE)
    hands.receive(payment(order))
    while not rows(InboxItem)[0].quarantined_at:
        hands.worker.settle_money()
        hands.wait(600)
    return rows(InboxItem)[0]


@pytest.mark.proves("I5", "F22")
def test_one_persons_poison_delays_nobody_elses_payment(hands, order, bob):
    poison(ALICE)
    # More than are taken at once, and all of them older than Bob's.
    for number in range(25):
        hands.receive(payment(order, f"poison-{number}"))
    for attempt in range(1, 9):
        hands.receive(payment(arrange.order(bob, "week", now=clock.now()), f"bob-{attempt}"))
        assert hands.worker.settle_money() + hands.worker.settle_money() > 1
        assert [one.telegram_payment_charge_id for one in rows(Charge)][-1] == f"bob-{attempt}"
        while hands.worker.settle_money():
            pass
        hands.wait(600)
    assert {item.telegram_id for item in rows(InboxItem) if item.quarantined_at} == {ALICE}
    assert len([item for item in rows(InboxItem) if item.quarantined_at]) == 25


def test_what_was_set_aside_is_settled_once_its_cause_is_gone(hands, poisoned):
    cure()
    assert hands.worker.settle_money() == 0
    with transaction():
        dead_letters.replay([poisoned.id], clock.now())
    assert hands.worker.settle_money() == 1
    assert has_atlas()
    assert rows(InboxItem)[0].state == "done"


def test_a_payment_replayed_twice_is_settled_once(hands, poisoned):
    """Also when Telegram delivered it again meanwhile, or the statement had it."""
    cure()
    copy = json.loads(poisoned.body)
    copy["message"]["message_id"] = 2
    hands.receive(copy)
    hands.worker.settle_money()
    for _ in range(2):
        with transaction():
            dead_letters.replay([poisoned.id], clock.now())
        hands.wait(1)
    assert hands.worker.settle_money() == 1
    with pytest.raises(dead_letters.InboxError, match="is done"), transaction():
        dead_letters.replay([poisoned.id], clock.now())
    assert hands.worker.settle_money() == 0
    assert [entry.kind for entry in rows(LedgerEntry)] == ["charge"]
    assert len(rows(OutboxMessage)) == 1


@pytest.mark.proves("I5", "F2")
def test_a_payment_delivered_by_a_process_that_died_is_settled_by_another(app, hands, order):
    hands.receive(payment(order))
    with transaction():
        assert len(inbox.claim(10, clock.now())) == 1  # and dies
    assert Worker(app).settle_money() == 0
    hands.wait(31)
    assert Worker(app).settle_money() == 1
    assert has_atlas()


@on_sqlite
def test_chat_leaves_money_alone(hands, order):
    hands.receive(payment(order))
    hands.receive(question(order))
    hands.receive({"update_id": 1, "message": {"text": "hello"}})
    assert [item.kind for item in hands.worker.claim_chat()] == ["message"]


def write(hands: Hands, *texts: str, person: int = ALICE) -> None:
    """Have a person write to the bot, so many messages at once."""
    for words in texts:
        number = next(hands.numbers)
        hands.receive({"update_id": number, "message": {"from": {"id": person}, "text": words}})


def answered(hands: Hands) -> list[str]:
    """Return what is answered at this moment, in order."""
    found = []
    for _ in range(30):  # looks, each of which takes twenty
        for item in hands.worker.claim_chat():
            found.append(json.loads(item.body)["message"]["text"])
            hands.worker.finish(item)
    return found


@pytest.mark.proves("F33", "S66")
def test_02_somebody_who_writes_fast_gets_one_answer_a_second(hands):
    write(hands, *["hello?"] * 30, "/start", *["/start now"] * 30, "/shop", "/START@bot last")
    seconds = []
    for _ in range(6):
        seconds.append(answered(hands))
        hands.wait(1)
    # The first of many is answered at once, what came after it together.
    assert [words[0].partition(" ")[0] for words in seconds if words] == [
        "hello?",
        "hello?",
        "/shop",
        "/START@bot",
    ]
    assert max(map(len, seconds)) == 1
    assert all(item.done_at for item in rows(InboxItem))


def test_02_each_start_of_somebody_patient_is_answered_once(hands):
    seconds = []
    for number in range(4):
        write(hands, f"/start {number}")
        seconds += answered(hands)
        hands.wait(1)
    assert seconds == ["/start 0", "/start 1", "/start 2", "/start 3"]


@on_sqlite
def test_02_what_one_person_writes_holds_up_nobody_elses_answer(hands):
    write(hands, *(f"/start {number}" for number in range(200)))
    write(hands, "/paysupport", person=BOB)
    assert "/paysupport" in answered(hands)


@on_sqlite
def test_02_no_two_persons_words_are_taken_for_one(hands):
    for person in (ALICE, BOB, CARMEN):
        write(hands, "/start", person=person)
    assert answered(hands) == ["/start"] * 3


@on_sqlite
def test_02_a_chat_waits_for_the_pause_that_it_was_told(hands):
    hands.worker.context.client.keep_silent("sendMessage", 40, ALICE)
    write(hands, "/start")
    write(hands, "/paysupport", person=BOB)
    assert answered(hands) == ["/paysupport"]
    hands.wait(39)
    assert answered(hands) == []
    hands.wait(1)
    assert answered(hands) == ["/start"]
    assert {item.attempts for item in rows(InboxItem)} == {1}  # to wait is no failure


@on_sqlite
def test_02_receipts_and_alarms_come_before_chat_but_not_for_ever(hands, alice):
    say(ALICE)
    write(hands, "/start")
    assert answered(hands) == []
    hands.send_all()
    assert answered(hands) == ["/start"]
    say(BOB)
    write(hands, "/start", person=BOB)
    assert answered(hands) == []
    hands.wait(5)  # nobody sends them, for whatever reason
    assert answered(hands) == ["/start"]


@on_sqlite
def test_02_chat_waits_for_no_news(hands, alice):
    say(ALICE, kind=outbox.OWNERS_NEWS)
    write(hands, "/start")
    assert answered(hands) == ["/start"]


@on_sqlite
@pytest.mark.parametrize("body", [{"message": "garbage"}, {"message": {"text": 5}}, {"edited_message": {}}])
def test_02_what_is_no_message_is_never_merged(hands, body):
    for number in range(3):
        hands.receive({"update_id": number, **body})
    assert len(hands.worker.claim_chat()) == 3


@pytest.mark.proves("F13")
@on_sqlite
def test_chat_that_fails_is_tried_again_and_set_aside(hands):
    hands.receive({"update_id": 1, "message": {"text": "hello"}})
    for _ in range(8):
        [item] = hands.worker.claim_chat()
        hands.worker.fail(item, ValueError("bad"))
        hands.wait(600)
    assert hands.worker.claim_chat() == []
    [item] = rows(InboxItem)
    assert item.quarantined_at
    assert item.error == "ValueError: bad"


# Messages


@pytest.mark.proves("I10")
@on_sqlite
def test_a_message_is_sent_once(telegram, hands, alice):
    say(ALICE)
    hands.send_all()
    hands.wait(3600)
    hands.send_all()
    assert len(told(telegram, ALICE)) == 1


@pytest.mark.proves("F33")
@on_sqlite
def test_when_telegram_wants_silence_there_is_silence(telegram, hands, alice):
    for number in (1, 2, 3):
        say(ALICE, number)
    hands.worker.context.client.keep_silent("sendMessage", 20)
    say(BOB, 4)
    hands.wait(19)
    assert hands.messages.send_due() == 0
    assert telegram.calls("sendMessage") == []
    hands.wait(2)
    hands.send_all()
    assert [words.partition(" Star")[0][-1] for words in told(telegram, ALICE)] == ["1", "2", "3"]
    assert len(told(telegram, BOB)) == 1


@pytest.mark.proves("F33", "S66")
@on_sqlite
def test_02_a_chat_that_is_to_be_silent_holds_nobody_up(telegram, hands, alice):
    for number in (1, 2, 3):
        say(ALICE, number)
    say(BOB, 4)
    trouble(telegram, "sendMessage", status=429, retry_after=20)
    hands.send_all()
    assert [call["params"]["chat_id"] for call in telegram.calls("sendMessage")] == [ALICE, BOB]
    assert len(told(telegram, BOB)) == 1
    hands.wait(19)
    hands.send_all()
    assert told(telegram, ALICE) == []
    hands.wait(2)
    hands.send_all()
    assert [words.partition(" Star")[0][-1] for words in told(telegram, ALICE)] == ["1", "2", "3"]


@pytest.mark.proves("F33")
@on_sqlite
def test_02_when_a_second_chat_is_told_to_wait_everybody_waits(telegram, hands, alice):
    for person in (ALICE, BOB, CARMEN):
        say(person)
    trouble(telegram, "sendMessage", status=429, retry_after=20, times=2)
    hands.send_all()
    assert len(telegram.calls("sendMessage")) == 2
    hands.wait(21)
    hands.send_all()
    assert [len(told(telegram, person)) for person in (ALICE, BOB, CARMEN)] == [1, 1, 1]


@pytest.mark.proves("F37")
@on_sqlite
def test_somebody_who_blocked_the_bot_holds_nobody_up(telegram, hands, alice):
    telegram.control("PATCH", f"people/{ALICE}", blocked=True)
    say(ALICE)
    say(BOB)
    hands.send_all()
    hands.wait(3600)
    hands.send_all()
    assert len(told(telegram, BOB)) == 1
    assert len(telegram.calls("sendMessage")) == 2
    assert "blocked" in next(message.error for message in rows(OutboxMessage) if message.failed_at)


@pytest.mark.proves("F54")
@on_sqlite
@pytest.mark.parametrize(
    "what",
    [{"status": 500}, {"status": 502}, {"garbage": True}, {"status": 401}, {"status": 404}, {"status": 409}],
    ids=str,
)
def test_a_message_that_may_not_have_arrived_is_sent_again(telegram, hands, alice, what):
    """Also while the token is being changed: what was promised is said with the new one."""
    say(ALICE)
    trouble(telegram, "sendMessage", **what)
    hands.send_all()
    assert told(telegram, ALICE) == []
    assert rows(OutboxMessage)[0].failed_at is None
    hands.wait(10)
    hands.send_all()
    assert len(told(telegram, ALICE)) == 1


@on_sqlite
@pytest.mark.parametrize(
    ("kind", "facts"), [("poetry", {}), ("receipt", {}), ("in_review", {"stars": "many"})]
)
def test_a_message_without_words_holds_nobody_up(telegram, hands, alice, kind, facts):
    say(ALICE, 1, kind, **facts)
    say(BOB, 2)
    hands.send_all()
    assert told(telegram, ALICE) == []
    assert len(told(telegram, BOB)) == 1
    broken = min(rows(OutboxMessage), key=lambda message: message.id)
    assert broken.sent_at is None
    assert broken.error


@pytest.mark.proves("F7")
@on_sqlite
def test_one_process_at_a_time_sends(app, telegram, hands, alice):
    say(ALICE)
    assert hands.messages.send_due() == 1
    say(ALICE, 2)
    other = Bot(app)
    assert other.messages.send_due() == 0
    hands.leases.release_leases()
    assert other.messages.send_due() == 1


@on_sqlite
def test_43_a_duty_is_believed_no_longer_than_it_was_taken_for(app, telegram, hands, alice):
    say(ALICE)
    assert hands.messages.send_due() == 1
    hands.wait(DUTY_SECONDS + 1)
    say(ALICE, 2)
    with transaction():
        assert leases.hold("outbox", "another process", DUTY_SECONDS, clock.now())
    assert hands.messages.send_due() == 0


# Refunds


def stars(telegram: Stage, person: int = ALICE) -> int:
    return next(one["stars"] for one in telegram.state()["people"] if one["id"] == person)


@on_sqlite
def test_a_refund_gives_the_stars_back_and_locks(telegram, hands, charge):
    wish(charge)
    hands.duties.tick()
    assert status(charge) == "done"
    assert stars(telegram) == 500
    assert not has_atlas()
    hands.send_all()
    assert any("Refunded: " in words for words in told(telegram, ALICE))


@pytest.mark.proves("I6", "F4", "F35")
def test_a_refund_whose_answer_was_lost_is_done_once(telegram, hands, charge):
    hands.duties.tick()  # reads the statement, which is not read again for five minutes
    wish(charge)
    trouble(telegram, "refundStarPayment", lost_answer=True)
    hands.duties.tick()
    assert status(charge) == "unknown"
    assert not has_atlas()
    hands.wait(5)
    hands.duties.tick()
    assert status(charge) == "done"
    assert stars(telegram) == 500
    assert [entry.kind for entry in ledger.of(ALICE)].count("refund") == 1
    hands.wait(3600)
    hands.duties.tick()
    assert len(telegram.calls("refundStarPayment")) == 2


@pytest.mark.proves("I6")
def test_a_refund_is_written_down_before_telegram_is_asked(hands, charge, rows, monkeypatch):
    written = seen_at_the_call(
        hands, monkeypatch, lambda: rows("SELECT count(*) FROM ledger_entries WHERE kind = 'suspension'")
    )
    owner.refund(hands.worker.context, charge, ASKED)
    assert written == [1]
    assert status(charge) == "done"


@pytest.mark.proves("F36")
@on_sqlite
def test_a_refund_made_at_telegram_already_is_done(telegram, hands, charge):
    hands.duties.tick()  # reads the statement, which would say so, too
    telegram.control("POST", f"charges/{charge}/refund")
    wish(charge)
    hands.duties.tick()
    assert status(charge) == "done"
    assert sum(entry.stars for entry in ledger.of(ALICE)) == 0


@on_sqlite
def test_a_refund_telegram_refuses_gives_the_access_back(telegram, hands, charge):
    wish(charge)
    trouble(telegram, "refundStarPayment", status=400, description="Bad Request: CHARGE_NOT_FOUND")
    hands.duties.tick()
    assert status(charge) == "refused"
    assert has_atlas()
    hands.wait(3600)
    hands.duties.tick()
    assert len(telegram.calls("refundStarPayment")) == 1


@pytest.mark.proves("F54")
@on_sqlite
@pytest.mark.parametrize(
    ("what", "wait"),
    [
        ({"status": 429, "retry_after": 40}, 41),
        ({"status": 500}, 5),
        ({"garbage": True}, 5),
        # The token was changed a moment ago: no word on the refund.
        ({"status": 401}, 5),
        ({"status": 404}, 5),
    ],
    ids=str,
)
def test_a_refund_without_a_word_on_it_is_asked_for_again(telegram, hands, charge, what, wait):
    wish(charge)
    trouble(telegram, "refundStarPayment", **what)
    hands.duties.tick()
    assert status(charge) == "unknown"
    assert not has_atlas()
    hands.duties.tick()
    assert len(telegram.calls("refundStarPayment")) == 1
    hands.wait(wait)
    hands.duties.tick()
    assert status(charge) == "done"
    assert stars(telegram) == 500


@pytest.mark.proves("F33")
@on_sqlite
def test_f33_when_telegram_wants_silence_no_other_refund_is_asked_for(telegram, hands, alice):
    for slug in ("atlas", "notes"):
        arrange.pay(arrange.facts(arrange.order(alice, slug), slug))
        wish(slug)
    trouble(telegram, "refundStarPayment", status=429, retry_after=20)
    for _ in range(2):
        hands.duties.tick()
        hands.wait(9)
    assert len(telegram.calls("refundStarPayment")) == 1
    assert sorted(refund.attempts for refund in rows(Refund)) == [0, 1]
    hands.wait(3)
    hands.duties.tick()
    assert len(telegram.calls("refundStarPayment")) == 3


@pytest.mark.proves("F41")
@on_sqlite
def test_who_pays_twice_gets_the_second_payment_back(telegram, hands, order):
    hands.receive(payment(order, "charge-1"))
    hands.receive(payment(order, "charge-2"))
    hands.worker.settle_money()
    assert [(refund.charge_id, refund.requested_by) for refund in rows(Refund)] == [("charge-2", "shop")]
    assert has_atlas()
    hands.send_all()
    assert any("is refunded automatically" in words for words in told(telegram, ALICE))
    hands.duties.tick()
    [call] = telegram.calls("refundStarPayment")
    assert call["params"] == {"user_id": ALICE, "telegram_payment_charge_id": "charge-2"}


# What comes round


@pytest.mark.proves("F18")
def test_a_lost_payment_is_found_in_the_statement(telegram, hands, alice):
    purchase = Purchase(telegram, hands, alice)
    hands.answer()
    purchase.thread.join(12)
    assert not has_atlas()
    hands.duties.tick()
    assert has_atlas()


@on_sqlite
def test_every_page_of_the_statement_is_read(telegram, hands, alice, monkeypatch):
    monkeypatch.setattr(reconciliation, "PAGE", 2)
    for slug in ("atlas", "notes", "week"):
        link = invoices.open_invoice(
            hands.worker.context, alice, slug, terms_version=TERMS_VERSION, correlation_id="tap"
        ).invoice_link
        telegram.control("POST", "charges", person=ALICE, slug=link.rpartition("$")[2], silent=True)
    hands.duties.tick()
    assert len(rows(Charge)) == 3


@on_sqlite
def test_the_statement_is_read_again_after_five_minutes(telegram, hands, alice):
    hands.duties.tick()
    begun = len(telegram.calls("getStarTransactions"))
    hands.wait(200)
    hands.duties.tick()
    assert len(telegram.calls("getStarTransactions")) == begun
    hands.wait(101)
    hands.duties.tick()
    assert len(telegram.calls("getStarTransactions")) == begun + 1


@pytest.mark.proves("F52")
@on_sqlite
def test_f52_a_clock_set_back_ends_no_duty(telegram, hands, alice, monkeypatch):
    hands.duties.tick()
    begun = len(telegram.calls("getStarTransactions"))
    hour_ago = clock.now() - 3600 * SECOND
    monkeypatch.setattr(clock, "now", lambda: hour_ago)
    hands.wait(301)
    hands.duties.tick()
    assert len(telegram.calls("getStarTransactions")) == begun + 1


@pytest.mark.proves("F52")
@on_sqlite
@pytest.mark.parametrize("seconds", [3600, -3600])
def test_f52_a_question_in_hand_is_not_taken_again_by_a_clock_that_jumps(hands, order, seconds):
    hands.receive(question(order))
    in_hand = hands.questions.claim(10)
    hands.wait(seconds)
    assert hands.questions.claim(10) == []
    hands.questions.answer(in_hand[0])
    hands.receive(question(order, "q2"))
    assert len(hands.questions.claim(10)) == 1


@pytest.mark.proves("F5")
@on_sqlite
def test_f5_a_question_that_a_process_died_with_is_let_go(telegram, hands, order):
    hands.receive(question(order))
    assert len(Questions(hands.app).claim(10)) == 1  # which dies
    hands.wait(retried.LEASE_SECONDS)
    hands.answer()
    assert answers(telegram) == []
    assert rows(InboxItem)[0].done_at


@pytest.mark.proves("F29")
@on_sqlite
def test_the_whole_statement_is_read_once_a_day(telegram, hands, alice):
    hands.duties.tick()
    # From the first row on: for the refunds, and then for the rest.
    assert [call["params"]["offset"] for call in telegram.calls("getStarTransactions")] == [0, 0]
    hands.wait(301)
    hands.duties.tick()
    assert len(telegram.calls("getStarTransactions")) == 3
    hands.wait(24 * 3600)
    hands.duties.tick()
    assert len(telegram.calls("getStarTransactions")) == 5


@on_sqlite
def test_a_statement_that_could_not_be_read_is_read_sooner(telegram, hands, alice):
    trouble(telegram, "getStarTransactions", status=500)
    hands.duties.tick()
    hands.wait(31)
    hands.duties.tick()
    assert [call.get("status", 200) for call in telegram.calls("getStarTransactions")] == [500, 200, 200]


@on_sqlite
def test_orders_nobody_paid_are_closed(hands, order):
    hands.wait(16 * 60)
    hands.duties.tick()
    assert rows(Order)[0].closed_at


@on_sqlite
def test_whether_updates_arrive_is_looked_at(telegram, hands, alice):
    hands.duties.tick()
    db.session.rollback()
    checked_at, problem = shops.delivery()
    assert isinstance(checked_at, datetime)
    assert problem is None
    trouble(telegram, "getWebhookInfo", status=500)
    hands.wait(61)
    hands.duties.tick()
    db.session.rollback()
    assert "cannot be asked" in shops.delivery()[1]
    walks = len(telegram.calls("getStarTransactions"))
    hands.wait(61)
    hands.duties.tick()
    hands.duties.tick()
    # They arrive again; what was missed meanwhile is in the statement.
    assert len(telegram.calls("getStarTransactions")) == walks + 1


@pytest.mark.proves("F52")
@on_sqlite
@pytest.mark.parametrize(("ahead", "is_told"), [(-3, False), (12, True), (-12, True), (600, True)])
def test_f52_a_clock_that_is_off_is_an_error_in_the_log(telegram, hands, alice, caplog, ahead, is_told):
    telegram.control("POST", "clock", offset_seconds=ahead)
    hands.duties.tick()
    told = [one.getMessage() for one in caplog.records if getattr(one, "event", "") == "clock_off"]
    assert bool(told) is is_told
    assert all("Telegram's. Sync it with NTP" in one for one in told)


@on_sqlite
def test_owners_hear_once_a_week_of_a_plug_in_that_heard_nothing_for_an_hour(hands, order):
    settings = replace(hands.worker.context.config, owner_ids=frozenset({CARMEN}))
    hands.duties.context = replace(hands.worker.context, config=settings)
    signals.listen({"purchase_granted"})
    arrange.pay(arrange.facts(order), now=clock.now())
    with transaction():
        failing = signals.claim(clock.now())
        signals.failed(failing, "plugin.welcome: RuntimeError: no room", [], clock.now())

    def housekeep_after(seconds: float) -> list[str]:
        hands.wait(seconds)
        hands.duties.due_at["housekeeping"] = clock.ticks()
        db.session.rollback()
        hands.duties.tick()
        findings = db.select(OutboxMessage).where(OutboxMessage.kind == "owner_finding")
        return [notifications.told(one.kind, one.facts, "en").text for one in db.session.scalars(findings)]

    assert housekeep_after(61) == []
    [words] = housekeep_after(3600)
    assert "1 purchase_granted (plugin.welcome: RuntimeError: no room)" in words
    assert "signals retry --all" in words
    assert len(housekeep_after(61)) == 1
    assert len(housekeep_after(7 * 86400)) == 2


@on_sqlite
def test_owners_hear_once_a_week_that_a_disk_may_be_thrown_away(hands, open_shop):
    settings = replace(hands.worker.context.config, owner_ids=frozenset({CARMEN}), sqlite_disk_is_kept=False)
    hands.duties.context = replace(hands.worker.context, config=settings)

    def housekeep_after(seconds: float) -> None:
        hands.wait(seconds)
        hands.duties.due_at["housekeeping"] = clock.ticks()
        db.session.rollback()  # what was read before must not hide what comes
        hands.duties.tick()

    housekeep_after(0)
    housekeep_after(61)
    assert arrange.told(CARMEN) == ["owner_finding"]
    [message] = db.session.scalars(db.select(OutboxMessage).where(OutboxMessage.kind == "owner_finding"))
    assert "Set SQLITE_DISK_IS_KEPT=1" in notifications.told(message.kind, message.facts, "en").text
    housekeep_after(7 * 86400)
    assert arrange.told(CARMEN) == ["owner_finding"] * 2


@on_sqlite
def test_25_what_had_its_days_goes_by_itself(telegram, hands, alice):
    with transaction():
        outbox.add(ALICE, "support_heard", {"kept": True}, dedupe_key="heard", now=clock.now())
    hands.send_all()
    hands.duties.tick()
    assert rows(OutboxMessage)[0].facts
    hands.wait(30 * 24 * 3600 + 60)
    hands.duties.tick()
    assert rows(OutboxMessage)[0].facts == {}
