from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from tests.kit.arrange import (
    BOB,
    DAY,
    KEYS,
    MINUTE,
    NOTES,
    NOW,
    OWNER,
    decide,
    facts,
    item,
    meet,
    open_shop,
    order,
    pay,
    question,
    settle,
)
from webapp.db.engine import db
from webapp.db.models import Charge, InboxItem, LedgerEntry, OutboxMessage, PreCheckout, Refund
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements, ledger
from webapp.domain.catalogue import catalogue
from webapp.domain.people import users
from webapp.domain.people.keys import KeyRing
from webapp.domain.queue import inbox, outbox
from webapp.domain.sales import charges, orders, payloads, refunds
from webapp.errors import ChargeNotFound


@pytest.fixture
def alice(app):
    open_shop()
    return meet()


def kinds(telegram_id: int) -> list[str]:
    return [entry.kind for entry in ledger.of(telegram_id)]


def messages(telegram_id: int) -> list[str]:
    query = db.select(OutboxMessage).where(OutboxMessage.telegram_id == telegram_id)
    return [message.kind for message in db.session.scalars(query.order_by(OutboxMessage.id))]


def test_paying_unlocks_and_tells(alice):
    made = order(alice)
    decide(question(made))
    charge = pay(facts(made))
    assert charge.quarantined_because is None
    assert orders.find(made.public_id).charge_id == "charge-1"
    assert entitlements.has(alice.telegram_id, "atlas", NOW)
    assert not entitlements.has(alice.telegram_id, "notes", NOW)
    assert (kinds(alice.telegram_id), messages(alice.telegram_id)) == (["charge"], ["receipt"])
    assert entitlements.differences() == []


@pytest.mark.proves("I1")
def test_a_charge_told_twice_is_one_charge(alice):
    made = order(alice)
    first, second = pay(facts(made)), pay(facts(made, cause="statement"))
    assert first.id == second.id
    assert (kinds(alice.telegram_id), messages(alice.telegram_id)) == (["charge"], ["receipt"])


def test_a_second_charge_for_what_is_owned_is_refunded_by_itself(alice):
    made = order(alice)
    pay(facts(made))
    pay(facts(made, "charge-2"))
    assert refunds.find("charge-2").status == "requested"
    assert refunds.find("charge-1") is None
    assert orders.find(made.public_id).charge_id == "charge-1"
    assert entitlements.has(alice.telegram_id, "atlas", NOW)
    assert messages(alice.telegram_id) == ["receipt", "sent_back"]


def test_two_charges_at_once_are_told_apart_whichever_comes_first(alice):
    made = order(alice)
    pay(facts(made, "charge-2"))
    settle(pay(facts(made, "charge-1")))
    assert entitlements.has(alice.telegram_id, "atlas", NOW)


@pytest.mark.proves("F41")
def test_a_pass_paid_twice_lasts_twice_as_long(alice):
    made = order(alice, "week")
    pay(facts(made))
    pay(facts(made, "charge-2"))
    assert refunds.find("charge-2") is None
    assert entitlements.of(alice.telegram_id)["tonight"].until == NOW + 14 * DAY


def test_a_pass_ends(alice):
    pay(facts(order(alice, "week")))
    assert entitlements.has(alice.telegram_id, "tonight", NOW + 6 * DAY)
    assert not entitlements.has(alice.telegram_id, "tonight", NOW + 7 * DAY)


@pytest.mark.proves("I11", "I13", "F21", "F40", "F44", "S46")
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"payload": "order-1"}, "UnknownPayload"),
        ({"payload": ""}, "UnknownPayload"),
        ({"telegram_id": BOB}, "WrongPayer"),
        ({"stars": 1}, "WrongAmount"),
        ({"currency": "USD"}, "WrongCurrency"),
        ({"charged_at": NOW + DAY}, "OrderExpired"),
    ],
)
def test_a_charge_that_cannot_be_right_is_kept_and_waits(alice, changes, problem):
    told = facts(order(alice), **changes)
    assert pay(told).quarantined_because == problem
    assert entitlements.of(alice.telegram_id) == entitlements.of(BOB) == {}
    assert entitlements.differences() == []
    assert kinds(told.telegram_id) == ["charge"]
    assert refunds.find("charge-1") is None
    assert (messages(told.telegram_id), messages(OWNER)) == (["in_review"], ["owner_in_review"])


@pytest.mark.proves("F21")
def test_a_key_that_nobody_has_any_more_parks_the_charge(alice):
    made = order(alice)
    foreign = KeyRing.of("Zt7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4")
    sealed = payloads.seal(payloads.unseal(made.payload, KEYS), foreign)
    assert pay(facts(made, payload=sealed)).quarantined_because == "UnknownPayload"


@pytest.mark.proves("F17")
def test_a_charge_we_said_yes_to_is_delivered_however_late(alice):
    made = order(alice)
    decide(question(made))
    with transaction():
        catalogue.replace([NOTES], NOW)
        users.ban(alice.telegram_id, NOW)
    assert pay(facts(made, charged_at=NOW + DAY), now=NOW + DAY).quarantined_because is None
    assert entitlements.has(alice.telegram_id, "atlas", NOW + DAY)


@pytest.mark.proves("F43")
def test_a_charge_for_what_went_off_sale_before_it_waits(alice):
    made = order(alice)
    with transaction():
        catalogue.replace([NOTES], NOW)
    assert pay(facts(made, charged_at=NOW + MINUTE)).quarantined_because == "OffSale"
    assert refunds.find("charge-1").reason == "no longer sold"
    assert pay(facts(made, "charge-2", charged_at=NOW - DAY)).quarantined_because is None


@pytest.mark.parametrize("seconds", [0, 59])
def test_21_a_charge_within_the_minute_of_its_withdrawal_counts(alice, seconds):
    """Telegram's clock tells whole seconds and is not ours: which of the two came first, nobody knows."""
    made = order(alice)
    with transaction():
        catalogue.replace([NOTES], NOW)
        users.ban(alice.telegram_id, NOW)
    assert pay(facts(made, charged_at=NOW + timedelta(seconds=seconds))).quarantined_because is None


def test_an_old_charge_set_aside_is_news_to_nobody(alice):
    pay(facts(order(alice), payload="not ours"), now=NOW + 3 * DAY)
    assert messages(alice.telegram_id) == messages(OWNER) == []


def test_a_charge_by_somebody_banned_goes_back(alice):
    made = order(alice)
    with transaction():
        users.ban(alice.telegram_id, NOW)
    assert pay(facts(made, charged_at=NOW + MINUTE)).quarantined_because == "Banned"
    assert refunds.find("charge-1").status == "requested"
    assert entitlements.of(alice.telegram_id) == {}


@pytest.mark.proves("I12")
def test_what_was_agreed_on_counts_and_not_what_is_listed_now(alice):
    made = order(alice)
    with transaction():
        catalogue.replace([item(stars=999, title="Atlas, dearer", keys=("atlas-2",)), NOTES], NOW)
    assert pay(facts(made)).quarantined_because is None
    assert list(entitlements.of(alice.telegram_id)) == ["atlas"]
    assert [entry.title for entry in ledger.of(alice.telegram_id)] == ["Atlas"]


@pytest.mark.proves("F31")
def test_a_charge_survives_the_loss_of_its_order(alice):
    made = order(alice, "week")
    lost = replace(payloads.unseal(made.payload, KEYS), order_id=payloads.new_order_id())
    told = facts(made, payload=payloads.seal(lost, KEYS))
    assert pay(told).quarantined_because is None
    assert entitlements.of(alice.telegram_id)["tonight"].until == NOW + 7 * DAY


def test_without_its_order_the_payload_decides_the_price(alice):
    made = order(alice)
    lost = replace(payloads.unseal(made.payload, KEYS), order_id=payloads.new_order_id())
    told = facts(made, payload=payloads.seal(lost, KEYS), stars=1)
    assert pay(told).quarantined_because == "WrongAmount"


def test_a_product_nobody_knows_any_more_parks_the_charge(alice):
    made = order(alice)
    lost = replace(payloads.unseal(made.payload, KEYS), order_id=payloads.new_order_id(), slug="gone")
    assert pay(facts(made, payload=payloads.seal(lost, KEYS))).quarantined_because == "UnknownProduct"


def test_a_payment_by_nobody_we_know_is_kept(alice):
    told = facts(order(alice), telegram_id=777, payload="?")
    assert pay(told).telegram_id == 777
    assert kinds(777) == ["charge"]


def test_the_history_begins_with_the_latest(alice):
    pay(facts(order(alice)))
    pay(facts(order(alice, "notes"), "charge-2", charged_at=NOW + DAY))
    assert [charge.telegram_payment_charge_id for charge in charges.of(alice.telegram_id)] == [
        "charge-2",
        "charge-1",
    ]


def test_a_receipt_is_its_payers_alone(alice):
    made = order(alice)
    pay(facts(made))
    charge = charges.get_for(alice.telegram_id, "charge-1")
    assert charge.order.public_id == made.public_id
    for telegram_id, charge_id in ((BOB, "charge-1"), (alice.telegram_id, "charge-2")):
        with pytest.raises(ChargeNotFound):
            charges.get_for(telegram_id, charge_id)


def test_a_charge_nobody_told_us_of_does_not_exist(app):
    with pytest.raises(ChargeNotFound):
        charges.get("charge-1")


@pytest.mark.proves("I9")
@pytest.mark.parametrize("table", ["ledger_entries", "charges"])
@pytest.mark.parametrize("change", ["UPDATE {} SET stars = 1", "DELETE FROM {}"])
def test_the_database_refuses_to_rewrite_history(alice, table, change):
    pay(facts(order(alice)))
    with pytest.raises(Exception, match="append-only"), transaction():
        db.session.execute(db.text(change.format(table)))


@pytest.mark.proves("I1")
@pytest.mark.parametrize("model", [Charge, InboxItem, LedgerEntry, OutboxMessage, PreCheckout, Refund])
def test_the_database_refuses_to_keep_the_same_twice(alice, model):
    """Behind the locks and the questions of the code, should they ever be forgotten."""
    made = order(alice)
    decide(question(made))
    with transaction():
        inbox.receive({"update_id": 1}, "webhook", NOW)
    settle(pay(facts(made)))
    names = ", ".join(f'"{column.name}"' for column in model.__table__.c if column.name != "id")
    table = model.__tablename__
    with pytest.raises(IntegrityError), transaction():
        db.session.execute(db.text(f"INSERT INTO {table} ({names}) SELECT {names} FROM {table}"))


@pytest.mark.proves("I2")
def test_dropping_the_entitlements_loses_nothing(alice):
    pay(facts(order(alice)))
    pay(facts(order(alice, "week"), "charge-2"))
    with transaction():
        db.session.execute(db.text("DELETE FROM entitlements"))
    assert entitlements.differences() == [(alice.telegram_id, "atlas"), (alice.telegram_id, "tonight")]
    with transaction():
        assert entitlements.rebuild({alice.telegram_id}) == 2
    assert entitlements.differences() == []


def test_messages_are_written_once_and_claimed_once(alice):
    made = order(alice)
    pay(facts(made))
    with transaction():
        first, second = outbox.claim(10, NOW), outbox.claim(10, NOW)
    assert ([message.kind for message in first], second) == (["receipt"], [])
