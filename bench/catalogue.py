"""The first load of the catalogue in Chromium: bytes over the wire, and requests.

    python -m bench.catalogue

A rehearsal runs by itself, with Telegram's real client script. To reach: 45 kB in 5 requests, in every
language.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, sync_playwright

from tests.kit.browser import FLAGS, find
from tests.kit.processes import Stage
from webapp.i18n import languages

MOST_BYTES = 45_000
MOST_REQUESTS = 5


def main() -> int:
    """Print the figures; the exit code says whether they are reached."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), f"sqlite:///{folder}/shop.db").open()
        try:
            measured = {code: measure(stage.web, code) for code in languages.all_()}
        finally:
            stage.close()
    return max(report(code, loads) for code, loads in measured.items())


def report(code: str, loads: list[tuple[str, int]]) -> int:
    """Print what a language takes; 1 when that is too much."""
    total = sum(size for _, size in loads)
    print(f"{code}:")
    for address, size in loads:
        print(f"{size:>8} {address.rpartition('/')[2].partition('?')[0] or '/'}")
    print(f"{total:>8} bytes in {len(loads)} requests (at most {MOST_BYTES} in {MOST_REQUESTS})")
    return 0 if total <= MOST_BYTES and len(loads) <= MOST_REQUESTS else 1


def measure(address: str, language: str) -> list[tuple[str, int]]:
    """Return every request of a first visit with the bytes it took, headers included."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find(), args=list(FLAGS))
        page = chromium.new_context(viewport={"width": 390, "height": 844}, locale=language).new_page()
        session = page.context.new_cdp_session(page)
        loads = watch(session)
        page.goto(address, wait_until="networkidle")
        chromium.close()
    return loads


def watch(session: CDPSession) -> list[tuple[str, int]]:
    addresses: dict[str, str] = {}
    loads: list[tuple[str, int]] = []

    def sent(event: dict[str, Any]) -> None:
        if event["request"]["url"].startswith("http"):
            addresses[event["requestId"]] = event["request"]["url"]

    def finished(event: dict[str, Any]) -> None:
        if event["requestId"] in addresses:
            loads.append((addresses[event["requestId"]], int(event["encodedDataLength"])))

    session.on("Network.requestWillBeSent", sent)
    session.on("Network.loadingFinished", finished)
    session.send("Network.enable")
    return loads


if __name__ == "__main__":
    sys.exit(main())
