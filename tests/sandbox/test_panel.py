"""Buttons that play Telegram: on the phone its own settings, in the panel its servers, stores and clock."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.kit.played import ALICE, BOB
from tests.kit.processes import Stage, eventually
from tests.sandbox.conftest import MONTH, PLAN_STARS, Bot, charge, jump, stars

DAY = 24 * 3600


class Hand:
    """Somebody with Alice's phone and the panel before them."""

    def __init__(self, page: Page, telegram: Stage) -> None:
        self.page = page
        self.telegram = telegram

    def open(self, **query: object) -> "Hand":
        self.page.goto(f"{self.telegram.sandbox}/?{urlencode({'person': ALICE, 'theme': 'light', **query})}")
        self.page.wait_for_selector("html[data-ready]")
        return self

    def look(self, test: str) -> Locator:
        return self.page.locator(f"[data-test={test}]")

    def press(self, *tests: str) -> None:
        for test in tests:
            self.look(test).first.click()

    def open_my_stars(self) -> None:
        self.page.get_by_role("button", name="Back to chats").first.click()
        self.page.get_by_role("region", name="Chats", exact=True).get_by_text("Settings").click()
        self.press("setting-star")

    def open_invoice(self, slug: str) -> None:
        """Tap a link to an invoice that the bot has sent."""
        self.telegram.control("PATCH", f"people/{ALICE}", started=True)
        Bot(self.telegram).call("sendMessage", chat_id=ALICE, text=f"https://t.me/${slug}")
        self.page.get_by_role("log", name="Messages").get_by_role("link").click()


@pytest.fixture
def hand(browser: Browser, telegram: Stage) -> Iterator[Hand]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield Hand(page, telegram)
    assert problems == []
    context.close()


def subscription(telegram: Stage) -> dict[str, object]:
    return dict(telegram.state()["subscriptions"][0])


def test_the_sheet_of_a_subscription_says_that_it_renews(hand, bot):
    hand.open().open_invoice(bot.plan())
    expect(hand.look("confirm-payment")).to_have_text(f"Subscribe for {PLAN_STARS} / month")
    expect(hand.look("invoice-sheet")).to_contain_text("Renews every 30 days until you cancel it")


def test_the_sheet_of_a_purchase_says_nothing_of_the_kind(hand, bot):
    hand.open().open_invoice(bot.invoice())
    expect(hand.look("confirm-payment")).to_have_text("Confirm and Pay 30")
    expect(hand.look("invoice-sheet")).not_to_contain_text("Renews")


def test_a_subscription_is_canceled_and_renewed_in_my_stars(hand, telegram, bot):
    charge(telegram, ALICE, bot.plan(title="Night Club"))
    hand.open().open_my_stars()
    expect(hand.look("subscription")).to_contain_text("Night Clubrenews on")
    hand.press("subscription", "cancel-subscription")
    expect(hand.look("subscription")).to_contain_text("expires on")
    assert subscription(telegram)["state"] == "canceled"
    hand.press("subscription", "renew-subscription")
    expect(hand.look("subscription")).to_contain_text("renews on")
    assert [one["state"] for one in bot.updates("subscription")] == ["canceled", "active"]


def test_what_the_bot_canceled_has_no_button_to_renew(hand, telegram, bot):
    first = charge(telegram, ALICE, bot.plan())["id"]
    told = {"user_id": ALICE, "telegram_payment_charge_id": first, "is_canceled": True}
    bot.call("editUserStarSubscription", **told)
    hand.open().open_my_stars()
    hand.press("subscription")
    expect(hand.look("subscription-sheet")).to_contain_text("You cannot renew it.")
    expect(hand.look("renew-subscription")).to_have_count(0)


def test_what_has_ended_can_be_subscribed_to_again(hand, telegram, bot):
    first = charge(telegram, ALICE, bot.plan())
    telegram.control("POST", f"subscriptions/{first['id']}/cancel")
    jump(telegram, MONTH + 60)
    hand.open().open_my_stars()
    expect(hand.look("subscription")).to_contain_text("expired on")
    hand.press("subscription", "subscribe-again")
    expect(hand.look("confirm-payment")).to_contain_text("Subscribe for")


def test_a_failed_renewal_goes_through_once_there_are_stars(hand, telegram, bot):
    charge(telegram, ALICE, bot.plan())
    telegram.control("PATCH", f"people/{ALICE}", stars=0)
    jump(telegram, MONTH + 60)
    hand.open().open_my_stars()
    hand.press("subscription")
    expect(hand.look("subscription-sheet")).to_contain_text(f"You need {PLAN_STARS} Stars more to renew.")
    hand.press("top-up", "pack-50")
    expect(hand.look("subscription")).to_contain_text("renews on")
    assert stars(telegram, ALICE) == 50 - PLAN_STARS


def test_nobody_sees_the_subscriptions_of_others(hand, telegram, bot):
    charge(telegram, BOB, bot.plan())
    hand.open().open_my_stars()
    expect(hand.look("get-stars")).to_be_visible()
    expect(hand.look("subscription")).to_have_count(0)


def test_a_second_subscription_to_the_same_is_refused_in_a_sentence(hand, telegram, bot):
    slug = bot.plan()
    charge(telegram, ALICE, slug)
    hand.open().open_invoice(slug)
    hand.press("confirm-payment")
    expect(hand.look("dialog")).to_contain_text("You already have this subscription.")


def test_the_panel_renews_fails_and_cancels(hand, telegram, bot):
    charge(telegram, ALICE, bot.plan())
    hand.open().press("tab-statement", "renew")
    expect(hand.look("transaction")).to_have_count(2)
    hand.press("fail")
    expect(hand.look("renewal-state")).to_contain_text("failed")
    hand.press("cancel")
    expect(hand.look("renewal-state")).to_contain_text("ends")
    hand.press("resume")
    expect(hand.look("resume")).to_have_count(0)
    assert [one["state"] for one in bot.updates("subscription")] == ["failed", "canceled", "active"]


def test_the_panel_says_why_a_renewal_is_refused(hand, telegram, bot):
    first = charge(telegram, ALICE, bot.plan())
    hand.open().press("tab-statement")
    expect(hand.look("renew")).to_be_visible()
    # Somebody else has canceled it, and this page has not heard of it yet.
    hand.page.route("**/renew", lambda route: (cancel(telegram, first["id"]), route.continue_()))
    hand.press("renew")
    expect(hand.page.get_by_role("alert")).to_have_text("renewal of this subscription is off")


def cancel(telegram: Stage, subscription_id: str) -> None:
    telegram.control("POST", f"subscriptions/{subscription_id}/cancel")


def test_a_charge_is_forced_with_all_that_may_be_wrong(hand, telegram, bot):
    bot.invoice()
    hand.open().press("tab-statement")
    hand.look("charging").locator("summary").click()
    expect(hand.look("charge-payload")).to_have_value("order-1")
    hand.look("charge-person").select_option(str(BOB))
    hand.look("charge-amount").fill("29")
    hand.look("charge-payload").fill("forged")
    hand.press("charge")
    expect(hand.look("transaction")).to_contain_text("Bob paid")
    [payment] = bot.payments()
    assert (payment["total_amount"], payment["invoice_payload"]) == (29, "forged")


def test_a_silent_charge_of_no_invoice_is_only_in_the_statement(hand, telegram, bot):
    hand.open().press("tab-statement")
    hand.look("charging").locator("summary").click()
    expect(hand.look("charge-payload")).to_have_value("nobody-made-this")
    hand.look("charge-told").uncheck()
    hand.press("charge")
    expect(hand.look("transaction")).to_have_count(1)
    assert bot.payments() == []


def test_a_charge_that_cannot_be_is_refused_in_a_sentence(hand, telegram):
    hand.open().press("tab-statement")
    hand.look("charging").locator("summary").click()
    expect(hand.look("charge-payload")).to_have_value("nobody-made-this")
    hand.look("charge-amount").fill("501")
    hand.press("charge")
    expect(hand.page.get_by_role("alert")).to_have_text("Whoever is to pay has too few Stars.")
    assert telegram.control("GET", "statement") == []


@pytest.mark.parametrize(("button", "told"), [("chargeback", 1), ("chargeback-silent", 0)])
def test_a_store_takes_its_money_back(hand, telegram, bot, button, told):
    charge(telegram, ALICE, bot.invoice())
    hand.open().press("tab-statement", "more", button, button)
    expect(hand.look("transaction")).to_have_count(2)
    assert len([one for one in bot.updates("message") if "refunded_payment" in one]) == told
    assert stars(telegram, ALICE) == 470


def test_the_bot_is_told_again_of_a_charge(hand, telegram, bot):
    charge(telegram, ALICE, bot.invoice())
    hand.open().press("tab-statement", "more", "tell-again")
    eventually(lambda: len(bot.payments()) == 2)


@pytest.mark.parametrize(
    "kind", ["withdrawal", "pending", "ads", "broadcast", "affiliate", "chat", "other", "unknown"]
)
def test_rows_of_other_kinds_are_booked(hand, telegram, bot, kind):
    hand.open().press("tab-statement")
    hand.look("row-form").locator("summary").click()
    hand.look("row-kind").select_option(kind)
    hand.look("row-amount").fill("12")
    hand.press("row-book")
    expect(hand.look("transaction")).to_contain_text("12")
    [row] = bot.call("getStarTransactions")["transactions"]
    assert row["amount"] == 12
    assert len(row.keys() & {"source", "receiver"}) == 1


def test_rows_however_strange_do_not_break_the_panel(hand, telegram):
    for row in ({"amount": "nine", "date": "yesterday", "id": None}, {"source": None}, {"receiver": {}}):
        telegram.control("POST", "statement", **row)
    hand.open().press("tab-statement")
    expect(hand.look("transaction")).to_have_count(3)


def test_the_clock_jumps_by_button_and_comes_back(hand, telegram):
    hand.open().press("jump-day")
    expect(hand.look("jump-now")).to_be_visible()
    assert telegram.state()["clock"]["offset_seconds"] == DAY
    hand.press("jump-month", "jump-day-back")
    eventually(lambda: telegram.state()["clock"]["offset_seconds"] == MONTH)
    hand.press("jump-now")
    expect(hand.look("jump-now")).to_be_hidden()
    assert telegram.state()["clock"]["offset_seconds"] == 0


def test_the_phone_shows_the_time_that_the_sandbox_has(hand, telegram):
    telegram.control("POST", f"people/{ALICE}/messages", text="Words of old")
    jump(telegram, DAY)
    hand.open()
    expect(hand.page.get_by_role("log", name="Messages")).to_contain_text("Yesterday")


def test_an_update_is_delivered_again_by_button(hand, telegram, bot):
    telegram.control("POST", f"people/{ALICE}/messages", text="Hello")
    [update] = bot.call("getUpdates")
    bot.call("getUpdates", offset=update["update_id"] + 1)
    hand.open()
    hand.page.locator(".entry[data-kind=update] summary").click()
    hand.press("deliver-again")
    eventually(lambda: bot.call("getUpdates") == [update])
    expect(hand.look("waiting")).to_have_text("One update waits for the bot.")


def test_a_newcomer_is_shown_what_the_shop_can_do(hand, telegram, bot):
    slug = bot.invoice()
    hand.open()
    steps = hand.page.get_by_role("region", name="First steps")
    current = steps.locator("[aria-current=step]")
    expect(current).to_have_text("Press Start on the phone")
    telegram.control("POST", f"people/{ALICE}/messages", text="/start")
    expect(current).to_have_text("Open the shop")
    paid = telegram.http.post(f"{telegram.sandbox}/sandbox/charges", json={"person": ALICE, "slug": slug})
    assert paid.is_success
    expect(current).to_contain_text("Make Telegram deliver the payment twice")
    hand.press("step")
    expect(steps).to_contain_text("Nothing was counted twice")
    assert len(bot.payments()) == 2
    hand.press("step")
    expect(steps).to_contain_text("the balance is whole again")
    assert stars(telegram, ALICE) == 500
    hand.press("steps-end")
    expect(steps).to_be_hidden()
    hand.page.reload()
    hand.page.wait_for_selector("html[data-ready]")
    expect(steps).to_be_hidden()


def test_what_was_too_old_to_be_delivered_is_told(hand, telegram):
    telegram.control("POST", f"people/{ALICE}/messages", text="Hello")
    hand.open().press("jump-month")
    expect(hand.page.get_by_text("Too old to be delivered: an update")).to_be_visible()
    expect(hand.look("waiting")).to_be_hidden()


@pytest.mark.parametrize(
    "name", ["reorder", "statement_reorder", "balance_too_low", "ask_on_renewal"], ids=str
)
def test_troubles_are_switched_on_and_all_ended(hand, telegram, name):
    hand.open().press("tab-troubles", f"trouble-{name}")
    expect(hand.look("calm")).to_be_visible()
    assert telegram.state()["troubles"][name] is True
    hand.press("calm")
    expect(hand.look(f"trouble-{name}")).not_to_be_checked()
    assert telegram.state()["troubles"][name] is False


def test_the_statement_is_made_late_by_minutes(hand, telegram):
    hand.open().press("tab-troubles")
    hand.page.get_by_role("button", name="Show new rows late: more").click()
    expect(hand.look("trouble-lag")).to_have_text("1 minute")
    assert telegram.state()["troubles"]["statement_lag_seconds"] == 60


def test_starting_over_forgets_what_happened(hand, telegram):
    telegram.control("POST", f"people/{ALICE}/messages", text="Hello")
    hand.open()
    expect(hand.page.locator(".entry")).to_have_count(1)
    hand.press("start-over", "start-over")
    expect(hand.page.locator(".entry")).to_have_count(0)
