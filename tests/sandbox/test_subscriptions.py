"""Subscriptions as Telegram runs them: who is charged when, who may stop it, and what the bot is told."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.kit.played import ALICE, BOB
from tests.kit.processes import Stage, eventually
from tests.sandbox.conftest import MONTH, PLAN_STARS, Bot, charge, control, jump, stars

Act = Callable[..., Any]


@pytest.fixture
def plan(bot: Bot) -> str:
    return bot.plan()


@pytest.fixture
def first(telegram: Stage, plan: str) -> dict[str, Any]:
    """Alice subscribed."""
    return charge(telegram, ALICE, plan)


@pytest.fixture
def act(telegram: Stage) -> Act:
    """Do something to a subscription in Telegram's place."""
    return lambda one, verb: telegram.control("POST", f"subscriptions/{one['id']}/{verb}")


def subscription(telegram: Stage) -> dict[str, Any]:
    [one] = telegram.state()["subscriptions"]
    return dict(one)


def states(bot: Bot) -> list[str]:
    return [one["state"] for one in bot.updates("subscription")]


def edit(bot: Bot, charge_id: str, is_canceled: bool, person: int = ALICE) -> Any:
    told = {"user_id": person, "telegram_payment_charge_id": charge_id, "is_canceled": is_canceled}
    return bot.call("editUserStarSubscription", **told)


def test_the_first_charge_begins_a_subscription(telegram, bot, first):
    [payment] = bot.payments()
    assert payment["is_recurring"] is payment["is_first_recurring"] is True
    assert payment["subscription_expiration_date"] == first["date"] + MONTH
    one = subscription(telegram)
    assert (one["id"], one["person"], one["stars"]) == (first["id"], ALICE, PLAN_STARS)
    assert (one["state"], one["paid_until"]) == ("active", first["date"] + MONTH)
    assert bot.call("getStarTransactions")["transactions"][0]["source"]["subscription_period"] == MONTH


def test_a_plain_invoice_begins_none(telegram, bot):
    charge(telegram, ALICE, bot.invoice())
    assert telegram.state()["subscriptions"] == []
    assert "is_recurring" not in bot.payments()[0]


def test_a_renewal_is_another_charge_for_one_period_more(telegram, bot, first, act):
    renewed = act(first, "renew")
    _, payment = bot.payments()
    assert payment["telegram_payment_charge_id"] == renewed["charge_id"] != first["id"]
    assert payment["invoice_payload"] == "plan-1"
    assert payment["is_recurring"] is True
    assert "is_first_recurring" not in payment
    assert payment["subscription_expiration_date"] == first["paid_until"] + MONTH
    assert stars(telegram, ALICE) == 500 - 2 * PLAN_STARS
    rows = bot.call("getStarTransactions")["transactions"]
    assert [row["id"] for row in rows] == [first["id"], renewed["charge_id"]]
    assert rows[1]["source"]["subscription_period"] == MONTH


def test_when_the_period_ends_it_renews_by_itself_and_asks_nobody(telegram, bot, first):
    jump(telegram, MONTH - 60)
    assert len(bot.payments()) == 0, "the first message is more than a day old"
    jump(telegram, 120)
    [payment] = bot.payments()
    now = telegram.state()["clock"]["now"]
    assert payment["subscription_expiration_date"] == pytest.approx(now + MONTH, abs=30)
    assert bot.updates("pre_checkout_query") == []
    assert states(bot) == []


@pytest.mark.parametrize("period", [60, 300], ids=str)
def test_the_short_periods_of_the_test_environment_renew_too(telegram, bot, period):
    charge(telegram, ALICE, Bot(telegram, "test/").plan(period))
    jump(telegram, period + 1)
    assert [one.get("is_first_recurring", False) for one in bot.payments()] == [True, False]


@pytest.mark.parametrize(
    ("environment", "period"),
    [("", 60), ("", 300), ("", MONTH - 1), ("", -1), ("test/", MONTH), ("test/", 61)],
    ids=str,
)
def test_each_environment_refuses_the_periods_of_the_other(telegram, environment, period):
    plan = {
        "payload": "plan-1",
        "provider_token": "",
        "currency": "XTR",
        "title": "Club",
        "description": "Club",
    }
    plan |= {"prices": [{"label": "Club", "amount": 40}], "subscription_period": period}
    refusal = Bot(telegram, environment).refusal("createInvoiceLink", **plan)
    assert refusal == "Bad Request: SUBSCRIPTION_PERIOD_INVALID"


def test_a_renewal_without_stars_fails_once_and_is_tried_again_with_them(telegram, bot, first):
    telegram.control("PATCH", f"people/{ALICE}", stars=PLAN_STARS - 1)
    jump(telegram, MONTH + 1)
    jump(telegram, 3600)
    assert bot.updates("subscription") == [
        {"user": bot_user(telegram), "invoice_payload": "plan-1", "state": "failed"}
    ]
    assert subscription(telegram)["state"] == "failed"
    telegram.control("POST", f"people/{ALICE}/top-up", stars=1)
    assert stars(telegram, ALICE) == 0
    assert subscription(telegram)["state"] == "active"
    assert len(bot.payments()) == 1


def test_a_refund_also_gives_the_stars_for_another_try(telegram, bot, first):
    telegram.control("PATCH", f"people/{ALICE}", stars=0)
    jump(telegram, MONTH + 1)
    telegram.control("POST", f"charges/{first['id']}/refund")
    eventually(lambda: subscription(telegram)["state"] == "active")


def test_a_failure_wished_for_lasts_until_there_are_more_stars(telegram, bot, first, act):
    assert act(first, "fail")["state"] == "failed"
    jump(telegram, MONTH + 1)
    assert bot.payments() == []
    telegram.control("POST", f"people/{ALICE}/top-up", stars=1)
    assert len(bot.payments()) == 1


def test_a_person_turns_renewal_off_and_on(telegram, bot, first, act):
    assert act(first, "cancel")["state"] == "canceled"
    assert act(first, "resume")["state"] == "active"
    assert states(bot) == ["canceled", "active"]
    assert subscription(telegram)["paid_until"] == first["paid_until"]


def test_after_a_cancellation_nothing_more_happens(telegram, bot, first, act):
    act(first, "cancel")
    jump(telegram, MONTH + 1)
    assert subscription(telegram)["state"] == "ended"
    assert stars(telegram, ALICE) == 500 - PLAN_STARS
    assert control(telegram, "POST", f"subscriptions/{first['id']}/renew").status_code == 400
    assert control(telegram, "POST", f"subscriptions/{first['id']}/resume").status_code == 400


def test_who_subscribes_again_after_the_end_begins_anew(telegram, bot, plan, first, act):
    act(first, "cancel")
    jump(telegram, MONTH + 1)
    again = charge(telegram, ALICE, plan)
    assert again["subscription"] == again["id"] != first["id"]
    assert [one["state"] for one in telegram.state()["subscriptions"]] == ["ended", "active"]


def test_a_failed_one_is_over_when_the_person_subscribes_again(telegram, bot, plan, first, act):
    act(first, "fail")
    jump(telegram, MONTH + 1)
    charge(telegram, ALICE, plan)
    assert [one["state"] for one in telegram.state()["subscriptions"]] == ["ended", "active"]


def test_the_same_invoice_cannot_be_subscribed_to_twice(telegram, plan, first):
    told = telegram.control("POST", f"invoices/{plan}/pay", person=ALICE)
    assert told == {"status": "failed", "error": "SUBSCRIPTION_ALREADY_ACTIVE"}


def test_another_person_and_another_invoice_are_other_subscriptions(telegram, bot, plan, first):
    charge(telegram, BOB, plan)
    charge(telegram, ALICE, bot.plan())
    assert len(telegram.state()["subscriptions"]) == 3


def test_the_bot_stops_renewal_and_no_update_tells_of_it(telegram, bot, first):
    assert edit(bot, first["id"], True) is True
    assert edit(bot, first["id"], True) is True
    assert states(bot) == []
    assert subscription(telegram)["canceled_by_bot"] is True
    jump(telegram, MONTH + 1)
    assert subscription(telegram)["state"] == "ended"


def test_what_the_bot_stopped_the_person_cannot_resume(telegram, bot, first):
    edit(bot, first["id"], True)
    refused = control(telegram, "POST", f"subscriptions/{first['id']}/resume")
    assert (refused.status_code, refused.json()["error"]) == (400, "the bot has canceled this subscription")


def test_the_bot_lifts_only_its_lock(telegram, bot, first, act):
    edit(bot, first["id"], True)
    edit(bot, first["id"], False)
    assert subscription(telegram)["state"] == "canceled"
    assert act(first, "resume")["state"] == "active"
    assert states(bot) == ["active"]


def test_lifting_a_lock_that_is_not_there_changes_nothing(telegram, bot, first):
    assert edit(bot, first["id"], False) is True
    assert subscription(telegram)["state"] == "active"


def test_the_bot_must_name_a_charge_of_the_subscription(telegram, bot, first):
    plain = charge(telegram, ALICE, bot.invoice())["id"]
    for wrong in (plain, "stx-unknown", ""):
        told = {"user_id": ALICE, "telegram_payment_charge_id": wrong, "is_canceled": True}
        assert bot.refusal("editUserStarSubscription", **told) == "Bad Request: CHARGE_ID_INVALID"
    assert subscription(telegram)["state"] == "active"


def test_the_bot_must_name_the_person_of_that_charge(bot, first):
    told = {"telegram_payment_charge_id": first["id"], "is_canceled": True}
    assert bot.refusal("editUserStarSubscription", user_id=BOB, **told) == "Bad Request: CHARGE_ID_INVALID"
    assert bot.refusal("editUserStarSubscription", **told) == "Bad Request: invalid user_id specified"


def test_canceling_does_not_refund_and_refunding_does_not_cancel(telegram, bot, first):
    edit(bot, first["id"], True)
    assert stars(telegram, ALICE) == 500 - PLAN_STARS
    edit(bot, first["id"], False)
    control(telegram, "POST", f"subscriptions/{first['id']}/resume")
    bot.call("refundStarPayment", user_id=ALICE, telegram_payment_charge_id=first["id"])
    assert subscription(telegram)["state"] == "active"


@pytest.fixture
def asking(telegram: Stage, bot: Bot, first: dict[str, Any]) -> Iterator["Future[httpx.Response]"]:
    """A renewal under way, which waits for what the bot says to it."""
    telegram.control("PUT", "troubles", ask_on_renewal=True)
    with ThreadPoolExecutor() as pool:
        renewal = pool.submit(control, telegram, "POST", f"subscriptions/{first['id']}/renew")
        eventually(lambda: bot.updates("pre_checkout_query"))
        yield renewal


def answer(bot: Bot, **told: Any) -> None:
    [query] = bot.updates("pre_checkout_query")
    bot.call("answerPreCheckoutQuery", pre_checkout_query_id=query["id"], **told)


def test_a_renewal_may_be_made_to_ask_the_bot(telegram, bot, asking):
    answer(bot, ok=True)
    assert asking.result().json()["status"] == "paid"
    assert stars(telegram, ALICE) == 500 - 2 * PLAN_STARS


def test_a_renewal_that_the_bot_declines_has_failed(telegram, bot, asking):
    answer(bot, ok=False, error_message="Not this month.")
    assert asking.result().json() == {"status": "failed", "error": "Not this month."}
    assert subscription(telegram)["state"] == "failed"
    assert stars(telegram, ALICE) == 500 - PLAN_STARS


def test_a_renewal_under_way_is_not_begun_twice(telegram, bot, first, asking):
    refused = control(telegram, "POST", f"subscriptions/{first['id']}/renew")
    assert (refused.status_code, refused.json()["error"]) == (400, "this renewal is under way")
    answer(bot, ok=True)
    assert asking.result().json()["status"] == "paid"


def test_what_is_canceled_while_the_bot_is_asked_is_not_charged(telegram, bot, first, act, asking):
    act(first, "cancel")
    answer(bot, ok=True)
    assert asking.result().status_code == 400
    assert stars(telegram, ALICE) == 500 - PLAN_STARS


def test_what_is_forgotten_while_the_bot_is_asked_is_not_charged(telegram, bot, asking):
    [query] = bot.updates("pre_checkout_query")
    telegram.control("POST", "reset")
    bot.call("answerPreCheckoutQuery", pre_checkout_query_id=query["id"], ok=True)
    assert asking.result().status_code == 404
    assert stars(telegram, ALICE) == 500


@pytest.mark.parametrize("verb", ["renew", "fail", "cancel", "resume"])
def test_there_is_nothing_to_do_to_an_unknown_subscription(telegram, verb):
    refused = control(telegram, "POST", f"subscriptions/stx-unknown/{verb}")
    assert (refused.status_code, refused.json()["error"]) == (404, "no such subscription")


@pytest.mark.parametrize("verb", ["renew", "fail", "cancel"])
def test_what_is_off_cannot_be_turned_off_or_renewed(telegram, first, act, verb):
    act(first, "cancel")
    refused = control(telegram, "POST", f"subscriptions/{first['id']}/{verb}")
    assert (refused.status_code, refused.json()["error"]) == (400, "renewal of this subscription is off")


def test_what_is_on_cannot_be_turned_on(telegram, first):
    refused = control(telegram, "POST", f"subscriptions/{first['id']}/resume")
    assert (refused.status_code, refused.json()["error"]) == (400, "renewal of this subscription is on")


def bot_user(telegram: Stage) -> dict[str, Any]:
    """Return Alice as the Bot API tells of her."""
    [alice] = [one for one in telegram.state()["people"] if one["id"] == ALICE]
    kept = ("id", "first_name", "last_name", "username", "language_code")
    return {key: alice[key] for key in kept} | {"is_bot": False}
