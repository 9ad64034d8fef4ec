"""The whole purchase as a person makes it: Chromium, Telegram's real client script, every process."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, FrameLocator, expect

from tests.kit.phone import PHONE, Phone, charges, in_hand, receipts
from tests.kit.played import newcomer
from tests.kit.processes import Stage, eventually


@pytest.fixture
def phone(told_shop: Stage, browser: Browser) -> Iterator[Phone]:
    """The phone of somebody new, on the shop of all the tests here."""
    for one in in_hand(told_shop, browser):
        one.person = newcomer(told_shop)
        yield one


@pytest.fixture
def any_phone(any_stage: Stage, browser: Browser) -> Iterator[Phone]:
    """The phone on a shop in either mode of the bot: for what pages do, one is enough."""
    yield from in_hand(any_stage, browser)


def test_a_newcomer_buys_an_upgrade(any_phone: Phone):
    phone = any_phone
    app = phone.open()
    expect(app.get_by_role("heading", name="Deep Sky Atlas").first).to_be_visible()
    phone.shot("1-shop")
    app.get_by_role("link", name="Deep Sky Atlas").first.click()
    button = phone.page.locator("[data-test=main-button]")
    expect(button).to_contain_text("250")
    phone.shot("2-product")
    phone.press("main-button")
    expect(phone.page.locator("[data-test=invoice-sheet]")).to_contain_text("Deep Sky Atlas")
    phone.shot("3-sheet")
    phone.press("confirm-payment")
    expect(app.get_by_role("heading", name="Unlocked")).to_be_visible()
    phone.shot("4-unlocked")
    expect(button).to_contain_text("Open Deep Sky Atlas")
    phone.press("main-button")
    expect(app.get_by_role("heading", name="The Whirlpool")).to_be_visible()
    phone.shot("5-atlas")
    eventually(lambda: receipts(phone.stage, phone.person))
    assert len(receipts(phone.stage, phone.person)) == 1


def test_who_comes_back_to_an_open_page_sees_what_went_back_meanwhile(phone: Phone):
    app = phone.open(start="deep-sky-atlas")
    phone.press("main-button")
    phone.press("confirm-payment")
    expect(app.get_by_role("heading", name="Unlocked")).to_be_visible()
    price = app.locator("#price-deep-sky-atlas")
    expect(price).to_have_text("Unlocked")
    [charge] = eventually(lambda: charges(phone.stage, phone.person))
    phone.stage.control("POST", f"charges/{charge}/refund")

    def is_told() -> bool:
        app.locator("body").evaluate(
            "body => body.ownerDocument.dispatchEvent(new Event('visibilitychange'))"
        )
        return app.get_by_role("heading", name="Refunded").is_visible()

    eventually(is_told)
    expect(price).to_contain_text("250")


def test_the_other_account_does_not_see_it(phone: Phone):
    app = phone.open(start="tonight-week")
    phone.press("main-button")
    phone.press("confirm-payment")
    expect(app.get_by_role("heading", name="Unlocked")).to_be_visible()
    app = phone.open(newcomer(phone.stage, language_code="ru"), start="tonight")
    expect(app.get_by_text("Откройте эту страницу")).to_be_visible()
    phone.shot("8-locked")


@pytest.mark.parametrize("claim", ["failed", "cancelled", "none", "pending"])
def test_a_client_that_says_otherwise_is_not_believed(phone: Phone, claim: str):
    phone.stage.control("PUT", "troubles", client_status=claim)
    app = phone.open(start="tonight-week")
    phone.press("main-button")
    phone.press("confirm-payment")
    expect(app.get_by_role("heading", name="Unlocked")).to_be_visible()
    phone.stage.control("PUT", "troubles")


def test_a_sheet_that_is_closed_charges_nothing_and_can_be_opened_again(phone: Phone):
    before = phone.stage.state()["balance"]
    app = phone.open(start="deep-sky-atlas")
    phone.press("main-button")
    phone.press("sheet-close")
    phone.shot("9-cancelled")
    assert phone.stage.state()["balance"] == before
    phone.press("main-button")
    phone.press("confirm-payment")
    expect(app.get_by_role("heading", name="Unlocked")).to_be_visible()


def test_the_catalogue_reads_without_any_script(told_shop: Stage, browser: Browser):
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    page.goto(told_shop.web)
    expect(page.get_by_role("heading", name="Deep Sky Atlas").first).to_be_visible()
    expect(page.get_by_text("250").first).to_be_visible()
    context.close()


def buy(phone: Phone, start: str) -> FrameLocator:
    """Have Alice buy something, and wait until it is open."""
    app = phone.open(start=start)
    phone.press("main-button")
    phone.press("confirm-payment")
    expect(app.get_by_role("heading", name="Unlocked")).to_be_visible()
    return app


def plans(phone: Phone) -> list[dict[str, Any]]:
    """Return what somebody's Stars are taken for every month."""
    return [one for one in phone.stage.state()["subscriptions"] if one["person"] == phone.person]


def test_a_plan_is_begun_cancelled_and_let_to_renew(phone: Phone):
    app = buy(phone, "observatory-plan")
    expect(app.get_by_text("until you cancel under My upgrades")).to_be_visible()
    app = phone.open(start="upgrades")
    app.locator("summary", has_text="Cancel plan").click()
    expect(phone.page.locator("[data-test=dialog-button-keep]")).to_have_text("Keep plan")
    phone.press("dialog-button-yes")
    expect(app.get_by_role("heading", name="Cancelled")).to_be_visible()
    [plan] = plans(phone)
    assert (plan["canceled"], plan["canceled_by_bot"]) == (True, True)
    app.get_by_role("button", name="Turn renewal back on").click()
    expect(app.get_by_text("turn it on in Telegram: Settings, My Stars, Observatory Plan")).to_be_visible()
    phone.stage.control("POST", f"subscriptions/{plan['id']}/resume")
    expect(app.get_by_role("heading", name="Renews on")).to_be_visible()
    app = phone.open(start="observatory-plan")
    expect(phone.page.locator("[data-test=main-button]")).to_contain_text("Open Tonight's Sky")
    expect(app.locator("#buy")).to_have_count(0)


def test_a_trial_is_the_second_button_and_is_there_once(phone: Phone):
    app = phone.open(start="observatory-plan")
    expect(phone.page.locator("[data-test=main-button]")).to_contain_text("140 / 30 days")
    phone.press("secondary-button")
    phone.press("confirm-payment")
    expect(app.get_by_text("Your trial of Observatory Plan has started")).to_be_visible()
    assert plans(phone) == []
    app = phone.open(start="observatory-plan")
    expect(app.get_by_role("heading", name="Yours until")).to_be_visible()
    expect(app.locator("#try")).to_have_count(0)


def test_what_was_bought_is_given_back_and_closes(phone: Phone):
    before = phone.stage.state()["balance"]
    buy(phone, "deep-sky-atlas")
    assert phone.stage.state()["balance"] == before + 250
    app = phone.open(start="purchases")
    app.get_by_role("button", name="Refund").click()
    expect(app.get_by_text("You lose access to Deep Sky Atlas right away.")).to_be_visible()
    phone.press("dialog-button-keep")
    # Beneath the dialog the page asks the same, and its "Refund 250 Stars" goes with it.
    expect(app.get_by_role("button", name="Refund 250 Stars")).to_have_count(0)
    app.get_by_role("button", name="Refund").click()
    phone.press("dialog-button-yes")
    expect(app.get_by_text("You asked for this refund.")).to_be_visible()
    assert phone.stage.state()["balance"] == before
    app.locator("a[href^='/purchases/']").click()
    expect(app.get_by_text("Refunded", exact=True)).to_be_visible()
    expect(phone.open(start="atlas").get_by_text("Unlock this page")).to_be_visible()


def test_a_payment_that_was_missed_is_restored_and_explained(phone: Phone):
    phone.open(start="deep-sky-atlas")
    phone.press("main-button")
    phone.press("sheet-close")
    *_, invoice = phone.stage.control("GET", "invoices")
    phone.stage.control("POST", "charges", person=phone.person, slug=invoice["slug"], silent=True)
    app = phone.open(start="purchases")
    expect(app.get_by_text("No purchases yet")).to_be_visible()
    app.get_by_role("button", name="Restore purchases").click()
    expect(app.get_by_text("Found: Deep Sky Atlas.")).to_be_visible()
    app = phone.open(start="upgrades")
    app.get_by_role("link", name="Why do I have access?").click()
    expect(app.get_by_text("Unlocked for good.")).to_be_visible()
    app.get_by_role("link", name="Receipt").click()
    expect(app.get_by_text("Payment number", exact=True)).to_be_visible()
