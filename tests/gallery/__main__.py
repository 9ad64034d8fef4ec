"""``make gallery`` and ``make pictures``: every state to leaf through, and the pictures in the README.

    python -m tests.gallery            everything, into var/gallery
    python -m tests.gallery pictures   docs/pictures anew

ONLY, WIDTHS, THEMES and LANGUAGES narrow the gallery down: words with commas between them. SHOP is the folder
of another shop that sells the same, such as examples/observatory.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.gallery import letters
from tests.gallery.states import STATES
from tests.gallery.visits import Observatory, Visit
from tests.kit.browser import FLAGS, find
from tests.kit.processes import ROOT

GALLERY = ROOT / "var" / "gallery"
PICTURES = ROOT / "docs" / "pictures"
WIDTHS = ("320", "390", "430")
THEMES = ("light", "dark", "custom")
LANGUAGES = ("en", "fa")
HIGHEST = 6000  # pixels; nobody looks further down
AROUND = 140  # pixels that Telegram's header and button take
STILL_MILLISECONDS = 400
SHARP: dict[str, Any] = {"device_scale_factor": 2, "bypass_csp": True}  # and so with our letters
# In the README: which state in which theme.
SHOWN = {
    "shop-light": "shop",
    "product-dark": "product",
    "sheet-dark": "order-opened",
    "unlocked-light": "order-paid",
}
DESK = {"width": 1280, "height": 900}
NOTICE_MILLISECONDS = 7500  # for which the phone tells of a message


def main() -> int:
    """Take the pictures that were asked for."""
    take = {"gallery": take_gallery, "pictures": take_pictures}[(sys.argv[1:] or ["gallery"])[0]]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        settings = {"SUPPORT_CONTACT": "help@starfront.example"}
        if os.environ.get("SHOP"):
            settings["SHOP_DIR"] = str(Path(os.environ["SHOP"]).resolve())
        stage = Observatory(Path(folder), **settings).open()
        browser = playwright.chromium.launch(executable_path=find(), args=list(FLAGS))
        try:
            take(stage, browser)
        finally:
            browser.close()
            stage.close()
    return 0


def take_gallery(stage: Observatory, browser: Browser) -> None:
    names = _told("ONLY", tuple(STATES))
    GALLERY.mkdir(parents=True, exist_ok=True)
    for language in _told("LANGUAGES", LANGUAGES):
        for name in names:
            with visiting(stage, browser, name, language=language) as visit:
                for theme in _told("THEMES", THEMES):
                    visit.wear(theme)
                    for width in _told("WIDTHS", WIDTHS):
                        shoot(visit, int(width), GALLERY / f"{name}.{language}.{theme}.{width}.png")
            sys.stdout.write(f"{language} {name}\n")
    (GALLERY / "index.html").write_text(_index(), encoding="utf-8")
    sys.stdout.write(f"{GALLERY / 'index.html'}\n")


def take_pictures(stage: Observatory, browser: Browser) -> None:
    with browser.new_context(viewport=DESK, reduced_motion="reduce", **SHARP) as context:
        page = context.new_page()
        page.goto(f"{stage.sandbox}/?theme=light&open=menu")
        page.wait_for_selector("[data-test=app-window].is-loaded")
        page.wait_for_timeout(NOTICE_MILLISECONDS)
        letters.put_on_all(page)
        page.screenshot(path=PICTURES / "sandbox-light.png")
    for name, state in SHOWN.items():
        with visiting(stage, browser, state, theme=name.rpartition("-")[2], **SHARP) as visit:
            visit.page.wait_for_timeout(NOTICE_MILLISECONDS)
            letters.put_on_all(visit.page)
            visit.page.screenshot(path=PICTURES / f"{name}.png")


@contextmanager
def visiting(
    stage: Observatory,
    browser: Browser,
    name: str,
    *,
    language: str = "en",
    theme: str = "light",
    **options: Any,
) -> Iterator[Visit]:
    """Have somebody come to a state, with the phone in their hand."""
    visit = Visit(stage, browser, language=language, theme=theme, on_phone=True, **options)
    try:
        STATES[name](visit)
        yield visit
    finally:
        visit.close()


def shoot(visit: Visit, width: int, file: Path) -> None:
    """Keep a picture of all of a page, as high as it is at this width."""
    visit.page.set_viewport_size({"width": width, "height": 844})
    visit.page.wait_for_timeout(STILL_MILLISECONDS)
    height = visit.app.evaluate("document.documentElement.scrollHeight") + AROUND * visit.on_phone
    visit.page.set_viewport_size({"width": width, "height": max(844, min(height, HIGHEST))})
    visit.page.wait_for_timeout(STILL_MILLISECONDS)
    visit.page.screenshot(path=file)


def _told(name: str, usual: tuple[str, ...]) -> tuple[str, ...]:
    told = os.environ.get(name, "")
    return tuple(told.split(",")) if told else usual


def _index() -> str:
    """Return a page to leaf through whatever lies in the folder."""
    files = sorted(GALLERY.glob("*.png"), key=lambda file: _place(file.name))
    names = {file.name.partition(".")[0]: None for file in files}
    rows = "".join(
        _row(name, [file.name for file in files if file.name.startswith(f"{name}.")]) for name in names
    )
    style = "body{font:14px sans-serif;margin:16px;background:#888}div{display:flex;gap:12px;overflow:auto}"
    return f'<!doctype html><meta charset="utf-8"><title>Gallery</title><style>{style}</style>{rows}'


def _place(file: str) -> tuple[int, str]:
    name = file.partition(".")[0]
    return list(STATES).index(name) if name in STATES else len(STATES), file


def _row(name: str, files: list[str]) -> str:
    shots = "".join(
        f'<figure><img src="{escape(file)}" loading="lazy" height="600" alt="">'
        f"<figcaption>{escape(file)}</figcaption></figure>"
        for file in files
    )
    return f"<h2>{escape(name)}</h2><div>{shots}</div>"


if __name__ == "__main__":
    sys.exit(main())
