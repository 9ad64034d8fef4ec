"""What the sandbox's tests share."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import browser as chromium


# Of a module, not of the session: while it lives, no other test of the thread may run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
        yield one
        one.close()
