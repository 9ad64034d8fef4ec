"""A page whose session ends, or was another person's: it is asked for again, with all that was said."""

from collections.abc import Callable

from playwright.sync_api import Route, expect

from tests.gallery.visits import Visit

HOUR_SECONDS = 3600  # no session lasts as long
# As in a frame whose browser keeps nothing for it.
DENIED = """Object.defineProperty(window, "sessionStorage", { get() { throw new DOMException("denied") } })"""


def test_43_a_page_rendered_for_another_account_is_asked_for_again(visit: Callable[..., Visit]):
    alice, bob = visit(), visit()
    alice.buy("deep-sky-atlas")
    alice.open("purchases")
    expect(alice.page.get_by_text("Deep Sky Atlas").first).to_be_visible()
    # Bob takes over the device: with its cookie the shop takes him for Alice, until he signs in.
    web = alice.stage.web
    launch = alice.stage.control("POST", f"people/{bob.id}/launch", **{"from": "direct"})
    alice.page.goto("about:blank")  # or it would be a place on the page that is open
    alice.page.goto(launch["url"].replace(f"{web}/", f"{web}/purchases", 1))
    alice.page.wait_for_selector(f"main[data-viewer='{bob.id}']")
    expect(alice.page.get_by_text("No purchases yet")).to_be_visible()


def test_43_a_tap_on_buy_is_repeated_whole_when_its_session_is_over(visit: Callable[..., Visit]):
    alice = visit()
    alice.open("deep-sky-atlas")
    alice.stage.wait(HOUR_SECONDS)
    with alice.page.expect_response(f"{alice.stage.web}/orders") as refused:
        alice.click("#buy")
    assert refused.value.status == 401
    alice.await_("[data-order=open]")


def test_a_page_that_is_opened_whole_takes_the_launch_along(visit: Callable[..., Visit]):
    alice = visit()
    alice.context.add_init_script(DENIED)
    alice.open()
    alice.context.route("**/terms", lead_to_support)
    alice.app.locator("footer a[href='/terms']").click()
    alice.page.wait_for_url("**/support#*")
    alice.await_("[data-session=ready]")
    assert "tgWebAppData=" in alice.page.url


def lead_to_support(route: Route) -> None:
    """Answer as the shop does where a page may load more than others."""
    route.fulfill(status=204, headers={"HX-Redirect": "/support"})
