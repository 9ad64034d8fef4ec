"""Pictures for where no drawing is shown: previews of links, tabs of browsers, home screens.

Messengers and networks take photographs alone, so a drawing is rendered when somebody first asks for it.
"""

import base64
import hashlib
from functools import lru_cache
from pathlib import Path

import resvg_py

from webapp.config import current
from webapp.shop import brand, pictures
from webapp.shop.pictures import PLATE, SVG, Picture
from webapp.web import assets

CARD = 1200, 630  # pixels; what Open Graph's readers show large
TOUCH_PIXELS = 180  # of an icon on a home screen (apple-touch-icon)
TAB_PIXELS = 48  # of favicon.ico
MARGIN = 0.1  # around a drawing that stands whole in its frame
MOST_KEPT = 64  # renderings, of some 50 kB each
STAR = "star.svg"


def url(name: str) -> str:
    """Return the address of a picture as previews need it: a photograph as it is, a drawing rendered."""
    found = _find(name)
    if found.media_type != SVG:
        return assets.url(f"pictures/{found.name}")
    return f"/previews/{Path(found.name).stem}.{version(found)}.png"


def absolute_url(name: str) -> str:
    """Return the whole address of a picture's preview, for those who come from elsewhere."""
    return current().public_url + url(name)


def version(picture: Picture) -> str:
    """Return what changes in an address with the picture it leads to."""
    return hashlib.sha256(picture.content).hexdigest()[:10]


def card(stem: str) -> tuple[bytes, str] | None:
    """Return a drawing's preview as PNG and its version; None if the shop has no such drawing."""
    known = {Path(one.name).stem: one for one in (_ours(assets.HERO), *assets.drawings())}
    if stem not in known:
        return None
    return _rendered(known[stem], *CARD), version(known[stem])


def icon(side: int) -> tuple[bytes, str]:
    """Return the shop's icon, a square of so many pixels, and its media type."""
    found = assets.find(brand.known().icon) or _ours(STAR)
    if found.media_type != SVG:
        return found.content, found.media_type
    return _rendered(found, side, side), pictures.PNG


def _find(name: str) -> Picture:
    """Return a picture by its name, or the shop's own for a name that no picture has."""
    return assets.find(name) or assets.find(assets.HERO) or _ours(assets.HERO)


@lru_cache
def _ours(name: str) -> Picture:
    return pictures.read(assets.ROOT / name)


@lru_cache(maxsize=MOST_KEPT)
def _rendered(picture: Picture, width: int, height: int) -> bytes:
    drawing = picture.drawing
    covers = drawing is not None and drawing.covers and width > height
    ground = drawing.ground if drawing else PLATE
    edge = 0 if covers else round(MARGIN * height)
    held = base64.b64encode(picture.content).decode()
    frame = f'x="{edge}" y="{edge}" width="{width - 2 * edge}" height="{height - 2 * edge}"'
    fit = "slice" if covers else "meet"
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f'<rect width="100%" height="100%" fill="{ground}"/>'
        f'<image {frame} preserveAspectRatio="xMidYMid {fit}" href="data:{SVG};base64,{held}"/></svg>'
    )
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts="<text" not in svg))
