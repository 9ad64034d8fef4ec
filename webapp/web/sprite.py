"""Every plainly drawn picture of a shop in one file: one request, however many products."""

import re
from pathlib import Path

from webapp.shop import pictures
from webapp.shop.pictures import Drawing

WIDTH, HEIGHT = 320, 180  # of the frame that each drawing is seen in


def draw(folder: Path, *, without: str) -> str:
    """Return the drawings of a folder as views of one SVG file.

    :param without: the name of the picture that travels inside the page
    """
    known = pictures.read_all(folder).values()
    drawn = [(picture.name, picture.drawing) for picture in known if picture.drawing]
    others = (named for named in drawn if named[0] != without)
    views = [_view(index, name, drawing) for index, (name, drawing) in enumerate(others)]
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(views)}</svg>'


def _view(index: int, name: str, drawing: Drawing) -> str:
    # Drawings do not know of each other, so each gets names of its own.
    body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", drawing.body)
    body = re.sub(r">\s+<", "><", body.strip())
    top = index * HEIGHT
    size = f'y="{top}" width="{WIDTH}" height="{HEIGHT}"'
    ground = "" if drawing.covers else f'<rect {size} fill="{drawing.ground}"/>'
    fit = "slice" if drawing.covers else "meet"
    own = f'viewBox="{drawing.view_box}" preserveAspectRatio="xMidYMid {fit}"'
    frame = f"{ground}<svg {size} {own}>{body}</svg>"
    return f'<view id="{name}" viewBox="0 {top} {WIDTH} {HEIGHT}"/>{frame}'
