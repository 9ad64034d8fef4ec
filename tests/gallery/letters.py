"""The face that pictures are taken in, from npm: every machine has others of its own."""

import base64

from playwright.sync_api import Frame, Page

from tests.kit import npm

WEIGHTS = (400, 600, 700)
FACE = "@font-face {{ font-family: Letters; font-weight: {weight}; src: url(data:font/woff2;base64,{data}) }}"
EVERYWHERE = "* { font-family: Letters, sans-serif !important; font-synthesis: none }"


def put_on_all(page: Page) -> None:
    """Have a page in it, and every frame of it."""
    for frame in page.frames:
        put_on(frame)


def put_on(page: Page | Frame, *more: str) -> None:
    """Have a page in it, and in any further rules; its context needs ``bypass_csp=True``."""
    faces = [FACE.format(weight=weight, data=_font(weight)) for weight in WEIGHTS]
    page.add_style_tag(content="\n".join([*faces, EVERYWHERE, *more]))
    page.evaluate("Promise.all([...document.fonts].map((face) => face.load()))")


def _font(weight: int) -> str:
    file = f"files/inter-latin-{weight}-normal.woff2"
    return base64.b64encode(npm.read("@fontsource/inter@5.3.0", file)).decode()
