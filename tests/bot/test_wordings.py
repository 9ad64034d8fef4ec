"""Telegram's noes in other words than we know: what becomes of money and plans stays the same."""

import pytest

from tests.kit.hands import ASKED, has_atlas, status, wish
from tests.kit.plans import EDIT, REFUND
from tests.kit.played import trouble
from webapp.usecases import owner, renewals

WORDS = [
    "Bad Request: CHARGE_ID_EMPTY",
    "Bad Request: CHARGE_NOT_FOUND",
    "Bad Request: SUBSCRIPTION_NOT_ACTIVE",
    "Bad Request: CHARGE_ID_INVALID",
    "Bad Request: words that nobody has read yet",
    "Bad Request",
]
EVERY_WORDING = pytest.mark.parametrize("words", WORDS)


@EVERY_WORDING
def test_28_a_refused_refund_is_refused_in_any_words(telegram, hands, charge, words):
    wish(charge)
    trouble(telegram, REFUND, status=400, description=words)
    hands.duties.tick()
    assert status(charge) == "refused"
    assert has_atlas()


@EVERY_WORDING
def test_28_a_refund_made_already_is_done_in_any_words(telegram, hands, charge, words):
    telegram.control("POST", f"charges/{charge}/chargeback", silent=True, return_stars=True)
    wish(charge)
    trouble(telegram, REFUND, status=400, description=words)
    hands.duties.tick()
    # Whatever Telegram calls it, its statement says that the Stars are back.
    hands.wait(600)
    hands.duties.tick()
    assert status(charge) == "done"
    assert not has_atlas()


@EVERY_WORDING
def test_28_a_refused_wish_leaves_the_plan_in_any_words(telegram, plan, context, words):
    trouble(telegram, EDIT, status=400, description=words)
    refused = renewals.cancel_renewal(context, plan.row, by="buyer")
    assert (refused.wish, refused.renews) == (None, True)


@EVERY_WORDING
def test_28_a_plan_is_given_back_whatever_telegram_says_of_its_renewal(telegram, plan, context, words):
    trouble(telegram, EDIT, status=400, description=words)
    assert owner.refund(context, plan.charge_id, ASKED).status == "done"
