"""``make pictures``: the pictures in the README, taken through the sandbox."""

import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import FLAGS, find
from tests.processes import Stage

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
ALICE = 5000000101
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
SETTLE_MILLISECONDS = 2500


def main() -> int:
    """Take every picture anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        stage = Stage(Path(folder), f"sqlite:///{folder}/shop.db").open()
        browser = playwright.chromium.launch(executable_path=find(), args=list(FLAGS))
        try:
            take(stage, browser)
        finally:
            browser.close()
            stage.close()
    return 0


def take(stage: Stage, browser: Browser) -> None:
    page = show(stage, browser, PHONE, theme="light", open="menu", bare=1)
    keep(page, "shop-light")
    page = show(stage, browser, PHONE, theme="dark", open="deep-sky-atlas", bare=1)
    keep(page, "product-dark")
    page.click("[data-test=main-button]")
    page.wait_for_selector("[data-test=confirm-payment]")
    keep(page, "sheet-dark")
    page = show(stage, browser, PHONE, theme="light", open="deep-sky-atlas", bare=1)
    page.click("[data-test=main-button]")
    page.click("[data-test=confirm-payment]")
    page.frame_locator("[data-test=mini-app]").get_by_role("heading", name="Unlocked").wait_for()
    page.wait_for_timeout(3 * SETTLE_MILLISECONDS)  # until the phone's own notice is gone
    keep(page, "unlocked-light")
    keep(show(stage, browser, PHONE, theme="light", bare=1), "chat-light")
    keep(show(stage, browser, DESK, theme="light", open="menu"), "sandbox-light")


def show(stage: Stage, browser: Browser, size: dict[str, int], **told: object) -> Page:
    page = browser.new_context(viewport=size).new_page()
    page.goto(f"{stage.sandbox}/?{urlencode({'person': ALICE, **told})}")
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    return page


def keep(page: Page, name: str) -> None:
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    sys.exit(main())
