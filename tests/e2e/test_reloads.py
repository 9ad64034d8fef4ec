"""A page that is loaded again, by Telegram or by itself: in each kind of client, with and without storage."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Frame, Page, expect

from tests.kit.phone import PHONE, Phone
from tests.kit.processes import Stage, eventually

# What current Chromium does to frames of another site by default; its shell without windows does not.
CODE = re.compile(r"\b[A-Z2-9]{4}-[A-Z2-9]{4}\b")
DENIED = """for (const name of location.port === "%s" ? ["sessionStorage", "localStorage"] : [])
  Object.defineProperty(window, name, { get() { throw new DOMException("denied"); } });"""
IS_KNOWN = """path => window.Telegram?.WebApp.version === "9.1" && window.htmx
  && document.documentElement.dataset.session === "ready"
  && document.getElementById("main").dataset.path === path
  && !document.querySelector("[hx-trigger^='session:ready'], .htmx-request")"""
PAGES = [
    "/",
    "/upgrades",
    "/purchases",
    "/settings",
    "/support",
    "/terms",
    "/privacy",
    "/pages/tonight",
    "/why",
]
PRODUCT = "/products/tonight-week"


class Client:
    """A client of Telegram's with the shop open: a frame on the sandbox's phone, or a window of its own."""

    def __init__(self, stage: Stage, page: Page) -> None:
        self.stage, self.page = stage, page
        self.requests: list[str] = []
        page.on("request", lambda one: self.requests.append(f"{one.url} {one.headers}"))

    @property
    def app(self) -> Frame:
        inside = [frame for frame in self.page.frames if frame.url.startswith(self.stage.web)]
        return inside[-1]

    def is_known_at(self, path: str) -> bool:
        """Tell whether the shop knows who this is, and Telegram's script which client."""
        self.page.wait_for_timeout(0)  # what the browser has to say is heard
        try:
            return bool(self.app.evaluate(IS_KNOWN, path))
        except Error:  # the page went away meanwhile
            return False

    def reload(self, path: str) -> Frame:
        """Load the page again as Telegram has it do, and wait until it is this person's."""
        with self.page.expect_event("framenavigated"):
            self.app.evaluate("location.reload()")
        eventually(lambda: self.is_known_at(path))
        return self.app

    def go(self, path: str) -> None:
        """Follow a link of the shop's."""
        self.app.evaluate(
            "path => htmx.ajax('GET', path, { target: '#main', swap: 'outerHTML', push: path })", path
        )
        eventually(lambda: self.is_known_at(path))


@pytest.fixture(scope="module")
def stage(empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A shop that Telegram frames under either name of this machine."""
    folder = tmp_path_factory.mktemp("reloads")
    (folder / "shop.db").write_bytes(empty_sqlite.read_bytes())
    one = Stage(folder, f"sqlite:///{folder / 'shop.db'}")
    one.environment["FRAME_ANCESTORS"] = f"{one.sandbox} http://localhost:{one.sandbox_port}"
    yield one.open()
    one.close()


@pytest.mark.proves("F63")
def test_what_was_bought_is_still_there_after_a_reload(stage: Stage, browser: Browser):
    with frame(stage, browser, host="127.0.0.1", is_denied=True) as client:
        assert storage_of(client) == "denied"
        buys_through_reloads(client)
        pages_outlast_reloads(client)
        a_link_tapped_before_the_script_keeps_the_launch(client)
        assert "tgWebApp" in client.app.url
    with frame(stage, browser, host="localhost", is_denied=False) as client:
        assert storage_of(client) == "kept"
        buys_through_reloads(client)
        assert "tgWebApp" not in client.app.url
    with window(stage, browser, is_denied=False) as client:
        assert storage_of(client) == "kept"
        buys_through_reloads(client)
    with window(stage, browser, is_denied=True) as client:
        assert storage_of(client) == "denied"
        client.reload(PRODUCT)
    assert "tgWebAppData" not in stage.output("web")


def test_17_a_launch_is_found_behind_a_path_in_the_fragment(stage: Stage, browser: Browser):
    with window(stage, browser, is_denied=False, path="#/?") as client:
        client.reload("/")
    with window(stage, browser, is_denied=True, path="#/some/where?x=1&") as client:
        client.reload("/")


@pytest.mark.parametrize("is_denied", [True, False], ids=["denied", "kept"])
def test_19_who_logged_out_everywhere_is_a_stranger_in_every_window(
    stage: Stage, browser: Browser, is_denied: bool
):
    with frame(stage, browser, host="localhost", is_denied=is_denied) as client:
        launch = client.app.evaluate("Telegram.WebApp.initData")
        client.go("/settings")
        client.app.get_by_text("Log out everywhere", exact=True).click()
        client.page.click("[data-test=dialog-button-yes]")
        expect(client.app.get_by_role("heading", name="You're logged out")).to_be_visible()
        answer = stage.http.post(f"{stage.web}/session", json={"init_data": launch})
        assert answer.status_code == 401
        client.app.evaluate("location.reload()")
        expect(client.app.get_by_role("heading", name="This shop lives in Telegram")).to_be_visible()
        assert client.app.evaluate("document.documentElement.dataset.session") == "outside"
        assert "tgWebApp" not in client.app.url


def test_20_a_code_from_the_chat_signs_in_where_the_launch_stays_old(stage: Stage, browser: Browser):
    person = newcomer(stage)
    old = {"from": "direct", "auth_date": int(time.time()) - 3 * 86400}
    page = browser.new_page(viewport=PHONE)
    page.goto(stage.control("POST", f"people/{person}/launch", **old)["url"])
    page.fill("#code", "aaaa-aaaa")
    page.click("#proof button")
    expect(page.get_by_text("This code is wrong or has expired.")).to_be_visible()
    stage.control("POST", f"people/{person}/messages", text="/start code")
    [code] = eventually(lambda: [c for one in stage.messages(person) for c in CODE.findall(one["text"])])
    page.fill("#code", code)
    page.click("#proof button")
    expect(page.locator("#proof")).to_be_hidden()
    page.reload()
    eventually(lambda: page.evaluate("document.documentElement.dataset.session") == "ready")
    page.close()


def test_33_where_our_script_cannot_be_read_the_page_says_what_to_do(stage: Stage, browser: Browser):
    page = browser.new_page(viewport=PHONE)
    page.route("**/starfront.*.js", lambda route: route.fulfill(body="const a = b ??!= c;"))
    page.goto(f"{stage.web}{PRODUCT}")
    top = page.locator("h1").bounding_box()
    expect(page.get_by_text("This window can't run the shop.")).to_be_visible()
    expect(page.locator("#buy")).to_be_hidden()
    expect(page.get_by_role("heading", name="Tonight's Sky for a week")).to_be_visible()
    page.unroute_all()
    page.reload()
    eventually(lambda: page.evaluate("document.documentElement.dataset.session") == "outside")
    assert page.locator("h1").bounding_box() == top  # nothing moves where the script comes
    expect(page.get_by_text("This window can't run the shop.")).to_be_hidden()
    page.close()


@contextmanager
def frame(stage: Stage, browser: Browser, *, host: str, is_denied: bool) -> Iterator[Client]:
    context = context_of(stage, browser, is_denied)
    phone = Phone(stage, context)
    phone.sandbox = f"http://{host}:{stage.sandbox_port}"
    client = Client(stage, phone.page)
    phone.open(newcomer(stage), start="tonight-week")
    yield client
    assert phone.problems == []
    told_nobody(client)
    context.close()


@contextmanager
def window(stage: Stage, browser: Browser, *, is_denied: bool, path: str = "#") -> Iterator[Client]:
    context = context_of(stage, browser, is_denied)
    client = Client(stage, context.new_page())
    start = "tonight-week" if path == "#" else None
    launch = stage.control(
        "POST", f"people/{newcomer(stage)}/launch", **{"from": "direct", "start_param": start}
    )
    client.page.goto(launch["url"].replace("#", path))
    yield client
    told_nobody(client)
    context.close()


def context_of(stage: Stage, browser: Browser, is_denied: bool) -> BrowserContext:
    context = browser.new_context(viewport=PHONE, reduced_motion="reduce")
    if is_denied:
        context.add_init_script(DENIED % stage.web_port)
    return context


def newcomer(stage: Stage) -> int:
    told = {"first_name": "Alice", "language_code": "en", "stars": 500}
    person: int = stage.control("POST", "people", **told)["id"]
    return person


def told_nobody(client: Client) -> None:
    """The launch went to no server in an address or a header: fragments stay in the browser."""
    told = [one for one in client.requests if "tgWebAppData" in one]
    assert told == []


def storage_of(client: Client) -> str:
    eventually(lambda: client.is_known_at(PRODUCT))
    read = "() => { try { sessionStorage.getItem('x'); return 'kept'; } catch { return 'denied'; } }"
    return str(client.app.evaluate(read))


def buys_through_reloads(client: Client) -> None:
    """Each phase of a payment outlasts a reload: before it, its sheet open, paid, and unlocked."""
    app = client.reload(PRODUCT)
    app.locator("#buy").evaluate("button => button.click()")
    app.locator("[data-order=open]").wait_for()
    app = client.reload(PRODUCT)
    link = app.locator("[data-order=open] [data-invoice]").first.get_attribute("href")
    confirm(client, str(link))
    app = client.reload(PRODUCT)
    expect(app.locator("#price-tonight-week.good")).to_contain_text("Until")
    app = client.reload(PRODUCT)
    expect(app.locator("#price-tonight-week.good")).to_contain_text("Until")


def confirm(client: Client, link: str) -> None:
    sheet = client.page.locator("[data-test=confirm-payment]")
    if client.page.url.startswith(client.stage.web):
        person = client.app.evaluate("Telegram.WebApp.initDataUnsafe.user.id")
        client.stage.control("POST", f"invoices/{link.rpartition('$')[2]}/pay", person=person)
    else:
        sheet.click()
        sheet.wait_for(state="hidden")


def pages_outlast_reloads(client: Client) -> None:
    for path in PAGES:
        client.go(path)
        client.reload(path)
    client.app.evaluate("history.back()")
    eventually(lambda: client.is_known_at(PAGES[-2]))
    client.reload(PAGES[-2])
    client.go("/purchases")
    expect(client.app.get_by_text("Tonight's Sky for a week").first).to_be_visible()


def a_link_tapped_before_the_script_keeps_the_launch(client: Client) -> None:
    client.app.evaluate("location.href = '/upgrades'")  # as a plain link leads there
    eventually(lambda: client.is_known_at("/upgrades"))
    client.reload("/upgrades")
