"""A page that was rendered before anybody knew whose it is, and their language once somebody does."""

from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.kit.played import ALICE, BOB
from tests.kit.processes import Stage
from webapp.i18n.localize import COOKIE

DARIUSH = 5000000104
PAGES = ("/", "/products/tonight-week", "/upgrades", "/purchases", "/support", "/pages/atlas", "/settings")
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def opened(stage: Stage, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page of the shop as Telegram does, in an English browser that may drop its cookies."""
    contexts = []

    def open_(path: str, person: int = DARIUSH, *, drops_cookies: bool = True) -> Page:
        context = browser.new_context(viewport={"width": 320, "height": 700}, locale="en-US")
        contexts.append(context)
        page = context.new_page()
        page.documents = []  # type: ignore[attr-defined]
        page.on("request", lambda one: one.is_navigation_request() and page.documents.append(one.url))
        if drops_cookies:
            page.on("response", lambda _: context.clear_cookies())
        launch = stage.control("POST", f"people/{person}/launch", **{"from": "menu"})["init_data"]
        page.goto(f"{stage.web}{path}#tgWebAppData={quote(launch)}&tgWebAppVersion=9.1&tgWebAppPlatform=weba")
        return page

    yield open_
    for context in contexts:
        context.close()


def settled(page: Page, code: str, direction: str = "ltr") -> None:
    """Expect a page to be wholly in a language, and to stay so."""
    expect(page.locator(f'html[lang={code}][dir={direction}][data-session="ready"]')).to_have_count(1)
    expect(page.locator(f"main[lang={code}][dir={direction}]")).to_have_count(1)
    page.wait_for_load_state("networkidle")
    expect(page.locator(f"main[lang={code}]")).to_have_count(1)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_turns_into_the_language_of_whoever_opened_it_without_a_reload(opened, path):
    page = opened(path)
    settled(page, "fa", "rtl")
    assert page.locator("footer a").first.inner_text() == "پشتیبانی"
    assert len(page.documents) == 1
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide == 320


def test_a_client_that_reloads_and_drops_cookies_is_turned_each_time_and_never_reloaded(opened):
    page = opened("/")
    for reloads in (1, 2, 3):
        settled(page, "fa", "rtl")
        assert len(page.documents) == reloads
        page.reload()


def test_the_browser_remembers_so_that_the_next_page_need_not_turn(opened):
    page = opened("/support", drops_cookies=False)
    settled(page, "fa", "rtl")
    first = page.request.get(page.url)
    assert '<html lang="fa" dir="rtl"' in first.text()
    assert COOKIE in {cookie["name"] for cookie in page.context.cookies()}


def test_a_language_is_chosen_with_one_tap_and_stays(opened):
    page = opened("/settings", BOB)
    settled(page, "ru")
    page.get_by_role("button", name="فارسی").click()
    settled(page, "fa", "rtl")
    page.locator("nav.tabs a").nth(1).click()
    expect(page.get_by_role("heading", name="دسترسی‌های من")).to_be_visible()
    settled(page, "fa", "rtl")
    assert len(page.documents) == 1
    settled(opened("/", BOB), "fa", "rtl")


def test_who_speaks_what_the_page_speaks_sees_no_turn(opened):
    page = opened("/", ALICE)
    settled(page, "en")
    assert len(page.documents) == 1
