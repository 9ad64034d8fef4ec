"""Charges that nobody asked the bot about, and the ways in which Stars come back."""

import pytest

from tests.kit.played import ALICE, BOB
from tests.sandbox.conftest import Bot, charge, control, stars


@pytest.fixture
def slug(bot: Bot) -> str:
    return bot.invoice()


def refunds(bot: Bot) -> list[dict]:
    return [one["refunded_payment"] for one in bot.updates("message") if "refunded_payment" in one]


def test_a_charge_can_be_forced_and_asks_nobody(telegram, bot, slug):
    forced = charge(telegram, ALICE, slug)
    assert bot.updates("pre_checkout_query") == []
    [payment] = bot.payments()
    assert payment["telegram_payment_charge_id"] == forced["id"]
    assert (payment["total_amount"], payment["invoice_payload"]) == (30, "order-1")
    assert stars(telegram, ALICE) == 470
    assert telegram.control("GET", "charges") == [forced]


def test_a_charge_may_be_wrong_in_all_it_says(telegram, bot, slug):
    charge(telegram, ALICE, slug, amount=7, payload="somebody-elses", currency="USD")
    [payment] = bot.payments()
    told = (payment["total_amount"], payment["invoice_payload"], payment["currency"])
    assert told == (7, "somebody-elses", "USD")
    [row] = bot.call("getStarTransactions")["transactions"]
    assert (row["amount"], row["source"]["invoice_payload"]) == (7, "somebody-elses")


def test_a_charge_needs_no_invoice(telegram, bot):
    telegram.control("POST", "charges", person=ALICE, payload="from nowhere", amount=5)
    assert bot.payments()[0]["invoice_payload"] == "from nowhere"


def test_an_order_can_be_paid_by_a_stranger_and_once_more(telegram, bot, slug):
    ids = {charge(telegram, person, slug)["id"] for person in (ALICE, BOB, BOB)}
    assert len(ids) == 3
    assert {one["from"]["id"] for one in bot.updates("message")} == {ALICE, BOB}


def test_a_silent_charge_stands_in_the_statement_alone(telegram, bot, slug):
    silent = charge(telegram, ALICE, slug, silent=True)
    assert bot.payments() == []
    assert [row["id"] for row in bot.call("getStarTransactions")["transactions"]] == [silent["id"]]


def test_a_charge_can_be_told_twice_under_different_numbers(telegram, bot, slug):
    told = charge(telegram, ALICE, slug)
    telegram.control("POST", f"charges/{told['id']}/tell")
    once, again = bot.call("getUpdates")
    assert once["update_id"] != again["update_id"]
    assert once["message"]["successful_payment"] == again["message"]["successful_payment"]
    assert stars(telegram, ALICE) == 470


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "nobody has the id None"),
        ({"person": 1, "payload": "x", "amount": 1}, "nobody has the id 1"),
        ({"person": ALICE}, "payload must be a text"),
        ({"person": ALICE, "payload": "x"}, "amount must be a whole number from 1 up"),
        ({"person": ALICE, "payload": "x", "amount": 0}, "amount must be a whole number from 1 up"),
        ({"person": ALICE, "payload": "x", "amount": True}, "amount must be a whole number from 1 up"),
        ({"person": ALICE, "payload": "x", "amount": "5"}, "amount must be a whole number from 1 up"),
        ({"person": ALICE, "payload": "x", "amount": 501}, "BALANCE_TOO_LOW"),
        ({"person": ALICE, "payload": "", "amount": 5}, "payload must be a text"),
        ({"person": ALICE, "slug": "nothing"}, "SLUG_INVALID"),
        ({"person": ALICE, "slug": 5}, "slug must be a text"),
        ({"person": ALICE, "payload": "x", "amount": 5, "currency": 7}, "currency must be a text"),
        ({"person": ALICE, "payload": "x", "amount": 5, "silent": 1}, "silent must be true or false"),
        ({"person": ALICE, "payload": "x", "amont": 5}, "amont means nothing here"),
        ([ALICE], "the body must be a JSON object"),
    ],
    ids=str,
)
def test_a_charge_that_makes_no_sense_is_refused(telegram, body, sentence):
    refused = control(telegram, "POST", "charges", body)
    assert refused.status_code in {400, 404}
    assert refused.json() == {"error": sentence}
    assert stars(telegram, ALICE) == 500
    assert telegram.control("GET", "statement") == []


def test_a_chargeback_takes_the_stars_from_the_bot_and_gives_them_to_nobody(telegram, bot, slug):
    paid = charge(telegram, ALICE, slug)
    telegram.control("POST", f"charges/{paid['id']}/chargeback")
    incoming, outgoing = bot.call("getStarTransactions")["transactions"]
    assert outgoing["id"] == incoming["id"] == paid["id"]
    assert outgoing["receiver"]["user"]["id"] == ALICE
    assert [one["telegram_payment_charge_id"] for one in refunds(bot)] == [paid["id"]]
    assert stars(telegram, ALICE) == 470


def test_a_chargeback_may_be_silent_and_may_return_the_stars(telegram, bot, slug):
    paid = charge(telegram, ALICE, slug)
    telegram.control("POST", f"charges/{paid['id']}/chargeback", silent=True, return_stars=True)
    assert refunds(bot) == []
    assert stars(telegram, ALICE) == 500
    assert bot.call("getMyStarBalance") == {"amount": 0}


def test_a_chargeback_after_a_withdrawal_leaves_the_bot_owing(telegram, bot, slug):
    paid = charge(telegram, ALICE, slug)
    withdrawal = {"type": "fragment", "withdrawal_state": {"type": "pending"}}
    telegram.control("POST", "statement", amount=30, receiver=withdrawal)
    telegram.control("POST", f"charges/{paid['id']}/chargeback")
    assert bot.call("getMyStarBalance") == {"amount": -30}


@pytest.mark.parametrize("again", ["refund", "chargeback"])
def test_nothing_is_given_back_twice(telegram, bot, slug, again):
    paid = charge(telegram, ALICE, slug)
    telegram.control("POST", f"charges/{paid['id']}/chargeback")
    refused = control(telegram, "POST", f"charges/{paid['id']}/{again}")
    assert refused.json() == {"error": "Bad Request: CHARGE_ALREADY_REFUNDED"}
    told = {"user_id": ALICE, "telegram_payment_charge_id": paid["id"]}
    assert bot.refusal("refundStarPayment", **told) == "Bad Request: CHARGE_ALREADY_REFUNDED"
    assert len(telegram.control("GET", "statement")) == 2


@pytest.mark.parametrize("verb", ["refund", "chargeback", "tell"])
def test_an_unknown_charge_is_not_found(telegram, verb):
    refused = control(telegram, "POST", f"charges/stx-unknown/{verb}")
    assert (refused.status_code, refused.json()["error"]) == (400, "Bad Request: CHARGE_NOT_FOUND")


@pytest.mark.parametrize("body", [{"silent": "yes"}, {"return_stars": 1}, {"quiet": True}], ids=str)
def test_a_chargeback_that_makes_no_sense_is_refused(telegram, slug, body):
    paid = charge(telegram, ALICE, slug)
    assert control(telegram, "POST", f"charges/{paid['id']}/chargeback", body).status_code == 400
    assert len(telegram.control("GET", "statement")) == 1


def test_the_bot_may_be_too_poor_to_refund(telegram, bot, slug):
    paid = charge(telegram, ALICE, slug)
    told = {"user_id": ALICE, "telegram_payment_charge_id": paid["id"]}
    telegram.control("PUT", "troubles", balance_too_low=True)
    assert bot.refusal("refundStarPayment", **told) == "Bad Request: BALANCE_TOO_LOW"
    assert stars(telegram, ALICE) == 470
    control(telegram, "PUT", "troubles", {})
    assert bot.call("refundStarPayment", **told) is True
    assert stars(telegram, ALICE) == 500


def test_the_invoices_are_known_with_their_payloads(telegram, slug):
    [invoice] = telegram.control("GET", "invoices")
    assert (invoice["slug"], invoice["payload"], invoice["stars"]) == (slug, "order-1", 30)
