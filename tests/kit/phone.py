"""The sandbox's phone in a real browser, and what its owner finds in the chat."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page

from tests.kit.played import ALICE
from tests.kit.processes import Stage

PHONE = {"width": 390, "height": 844}


class Phone:
    """The sandbox's phone, filling the window, with the shop open on it."""

    def __init__(self, stage: Stage, context: BrowserContext) -> None:
        self.stage = stage
        self.person = ALICE  # whose it is
        self.sandbox = stage.sandbox
        self.page: Page = context.new_page()
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._listen)

    def open(
        self, person: int | None = None, start: str = "menu", theme: str = "light", **client: str
    ) -> FrameLocator:
        told = {"person": person or self.person, "theme": theme, "open": start, "bare": 1, **client}
        self.page.goto(f"{self.sandbox}/?{urlencode(told)}")
        # Until then Telegram's own cover lies over the page, and takes every tap.
        self.page.wait_for_selector("[data-test=app-window].is-loaded")
        return self.app

    @property
    def app(self) -> FrameLocator:
        return self.page.frame_locator("[data-test=mini-app]")

    def press(self, name: str) -> None:
        self.page.click(f"[data-test={name}]")

    def shot(self, name: str) -> None:
        """Keep a picture when somebody wants to look: SHOTS=folder."""
        if os.environ.get("SHOTS"):
            Path(os.environ["SHOTS"]).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{os.environ['SHOTS']}/{name}.png")

    def _listen(self, message: object) -> None:
        text = getattr(message, "text", "")
        if getattr(message, "type", "") == "error" or "Content Security Policy" in text:
            self.problems.append(text)


def in_hand(stage: Stage, browser: Browser) -> Iterator[Phone]:
    context = browser.new_context(viewport=PHONE, reduced_motion="reduce")
    one = Phone(stage, context)
    yield one
    context.close()
    assert one.problems == []


def receipts(stage: Stage, person: int) -> list[str]:
    """Return what the bot wrote of something that is unlocked."""
    return [text for one in stage.messages(person) if "is unlocked" in (text := one.get("text", ""))]


def charges(stage: Stage, person: int) -> list[str]:
    """Return what somebody was charged for, as their chat tells it."""
    paid = [one["successful_payment"] for one in stage.messages(person) if "successful_payment" in one]
    return [one["telegram_payment_charge_id"] for one in paid]
