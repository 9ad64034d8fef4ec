"""Somebody who comes to the shop, in a browser: in the sandbox's phone, or in a window without one."""

import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Browser, Frame, Page
from sqlalchemy import text

from tests.kit.factories import SHOP
from tests.kit.processes import ShiftedStage, Shopper, eventually
from webapp import clock
from webapp.db.engine import db
from webapp.db.transactions import transaction
from webapp.domain.catalogue import catalogue, catalogue_files
from webapp.domain.catalogue.catalogue import Item
from webapp.shop import documents

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)  # when every visit happens, unless it waits for something
STARS = 5000
PATIENCE_MILLISECONDS = 30_000
# Told by the page itself: who is there is known, and nothing is on its way.
SETTLED = """() => {
  const { session } = document.documentElement.dataset;
  if (!session) return !document.querySelector("#telegram");
  if (session === "pending" || document.querySelector(".htmx-request, .htmx-settling")) return false;
  const waiting = document.querySelector("[hx-trigger^='session:ready'], [hx-trigger=load]");
  return session !== "ready" || !waiting;
}"""
LOOK_AT_ORDER = """([id, told]) => htmx.ajax("GET", `/orders/${id}?told=${told}`,
  { target: document.querySelector("[data-order]") || "#offer", swap: "outerHTML" })"""


class Observatory(ShiftedStage):
    """The tests' shop with every process, at noon of a certain day."""

    def __init__(self, folder: Path, **settings: str) -> None:
        super().__init__(folder, f"sqlite:///{folder}/shop.db", **settings)
        self.ahead_seconds = (NOON - clock.now()).total_seconds()
        self._themes: dict[str, Any] = {}

    def open(self, *names: str) -> "Observatory":
        super().open(*names)
        self.wait(0)
        return self

    @cached_property
    def terms_version(self) -> str:
        """What whoever buys agrees to."""
        with self.inside():
            return documents.terms().version

    def wait(self, seconds: float) -> None:
        """Have so much time go by, for Telegram and for the shop."""
        self.ahead_seconds += seconds
        for name in ("web", "bot"):
            self.set_clock(name, self.ahead_seconds)
        self.control("POST", "clock", offset_seconds=self.ahead_seconds)

    def themes(self, browser: Browser) -> dict[str, dict[str, str]]:
        """Return the themes that the sandbox's phone can wear, as Telegram tells a page of them."""
        if not self._themes:
            page = browser.new_page()
            page.goto(self.sandbox)
            self._themes = page.evaluate("async () => (await import('/static/theme.js')).THEMES")
            page.close()
        return {name: theme["params"] for name, theme in self._themes.items()}


class Visit:
    """One person, just come to Telegram, and what they see of the shop."""

    def __init__(
        self,
        stage: Observatory,
        browser: Browser,
        *,
        language: str = "en",
        theme: str = "light",
        width: int = 390,
        on_phone: bool = False,
        **options: Any,
    ) -> None:
        self.stage = stage
        self.language, self.theme, self.on_phone = language, theme, on_phone
        self.themes = stage.themes(browser)
        self.undo = ExitStack()
        options = {"reduced_motion": "reduce", "viewport": {"width": width, "height": 844}, **options}
        self.context = browser.new_context(locale=language, **options)
        self.context.set_default_timeout(PATIENCE_MILLISECONDS)
        self.page: Page = self.context.new_page()
        profile = {"first_name": "Alice", "language_code": language, "stars": STARS}
        self.id: int = stage.control("POST", "people", **profile)["id"]

    def close(self) -> None:
        """Go, and put back what was changed for this visit."""
        self.context.close()
        self.undo.close()

    # --- What was done before.

    @cached_property
    def shopper(self) -> Shopper:
        """The same person on another device."""
        return Shopper(self.stage, self.id).sign_in()

    def order(self, slug: str, **choices: str) -> dict[str, str]:
        """Tap Buy on the other device; return the order's number and its invoice's link."""
        form = {"product": slug, "terms": self.stage.terms_version, **choices}
        answer = self.shopper.request("POST", "/orders", **form)
        assert answer.status_code == 200, answer.text
        opened: dict[str, str] = json.loads(answer.headers["HX-Trigger"])["order:opened"]
        return opened

    def pay(self, order: dict[str, str]) -> str:
        """Confirm an order's invoice, wait until the shop knows, and return the charge."""
        self.shopper.pay(order["link"])
        number = order["order"]
        eventually(lambda: "Unlocked" in self._shown(number) or 'data-order="paid"' in self._shown(number))
        charges = self.stage.control("GET", "charges")
        charge: str = [one["id"] for one in charges if one["person"] == self.id][-1]
        return charge

    def buy(self, slug: str, **choices: str) -> str:
        return self.pay(self.order(slug, **choices))

    def plan(self) -> str:
        """Return the number by which Telegram knows this person's latest plan."""
        plans = [one for one in self.stage.state()["subscriptions"] if one["person"] == self.id]
        return str(plans[-1]["id"])

    def trouble(self, **troubles: Any) -> None:
        """Have Telegram make trouble until this visit is over."""
        self.stage.control("PUT", "troubles", **troubles)
        self.undo.callback(self.stage.control, "PUT", "troubles")

    def sell(self, items: Iterable[Item]) -> None:
        """Have the shop sell these things, and no others, until this visit is over."""
        self._replace(items)
        self.undo.callback(self._replace, catalogue_files.read(SHOP.catalogue.read_text()))

    def hide_table(self, name: str) -> None:
        """Have the database without one of its tables until this visit is over."""
        self._execute(f"ALTER TABLE {name} RENAME TO hidden")
        self.undo.callback(self._execute, f"ALTER TABLE hidden RENAME TO {name}")

    # --- What is on the screen.

    def open(self, start: str = "", **options: Any) -> Frame:
        """Open the shop in Telegram, at a start parameter, and return its page once it has settled."""
        if self.on_phone:
            told = {"person": self.id, "theme": self.theme, "open": start or "menu", "bare": 1}
            self.page.goto(f"{self.stage.sandbox}/?{urlencode(told)}")
            self.page.wait_for_selector("[data-test=app-window].is-loaded")
        else:
            self.launch({"start_param": start or None, "theme": self.themes[self.theme], **options})
        return self.settle()

    def launch(self, options: dict[str, Any]) -> None:
        """Open the address that Telegram opens, in a window of its own."""
        options = {"from": "direct", **options}
        launch = self.stage.control("POST", f"people/{self.id}/launch", **options)
        self.page.goto(launch["url"])

    def walk_in(self, path: str) -> Frame:
        """Open an address outside of Telegram."""
        self.on_phone = False
        self.page.goto(f"{self.stage.web}{path}")
        return self.settle()

    @property
    def app(self) -> Frame:
        """The shop's page."""
        frame = self.page.query_selector("[data-test=mini-app]")
        inside = frame.content_frame() if frame else None
        return inside or self.page.main_frame

    def settle(self) -> Frame:
        self.app.wait_for_function(SETTLED)
        return self.app

    def go(self, path: str) -> Frame:
        """Go on to another page of the shop, as a link does."""
        self.app.evaluate("path => htmx.ajax('GET', path, { target: '#main', swap: 'outerHTML' })", path)
        self.app.wait_for_selector(f"main[data-path='{path}']")
        return self.settle()

    def click(self, selector: str) -> Frame:
        self.app.locator(selector).first.evaluate("element => element.click()")
        return self.settle()

    def look(self, order: dict[str, str], phase: str, told: str = "") -> Frame:
        """Have the page ask for an order, as after Telegram's sheet was closed with some word."""
        self.app.evaluate(LOOK_AT_ORDER, [order["order"], told])
        self.await_(f"[data-order={phase}]")
        return self.settle()

    def await_(self, selector: str) -> Frame:
        self.app.wait_for_selector(selector, state="attached")
        return self.settle()

    def wear(self, name: str, params: dict[str, str] | None = None) -> None:
        """Change the theme, as Telegram tells a page that is open."""
        self.theme = name
        if self.on_phone:
            self.page.evaluate(
                "async name => (await import('/static/store.js')).set({ theme: name })", self.theme
            )
        told = {"theme_params": params or self.themes[name]}
        self.app.evaluate("told => window.Telegram?.WebView.receiveEvent('theme_changed', told)", told)

    def _shown(self, number: str) -> str:
        return self.shopper.request("GET", f"/orders/{number}").text

    def _replace(self, items: Iterable[Item]) -> None:
        with self.stage.inside(), transaction():
            catalogue.replace(items, clock.now())

    def _execute(self, statement: str) -> None:
        with self.stage.inside():
            db.session.execute(text(statement))
            db.session.commit()


Steps = Callable[[Visit], object]
