"""The whole purchase by keyboard, in a client that draws no buttons of its own."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.gallery.visits import Visit

MOST_TABS = 60


@pytest.fixture
def alice(visit: Callable[..., Visit]) -> Visit:
    """Alice, whose client gives the page a launch and nothing else."""
    there = visit()
    there.context.route("**/telegram-web-app.js", lambda route: route.abort())
    return there


def tab_to(alice: Visit, selector: str) -> None:
    """Press Tab until something has the focus, as somebody would who cannot point at it."""
    for _tab in range(MOST_TABS):
        alice.page.keyboard.press("Tab")
        if alice.page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never comes to {selector}")


def focused(alice: Visit) -> str:
    text: str = alice.page.evaluate(
        "document.activeElement.tagName + ': ' + document.activeElement.textContent"
    )
    return " ".join(text.split())


def test_everything_can_be_bought_with_tab_and_enter(alice: Visit):
    alice.open()
    tab_to(alice, "a[href='/products/deep-sky-atlas']")
    alice.page.keyboard.press("Enter")
    alice.await_("main[data-path='/products/deep-sky-atlas']")
    assert focused(alice).startswith("MAIN: ")
    expect(alice.page.locator("#aloud")).to_have_text("Deep Sky Atlas")
    tab_to(alice, "#buy")
    alice.page.keyboard.press("Enter")
    alice.await_("[data-order=open]")
    assert focused(alice) == "H2: Waiting for your payment"
    tab_to(alice, "[data-invoice]")
    alice.shopper.pay(str(alice.page.locator("[data-invoice]").get_attribute("href")))
    alice.await_("[data-order=paid]")
    assert focused(alice) == "H2: Unlocked"
    tab_to(alice, "a[href='/pages/atlas']")
    alice.page.keyboard.press("Enter")
    expect(alice.page.get_by_role("heading", name="The Whirlpool")).to_be_visible()
    expect(alice.page.get_by_role("main")).to_have_count(1)


def test_what_comes_while_the_focus_is_elsewhere_is_told(alice: Visit):
    order = alice.order("deep-sky-atlas")
    alice.open("deep-sky-atlas")
    alice.await_("[data-order=open]")
    alice.page.locator("nav a").first.focus()
    alice.pay(order)
    alice.await_("[data-order=paid]")
    assert focused(alice) == "A: Shop"
    expect(alice.page.locator("#aloud")).to_have_text("Unlocked")


def test_giving_back_keeps_its_place(alice: Visit):
    alice.buy("deep-sky-atlas")
    alice.open("purchases")
    tab_to(alice, ".refund button")
    alice.page.keyboard.press("Enter")
    alice.await_("[data-focus]")
    assert focused(alice) == "BUTTON: Keep it"
    alice.page.keyboard.press("Enter")
    alice.page.wait_for_selector("[data-focus]", state="detached")
    alice.settle()
    assert focused(alice).startswith("BUTTON: Refund")
    assert alice.page.evaluate("document.activeElement.tabIndex") == 0  # Tab still comes to it
    alice.page.keyboard.press("Enter")
    alice.await_("[data-focus]")
    alice.page.keyboard.press("Shift+Tab")
    alice.page.keyboard.press("Enter")
    expect(alice.page.get_by_text("You asked for this refund.")).to_be_visible()
    assert focused(alice) != "BODY: "


def test_a_plan_is_cancelled_and_let_to_renew_by_keyboard(alice: Visit):
    alice.buy("observatory-plan")
    alice.open("upgrades")
    tab_to(alice, "summary")
    alice.page.keyboard.press("Enter")
    tab_to(alice, "[id^=cancel-]")
    alice.page.keyboard.press("Enter")
    alice.await_("[id^=resume-]")
    assert focused(alice) == "H2: Cancelled"
    tab_to(alice, "[id^=resume-]")
    alice.page.keyboard.press("Enter")
    alice.page.wait_for_selector("[id^=resume-]", state="detached")
    alice.settle()
    assert focused(alice).startswith("H2: ")


def test_the_way_back_is_the_browsers_own(alice: Visit):
    alice.open()
    tab_to(alice, "a[href='/products/night-photography']")
    alice.page.keyboard.press("Enter")
    alice.await_("main[data-path='/products/night-photography']")
    alice.page.go_back()
    alice.await_("main[data-path='/']")
    alice.page.go_forward()
    alice.await_("main[data-path='/products/night-photography']")
    expect(alice.page).to_have_title("Night Photography Field Notes · Lantern & Loom")
