"""What the twelve most important pages look like, small enough to keep: ``make references`` renews it.

Letters come from a font of npm, since every machine has others; pictures are compared at a quarter of their
size, where the ways in which versions of Chromium smooth an edge do not show, and a moved card does.
"""

import base64
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.gallery import letters
from tests.gallery.states import STATES
from tests.gallery.visits import Observatory, Visit
from tests.kit.browser import FLAGS, find

FOLDER = Path(__file__).parent / "references"
PAGES = {
    "shop": "light",
    "shop-of-an-owner": "dark",
    "product": "dark",
    "product-outside-of-telegram": "light",
    "plan": "custom",
    "order-not-paid": "light",
    "order-paid": "light",
    "purchases": "light",
    "refund-asked": "custom",
    "upgrades": "dark",
    "atlas": "light",
    "atlas-locked": "dark",
}
SMALLER = 4  # times
MOST_OFF = 28  # of 255, in one colour of a pixel: what smoothing may do
MOST_SHARE = 0.006  # of a picture's pixels
# The footer holds a sign that only some machines can draw.
FOOTLESS = "footer { visibility: hidden }"
# A page that was swapped in may bring a stylesheet.
COMPLETE = """() => [...document.images].every((image) => image.complete)
  && [...document.querySelectorAll("link[rel=stylesheet]")].every((link) => link.sheet)"""
SHRINK = """async ([picture, times]) => {
  const image = await createImageBitmap(await (await fetch(picture)).blob());
  const draw = (width, height) =>
    Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
  const large = draw(image.width, image.height);
  large.drawImage(image, 0, 0);
  const from = large.getImageData(0, 0, image.width, image.height);
  const small = draw(Math.floor(image.width / times), Math.floor(image.height / times));
  const to = small.createImageData(small.canvas.width, small.canvas.height);
  for (let at = 0; at < to.data.length; at++) {
    const colour = at % 4, column = (at >> 2) % to.width, row = Math.floor((at >> 2) / to.width);
    let sum = 0;
    for (let y = 0; y < times; y++) for (let x = 0; x < times; x++)
      sum += from.data[4 * ((row * times + y) * from.width + column * times + x) + colour];
    to.data[at] = Math.round(sum / times ** 2);
  }
  small.putImageData(to, 0, 0);
  return small.canvas.toDataURL();
}"""
DIFFERENCE = """async ([one, other, most]) => {
  const [left, right] = await Promise.all([one, other].map(async (picture) => {
    const image = await createImageBitmap(await (await fetch(picture)).blob());
    const { width, height } = image;
    const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, width, height);
  }));
  if (left.width !== right.width || left.height !== right.height) return 1;
  const off = new Set();
  left.data.forEach((part, at) => { if (Math.abs(part - right.data[at]) > most) off.add(at >> 2); });
  return off.size / (left.width * left.height);
}"""


def look(visit: Visit, name: str) -> str:
    """Return what a page looks like, made small, as an address that holds it."""
    STATES[name](visit)
    visit.wear(PAGES[name])
    letters.put_on(visit.page, FOOTLESS)
    visit.page.evaluate("window.scrollTo(0, 0)")
    visit.page.wait_for_function(COMPLETE)
    picture = visit.page.screenshot(animations="disabled")
    small: str = visit.page.evaluate(SHRINK, [_address(picture), SMALLER])
    return small


def difference(page: Page, name: str, seen: str) -> float:
    """Return the share of a picture that is not as it is kept."""
    kept = _address((FOLDER / f"{name}.png").read_bytes())
    share: float = page.evaluate(DIFFERENCE, [kept, seen, MOST_OFF])
    return share


def main() -> int:
    """Keep what the pages look like now."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        stage = Observatory(Path(folder)).open()
        browser = playwright.chromium.launch(executable_path=find(), args=list(FLAGS))
        try:
            for name in PAGES:
                _keep(stage, browser, name)
        finally:
            browser.close()
            stage.close()
    return 0


def _keep(stage: Observatory, browser: Browser, name: str) -> None:
    visit = Visit(stage, browser, bypass_csp=True)
    seen = look(visit, name)
    visit.close()
    (FOLDER / f"{name}.png").write_bytes(base64.b64decode(seen.partition(",")[2]))


def _address(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


if __name__ == "__main__":
    sys.exit(main())
