"""The phone in a browser: the real client script in a cross-site frame, on the sandbox's own server."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import Browser, Frame, Page, expect

TOKEN = "42:phone-tests"
ALICE, BOB = 0, 1  # places in the list of people the sandbox starts with

MINI_APP = """<!doctype html>
<meta charset="utf-8">
<title>A Mini App</title>
<script src="{sandbox}/telegram-web-app.js"></script>
<p id="name"></p>
<script>
  const app = Telegram.WebApp;
  document.getElementById("name").textContent = app.initDataUnsafe.user.first_name;
  window.heard = [];
  app.MainButton.onClick(() => heard.push("main"));
  app.BackButton.onClick(() => heard.push("back"));
  app.onEvent("themeChanged", () => heard.push("theme " + app.colorScheme));
  app.onEvent("invoiceClosed", ({{ status }}) => heard.push("invoice " + status));
  app.onEvent("popupClosed", ({{ button_id }}) => heard.push("popup " + button_id));
  app.ready();
</script>
"""

# A page of another origin inside the Mini App's place, which must not reach the phone.
STRANGER = """<!doctype html>
<title>A stranger</title>
<script>
  window.answers = 0;
  addEventListener("message", () => (answers += 1));
  const ask = (eventType, eventData) => parent.postMessage(JSON.stringify({{ eventType, eventData }}), "*");
  ask("web_app_request_theme");
  ask("web_app_setup_main_button", {{ is_visible: true, is_active: true, text: "Pay me" }});
</script>
"""


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@dataclass(frozen=True)
class Sandbox:
    url: str
    web_app: str
    stranger: str

    def call(self, method: str, **params: Any) -> Any:
        answer = httpx.post(f"{self.url}/bot{TOKEN}/{method}", json=params, timeout=10).json()
        assert answer["ok"], answer
        return answer["result"]

    def people(self) -> list[dict[str, Any]]:
        return httpx.get(f"{self.url}/sandbox/state").json()["people"]

    def invoice(self, stars: int) -> str:
        return self.call(
            "createInvoiceLink",
            title="Deep Sky Atlas",
            description="Charts for every month",
            payload="order",
            provider_token="",
            currency="XTR",
            prices=[{"label": "Atlas", "amount": stars}],
        )


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The sandbox as a newcomer runs it, a Mini App on another host name, and a bot that approves."""
    folder = tmp_path_factory.mktemp("phone")
    port, app_port = _free_port(), _free_port()
    url = f"http://127.0.0.1:{port}"
    one = Sandbox(url, f"http://localhost:{app_port}/app.html", f"http://127.0.0.1:{app_port}/stranger.html")
    (folder / "app.html").write_text(MINI_APP.format(sandbox=url))
    (folder / "stranger.html").write_text(STRANGER.format())
    server = ThreadingHTTPServer(("127.0.0.1", app_port), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    process = _start(port, one.web_app, folder)
    stop = threading.Event()
    bot = threading.Thread(target=_approve_everything, args=(one, stop), daemon=True)
    bot.start()
    yield one
    stop.set()
    bot.join(3)
    process.terminate()
    process.wait(5)
    server.shutdown()
    server.server_close()


def _start(port: int, web_app: str, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--token", TOKEN, "--web-app", web_app]
    process = subprocess.Popen(
        [*command, "--state", str(folder / "state.json"), "--fresh"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(100):
        try:
            httpx.get(f"http://127.0.0.1:{port}/sandbox/state").raise_for_status()
            return process
        except httpx.HTTPError:
            time.sleep(0.1)
    process.kill()
    raise RuntimeError("the sandbox did not start")


def _approve_everything(sandbox: Sandbox, stop: threading.Event) -> None:
    offset = 0
    while not stop.is_set():
        for update in sandbox.call("getUpdates", offset=offset, timeout=1):
            offset = update["update_id"] + 1
            if query := update.get("pre_checkout_query"):
                sandbox.call("answerPreCheckoutQuery", pre_checkout_query_id=query["id"], ok=True)


class Phone:
    """What a hand and an eye can do with the phone."""

    def __init__(self, page: Page, sandbox: Sandbox) -> None:
        self.page = page
        self.sandbox = sandbox

    def open(self, person: int = ALICE, **query: str) -> Frame:
        """Open the page with the Mini App already launched, and return the app's frame."""
        who = str(self.sandbox.people()[person]["id"])
        options = {"person": who, "theme": "light", "open": "menu", "bare": "1"} | query
        self.page.goto(f"{self.sandbox.url}/?{urlencode(options)}")
        return self.app()

    def app(self) -> Frame:
        element = self.page.wait_for_selector("[data-test=mini-app]")
        assert element is not None
        frame = element.content_frame()
        assert frame is not None
        frame.wait_for_function("window.heard !== undefined")
        return frame

    def press(self, test: str) -> None:
        self.page.click(f"[data-test={test}]")


def heard(app: Frame, what: str) -> None:
    app.wait_for_function("what => heard.includes(what)", arg=what)


@pytest.fixture
def phone(browser: Browser, sandbox: Sandbox) -> Iterator[Phone]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    yield Phone(context.new_page(), sandbox)
    context.close()


def test_the_phones_theme_reaches_the_page_and_follows_a_change(phone: Phone) -> None:
    app = phone.open(theme="dark", bare="0")
    app.wait_for_function("Telegram.WebApp.themeParams.bg_color === '#17212b'")
    phone.press("panel-open")
    phone.press("theme-custom")
    heard(app, "theme dark")
    assert app.evaluate("Telegram.WebApp.themeParams.button_color") == "#3fd0a4"


def test_the_main_button_shows_and_tells_the_page_it_was_pressed(phone: Phone) -> None:
    app = phone.open()
    app.evaluate("Telegram.WebApp.MainButton.setParams({text: 'Buy for 250 Stars', is_visible: true})")
    expect(phone.page.locator("[data-test=main-button]")).to_have_text("Buy for 250 Stars")
    phone.press("main-button")
    heard(app, "main")
    app.evaluate("Telegram.WebApp.MainButton.showProgress()")
    expect(phone.page.locator("[data-test=main-button]")).to_be_disabled()


def test_the_back_button_takes_the_place_of_close(phone: Phone) -> None:
    app = phone.open()
    expect(phone.page.locator("[data-test=app-close]")).to_be_visible()
    app.evaluate("Telegram.WebApp.BackButton.show()")
    phone.press("app-back")
    heard(app, "back")
    app.evaluate("Telegram.WebApp.BackButton.hide()")
    phone.press("app-close")
    expect(phone.page.locator("[data-test=mini-app]")).to_have_count(0)


def test_a_popup_gives_the_page_the_button_that_was_pressed(phone: Phone) -> None:
    app = phone.open()
    app.evaluate(
        "Telegram.WebApp.showPopup({title: 'Sure?', message: 'It goes.', "
        "buttons: [{id: 'go', type: 'destructive', text: 'Delete'}, {type: 'cancel'}]})"
    )
    expect(phone.page.get_by_role("alertdialog")).to_contain_text("It goes.")
    phone.press("dialog-button-go")
    heard(app, "popup go")


def test_paying_an_invoice_tells_the_page_and_takes_the_stars(phone: Phone, sandbox: Sandbox) -> None:
    before = sandbox.people()[ALICE]["stars"]
    app = phone.open()
    app.evaluate("link => Telegram.WebApp.openInvoice(link)", sandbox.invoice(stars=3))
    expect(phone.page.locator("[data-test=invoice-sheet]")).to_contain_text("Deep Sky Atlas")
    phone.press("confirm-payment")
    heard(app, "invoice paid")
    assert sandbox.people()[ALICE]["stars"] == before - 3


def test_closing_the_invoice_is_told_as_cancelled(phone: Phone, sandbox: Sandbox) -> None:
    app = phone.open()
    app.evaluate("link => Telegram.WebApp.openInvoice(link)", sandbox.invoice(stars=3))
    phone.press("sheet-close")
    heard(app, "invoice cancelled")


def test_too_few_stars_lead_to_a_top_up_and_back(phone: Phone, sandbox: Sandbox) -> None:
    price = sandbox.people()[BOB]["stars"] + 40
    app = phone.open(BOB)
    app.evaluate("link => Telegram.WebApp.openInvoice(link)", sandbox.invoice(stars=price))
    expect(phone.page.locator("[data-test=invoice-sheet]")).to_contain_text("You need 40 Stars more.")
    phone.press("top-up")
    phone.press("pack-50")
    phone.press("confirm-payment")
    heard(app, "invoice paid")
    assert sandbox.people()[BOB]["stars"] == 10


def test_reloading_the_page_keeps_the_person(phone: Phone, sandbox: Sandbox) -> None:
    name = sandbox.people()[BOB]["first_name"]
    app = phone.open(BOB)
    app.evaluate("heard.push('before the reload')")
    phone.press("app-menu")
    phone.press("menu-reload")
    app = phone.app()
    app.wait_for_function("!heard.includes('before the reload')")
    assert app.inner_text("#name") == name


def test_another_person_means_another_launch(phone: Phone, sandbox: Sandbox) -> None:
    alice, bob = sandbox.people()[:2]
    app = phone.open(bare="0")
    assert app.inner_text("#name") == alice["first_name"]
    phone.press("panel-open")
    phone.press(f"person-{bob['id']}")
    phone.page.wait_for_function("document.querySelectorAll('[data-test=mini-app]').length === 1")
    expect(phone.page.frame_locator("[data-test=mini-app]").locator("#name")).to_have_text(bob["first_name"])


def test_a_page_of_another_origin_is_neither_heard_nor_answered(phone: Phone, sandbox: Sandbox) -> None:
    app = phone.open()
    app.evaluate("url => location.assign(url)", sandbox.stranger)
    app.wait_for_function("window.answers !== undefined")
    # Something the phone tells unasked; then the time for it, or for an answer, to arrive.
    phone.page.set_viewport_size({"width": 390, "height": 700})
    phone.page.wait_for_timeout(300)
    assert app.evaluate("answers") == 0
    expect(phone.page.locator("[data-test=main-button]")).to_be_hidden()


def test_a_page_that_does_not_reload_itself_is_started_over(phone: Phone, sandbox: Sandbox) -> None:
    app = phone.open()
    app.evaluate("url => location.assign(url)", sandbox.stranger)
    app.wait_for_function("window.answers !== undefined")
    phone.press("app-menu")
    phone.press("menu-reload")
    expect(phone.page.frame_locator("[data-test=mini-app]").locator("#name")).to_have_text("Alice")


def test_the_phone_may_lie_about_a_payment(phone: Phone, sandbox: Sandbox) -> None:
    before = sandbox.people()[ALICE]["stars"]
    app = phone.open(bare="0")
    phone.press("panel-open")
    phone.press("tab-troubles")
    phone.press("claim-failed")
    expect(phone.page.locator("[data-test=claim-failed]")).to_have_attribute("aria-checked", "true")
    phone.press("panel-close")
    app.evaluate("link => Telegram.WebApp.openInvoice(link)", sandbox.invoice(stars=3))
    phone.press("confirm-payment")
    heard(app, "invoice failed")
    assert sandbox.people()[ALICE]["stars"] == before - 3
    httpx.put(f"{sandbox.url}/sandbox/troubles", json={}).raise_for_status()


def test_a_refund_from_telegrams_side_returns_the_stars(phone: Phone, sandbox: Sandbox) -> None:
    slug = sandbox.invoice(stars=3).rpartition("$")[2]
    alice = sandbox.people()[ALICE]
    httpx.post(f"{sandbox.url}/sandbox/invoices/{slug}/pay", json={"person": alice["id"]}).raise_for_status()
    phone.page.goto(f"{sandbox.url}/?person={alice['id']}")
    phone.press("panel-open")
    phone.press("tab-statement")
    newest = phone.page.locator("[data-test=transaction]").first
    newest.locator("[data-test=refund]").click()
    newest.get_by_text("Really?").click()
    expect(newest).to_contain_text("Refund to Alice")
    assert sandbox.people()[ALICE]["stars"] == alice["stars"]


def test_start_opens_the_chat_with_the_bot(phone: Phone, sandbox: Sandbox) -> None:
    carmen = sandbox.people()[2]
    phone.page.goto(f"{sandbox.url}/?person={carmen['id']}&bare=1")
    phone.press("start")
    expect(phone.page.get_by_role("log", name="Messages")).to_contain_text("/start")
    sandbox.call("sendMessage", chat_id=carmen["id"], text="Hello, night owl")
    expect(phone.page.get_by_role("log", name="Messages")).to_contain_text("Hello, night owl")


def test_what_the_page_keeps_in_the_cloud_comes_back(phone: Phone) -> None:
    app = phone.open()
    app.evaluate("Telegram.WebApp.CloudStorage.setItem('seen', 'orion')")
    app = phone.open()
    kept = app.evaluate(
        "new Promise(done => Telegram.WebApp.CloudStorage.getItem('seen', (...told) => done(told)))"
    )
    assert kept == [None, "orion"]
