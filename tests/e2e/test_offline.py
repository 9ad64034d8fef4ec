"""The whole purchase on a machine with neither the internet nor npm: the stand-in plays Telegram's script."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.kit.phone import Phone, in_hand, receipts
from tests.kit.played import ALICE, CARMEN
from tests.kit.processes import ROOT, Stage, eventually

NOWHERE = "http://127.0.0.1:1"  # a proxy that refuses


def without_npm(programs: Path, folder: Path) -> str:
    """Return a folder with nothing but what the shop is run by."""
    for name in ("python", "gunicorn", "flask"):
        (folder / name).write_text(f'#!/bin/sh\nexec "{programs / name}" "$@"\n')
        (folder / name).chmod(0o755)
    return str(folder)


@pytest.fixture(scope="module")
def stage(empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A shop that all of these tests share."""
    folder = tmp_path_factory.mktemp("offline")
    (folder / "shop.db").write_bytes(empty_sqlite.read_bytes())
    nowhere = {"HTTPS_PROXY": NOWHERE, "NPM_CONFIG_REGISTRY": NOWHERE}
    one = Stage(folder, f"sqlite:///{folder / 'shop.db'}", **nowhere)
    one.environment["PATH"] = without_npm(one.bin, folder)
    one.play("--script-copy", str(folder / "none.js"))
    eventually(lambda: one.state()["client_script"]["is_settled"])
    assert one.state()["client_script"]["is_stand_in"]
    yield one.open()
    one.close()


@pytest.fixture
def phone(stage: Stage, browser: Browser) -> Iterator[Phone]:
    yield from in_hand(stage, browser)


def test_a_newcomer_without_internet_buys_an_upgrade(phone: Phone):
    app = phone.open()
    script = (ROOT / "sandbox" / "static" / "stand-in.js").read_bytes()
    assert phone.stage.http.get(f"{phone.stage.sandbox}/telegram-web-app.js").content == script
    app.get_by_role("link", name="Deep Sky Atlas").first.click()
    button = phone.page.locator("[data-test=main-button]")
    expect(button).to_contain_text("250")
    phone.shot("offline-product")
    phone.press("main-button")
    expect(phone.page.locator("[data-test=invoice-sheet]")).to_contain_text("Deep Sky Atlas")
    phone.shot("offline-sheet")
    phone.press("confirm-payment")
    expect(app.get_by_role("heading", name="Unlocked")).to_be_visible()
    phone.shot("offline-unlocked")
    phone.press("main-button")
    expect(app.get_by_role("heading", name="The Whirlpool")).to_be_visible()
    eventually(lambda: receipts(phone.stage, ALICE))
    assert len(receipts(phone.stage, ALICE)) == 1


def test_back_and_settings_lead_through_the_shop_offline(phone: Phone):
    app = phone.open()
    app.get_by_role("link", name="Field Notes").first.click()
    expect(phone.page.locator("[data-test=main-button]")).to_be_visible()
    phone.press("app-back")
    expect(phone.page.locator("[data-test=app-close]")).to_be_visible()
    expect(phone.page.locator("[data-test=main-button]")).to_be_hidden()
    phone.press("app-menu")
    phone.press("menu-settings")
    expect(app.get_by_role("heading", name="Settings")).to_be_visible()


def test_a_question_is_asked_by_the_phone_and_its_answer_heard_offline(phone: Phone):
    phone.stage.control("PATCH", f"people/{CARMEN}", language_code="en")
    app = phone.open(CARMEN, start="deep-sky-atlas")
    phone.press("main-button")
    phone.press("confirm-payment")
    expect(app.get_by_role("heading", name="Unlocked")).to_be_visible()
    phone.open(CARMEN, start="purchases")
    app.get_by_role("button", name="Refund").click()
    expect(phone.page.locator("[data-test=dialog]")).to_be_visible()
    phone.shot("offline-question")
    phone.press("dialog-button-keep")
    expect(app.get_by_role("button", name="Refund 250 Stars")).to_have_count(0)
    app.get_by_role("button", name="Refund").click()
    phone.press("dialog-button-yes")
    expect(app.get_by_text("You asked for this refund.")).to_be_visible()


def test_the_theme_follows_a_switch_offline(phone: Phone):
    app = phone.open()
    theme = app.locator("html")
    expect(theme).to_have_attribute("data-theme", "light")
    # The panel changes it where there is one; here only the phone fills the window.
    phone.page.evaluate("import('/static/store.js').then(({ set }) => set({ theme: 'dark' }))")
    expect(theme).to_have_attribute("data-theme", "dark")
    phone.shot("offline-dark")
    height = "getComputedStyle(document.documentElement).getPropertyValue('--tg-viewport-stable-height')"
    assert app.locator("html").evaluate(f"() => {height}").endswith("px")


def test_the_panel_says_that_a_stand_in_plays(phone: Phone):
    phone.page.goto(phone.stage.sandbox)
    said = "A stand-in plays Telegram's client script: the real one cannot be fetched right now."
    expect(phone.page.locator("[data-test=stand-in]")).to_have_text(said)
