"""What Telegram's clients offer around the page, each on a client that has it and on one that has not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.kit.factories import SHOP
from tests.kit.phone import Phone, in_hand
from tests.kit.played import ALICE
from tests.kit.processes import Stage, eventually

PRODUCT = """kind = "unlock"
section = "Charts"
description = "A chart."
picture = "hero.svg"
stars = 5
entitlements = ["atlas"]
"""
OPENING = """
[[entitlements]]
key = "atlas"
title = "Atlas"
opens = "page:tonight.md"
"""
OLD = "6.0"  # knows MainButton, and nothing of what is tested here


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, empty_sqlite: Path) -> Iterator[Stage]:
    """One shop for all the clients here."""
    folder = tmp_path_factory.mktemp("manners")
    file = folder / "shop.db"
    file.write_bytes(empty_sqlite.read_bytes())
    one = Stage(folder, f"sqlite:///{file}")
    yield one.open()
    one.close()


@pytest.fixture
def newcomer(stage: Stage) -> int:
    """Somebody who has never written to the bot, with Stars to spend."""
    return int(stage.control("POST", "people", first_name="Nora", stars=1000)["id"])


@pytest.fixture
def phone(stage: Stage, browser: Browser) -> Iterator[Phone]:
    yield from in_hand(stage, browser)


def test_a_second_choice_is_the_second_button(phone, newcomer):
    app = phone.open(newcomer, "observatory-plan")
    expect(phone.page.locator("[data-test=secondary-button]")).to_contain_text("Try it 7 days for")
    expect(app.locator("#try")).to_be_hidden()
    phone.press("secondary-button")
    expect(phone.page.locator("[data-test=invoice-sheet]")).to_contain_text("20")
    phone.press("confirm-payment")
    expect(app.get_by_text("Your trial of Observatory Plan has started")).to_be_visible()
    expect(phone.page.locator("[data-test=secondary-button]")).to_be_hidden()


def test_without_a_second_button_the_page_has_its_own(phone, newcomer):
    app = phone.open(newcomer, "observatory-plan", version=OLD)
    expect(app.locator("#try")).to_be_visible()
    expect(phone.page.locator("[data-test=secondary-button]")).to_be_hidden()


def test_a_question_is_asked_by_telegrams_own_dialog(phone, newcomer):
    app = subscribed(phone, newcomer)
    app.locator("summary").click()
    dialog = phone.page.get_by_role("alertdialog")
    expect(dialog).to_contain_text("You keep Nightly Plan until")
    phone.press("dialog-button-keep")
    expect(dialog).to_be_hidden()
    expect(app.get_by_role("heading", name="Renews on")).to_be_visible()
    app.locator("summary").click()
    phone.press("dialog-button-yes")
    expect(app.get_by_role("heading", name="Cancelled")).to_be_visible()
    # What the plan opens stands above it, and says so too.
    expect(app.locator("#opened")).to_contain_text("Until")
    expect(app.locator("#opened")).not_to_contain_text("Renews on")


def test_without_dialogs_the_page_asks_by_itself(phone, newcomer):
    subscribed(phone, newcomer)
    app = phone.open(newcomer, "upgrades", version=OLD)
    app.locator("summary").click()
    app.get_by_role("button", name="Cancel plan").click()
    expect(app.get_by_role("heading", name="Cancelled")).to_be_visible()


def test_who_lets_the_bot_write_gets_what_could_not_be_told(phone, stage, newcomer):
    stage.control("PATCH", f"people/{newcomer}", blocked=True)
    app = phone.open(newcomer, "tonight-week")
    phone.press("main-button")
    phone.press("confirm-payment")
    offer = app.get_by_role("button", name="Get receipts from the bot")
    expect(offer).to_be_visible()
    told = [call for call in eventually(lambda: stage.calls("sendMessage")) if is_to(call, newcomer)]
    assert [call.get("result") for call in told] == [None] * len(told)
    stage.control("PATCH", f"people/{newcomer}", blocked=False)
    offer.click()
    phone.press("dialog-button-yes")
    expect(offer).to_be_hidden()
    eventually(lambda: [one for one in stage.messages(newcomer) if "is unlocked" in one.get("text", "")])


def test_a_no_is_not_asked_about_again(phone, newcomer):
    for slug in ("tonight-week", "deep-sky-atlas"):
        app = phone.open(newcomer, slug)
        phone.press("main-button")
        phone.press("confirm-payment")
        expect(app.get_by_role("heading", name="Unlocked")).to_be_visible()
        offer = app.get_by_role("button", name="Get receipts from the bot")
        if slug == "tonight-week":
            offer.click()
            phone.press("dialog-button-cancel")
        expect(offer).to_be_hidden()


def test_a_product_is_shared_by_a_message_the_shop_prepared(phone, stage):
    app = phone.open(ALICE, "deep-sky-atlas")
    app.get_by_role("link", name="Share").click()
    expect(phone.page.get_by_role("alertdialog")).to_contain_text("Deep Sky Atlas")
    phone.press("dialog-button-yes")
    [call] = stage.calls("savePreparedInlineMessage")
    assert call["params"]["user_id"] == ALICE


def test_who_shares_before_they_are_known_shares_that_message_too(phone, stage):
    held, before = [], len(stage.calls("savePreparedInlineMessage"))
    phone.page.route("**/session", lambda route: held.append(route))
    app = phone.open(ALICE, "deep-sky-atlas")
    app.get_by_role("link", name="Share").click()
    held[0].continue_()
    expect(phone.page.get_by_role("alertdialog")).to_contain_text("Deep Sky Atlas")
    assert len(stage.calls("savePreparedInlineMessage")) == before + 1


def test_a_client_without_such_messages_shares_a_link(phone, stage):
    before = len(stage.calls("savePreparedInlineMessage"))
    app = phone.open(ALICE, "deep-sky-atlas", version="7.0")
    app.get_by_role("link", name="Share").click()
    expect(phone.page.get_by_role("alertdialog")).to_contain_text("startapp=deep-sky-atlas")
    assert len(stage.calls("savePreparedInlineMessage")) == before


def test_a_phone_gets_an_icon_and_a_desk_is_not_offered_one(phone, newcomer):
    subscribed(phone, newcomer)
    app = phone.open(newcomer, "upgrades", platform="ios")
    app.get_by_role("button", name="Add to home screen").click()
    phone.press("dialog-button-yes")
    for platform in ("ios", "weba"):
        app = phone.open(newcomer, "upgrades", platform=platform)
        expect(app.get_by_role("button", name="Restore purchases")).to_be_visible()
        expect(app.get_by_role("button", name="Add to home screen")).to_be_hidden()


@pytest.mark.parametrize(("platform", "is_offered"), [("android", True), ("tdesktop", True), ("weba", False)])
def test_who_has_too_few_stars_gets_to_where_they_are_sold(phone, stage, platform, is_offered):
    person = stage.control("POST", "people", first_name="Nora", stars=3)["id"]
    app = phone.open(person, "deep-sky-atlas", platform=platform)
    phone.press("main-button")
    phone.press("sheet-close")
    expect(app.get_by_text("Not enough Stars?")).to_be_visible()
    expect(app.get_by_text("Or start with")).to_be_visible()
    link = app.locator("[href='tg://stars_topup?balance=250']")
    expect(link).to_be_visible(visible=is_offered)


def test_the_settings_of_the_client_are_the_shops(phone):
    app = phone.open(ALICE, "deep-sky-atlas")
    phone.press("app-menu")
    phone.press("menu-settings")
    expect(app.get_by_role("heading", name="Settings", exact=True)).to_be_visible()
    phone.press("app-back")
    expect(app.get_by_role("heading", name="Deep Sky Atlas", exact=True)).to_be_visible()


@pytest.fixture
def long_shelf(stage: Stage, tmp_path: Path) -> Iterator[None]:
    """Sixty products instead of the folder's, which are back on sale afterwards."""
    file = tmp_path / "catalog.toml"
    products = (f'[[products]]\nslug = "p{n}"\n{PRODUCT}title = "Number {n}"\n' for n in range(60))
    file.write_text("\n".join([*products, OPENING]))
    bring(stage, file)
    yield
    bring(stage, SHOP.path / "catalog.toml")


def bring(stage: Stage, file: Path) -> None:
    with stage.inside() as app:
        done = app.test_cli_runner().invoke(args=["catalog", "import", str(file)])
        assert done.exit_code == 0, done.output


@pytest.mark.usefixtures("long_shelf")
def test_the_next_products_come_as_one_scrolls(phone):
    app = phone.open(ALICE)
    expect(app.get_by_role("heading", name="Number 0")).to_be_visible()
    expect(app.locator(".card")).to_have_count(24)
    app.get_by_role("heading", name="Number 23").scroll_into_view_if_needed()
    expect(app.locator(".card")).to_have_count(48)
    app.get_by_role("heading", name="Number 47").scroll_into_view_if_needed()
    expect(app.locator(".card")).to_have_count(60)
    expect(app.get_by_role("heading", name="Charts")).to_have_count(1)
    app.get_by_role("link", name="Number 59").click()
    expect(app.get_by_role("heading", name="Number 59")).to_be_visible()


def subscribed(phone, person):
    """Have somebody begin a plan; return their upgrades."""
    app = phone.open(person, "nightly-plan")
    phone.press("main-button")
    phone.press("confirm-payment")
    expect(app.get_by_role("heading", name="Unlocked")).to_be_visible()
    return phone.open(person, "upgrades")


def is_to(call, person):
    return str(call["params"]["chat_id"]) == str(person)


def test_what_is_outside_the_shop_opens_beside_it(phone, stage, newcomer):
    """A page of the owner's, straight from paying by Telegram's button; its link leaves it where it is."""
    outside = "https://example.org/messier"
    phone.page.context.route(outside, lambda route: route.fulfill(body="A list of 110."))
    app = phone.open(newcomer, "deep-sky-atlas")
    phone.press("main-button")
    phone.press("confirm-payment")
    expect(phone.page.locator("[data-test=main-button]")).to_contain_text("Open Deep Sky Atlas")
    phone.press("main-button")
    expect(app.get_by_role("heading", name="The Whirlpool")).to_be_visible()
    picture = app.get_by_role("img", name="The Whirlpool, drawn")
    picture.scroll_into_view_if_needed()
    eventually(lambda: picture.evaluate("image => image.naturalWidth") > 0)
    with phone.page.context.expect_page() as opened:
        app.get_by_role("link", name="the catalogue").click()
    assert opened.value.url == outside
    expect(app.get_by_role("heading", name="The Whirlpool")).to_be_visible()
