"""Telegram's words, as others measured them in its test environment."""

import pytest

from tests.kit.played import ALICE, BOB
from tests.sandbox.conftest import MONTH, charge, jump


@pytest.mark.parametrize("charge_id", ["stx-unknown", "", "x" * 200])
def test_28_an_unknown_charge_is_an_empty_one(bot, charge_id):
    told = {"user_id": ALICE, "telegram_payment_charge_id": charge_id}
    assert bot.refusal("refundStarPayment", **told) == "Bad Request: CHARGE_ID_EMPTY"


def test_28_a_charge_of_somebody_else_is_an_empty_one(telegram, bot):
    paid = charge(telegram, ALICE, bot.invoice())
    told = {"user_id": BOB, "telegram_payment_charge_id": paid["id"]}
    assert bot.refusal("refundStarPayment", **told) == "Bad Request: CHARGE_ID_EMPTY"


def test_28_an_ended_subscription_is_not_active(telegram, bot):
    first = charge(telegram, ALICE, bot.plan())
    told = {"user_id": ALICE, "telegram_payment_charge_id": first["id"], "is_canceled": True}
    assert bot.call("editUserStarSubscription", **told) is True
    jump(telegram, MONTH + 1)
    assert bot.refusal("editUserStarSubscription", **told) == "Bad Request: SUBSCRIPTION_NOT_ACTIVE"


def test_28_a_renewal_names_its_subscription_as_well(telegram, bot):
    first = charge(telegram, ALICE, bot.plan())
    renewal = telegram.control("POST", f"subscriptions/{first['id']}/renew")["charge_id"]
    told = {"user_id": ALICE, "telegram_payment_charge_id": renewal, "is_canceled": True}
    assert bot.call("editUserStarSubscription", **told) is True
    [plan] = telegram.control("GET", "subscriptions")
    assert plan["canceled_by_bot"]


def test_28_a_title_of_forty_characters_is_taken(bot):
    assert bot.invoice(title="x" * 40)
    told = {"title": "x" * 41, "description": "B", "payload": "C", "currency": "XTR"}
    told["prices"] = [{"label": "A", "amount": 5}]
    assert bot.refusal("createInvoiceLink", **told) == "Bad Request: INVOICE_TITLE_INVALID"


@pytest.mark.parametrize("stars", [0, -5])
def test_28_a_price_of_nothing_is_not_positive(bot, stars):
    told = {"title": "A", "description": "B", "payload": "C", "currency": "XTR"}
    told["prices"] = [{"label": "A", "amount": stars}]
    assert bot.refusal("createInvoiceLink", **told) == "Bad Request: total price must be positive"
