"""The pictures of an owner's folder: found by name, known by content, told apart from what is no picture."""

import re
import xml.parsers.expat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webapp.domain.catalogue.catalogue_files import PICTURE

LARGEST_BYTES = 3_000_000  # each process keeps it in memory, and phones load it
SVG, PNG, JPEG, WEBP = "image/svg+xml", "image/png", "image/jpeg", "image/webp"
# What a drawing may be made of to stand in one file with others: nothing that reaches beyond itself.
PLAIN = frozenset(
    {"circle", "clipPath", "defs", "desc", "ellipse", "g", "line", "linearGradient", "mask", "path"}
    | {"pattern", "polygon", "polyline", "radialGradient", "rect", "stop", "symbol", "title", "use"}
)
SVG_NAMESPACE = "http://www.w3.org/2000/svg"
PLAIN_ROOT = frozenset({"xmlns", "viewBox", "width", "height", "version"})
ROOT_ALONE = re.compile(r"\s*(?:<\?xml[^>]*\?>\s*)?<svg\b[^<>]*>(.*)</svg\s*>\s*", re.DOTALL)
PLATE = "#e8ebf3"  # on which dark icons can be seen in every theme
LENGTH = re.compile(r"([0-9.]+)(?:px)?")
COVERING = 1.25, 2.6  # proportions of which little is lost in a frame of 16 by 9


class PictureInvalid(ValueError):
    """A file that is no picture the shop can show; the sentence says why."""


@dataclass(frozen=True)
class Drawing:
    """What of an SVG file can stand in one file with others."""

    body: str
    view_box: str

    @property
    def covers(self) -> bool:
        """Whether it fills a frame of 16 by 9 rather than standing whole in it, as icons do."""
        _x, _y, width, height = map(float, self.view_box.split())
        return COVERING[0] <= width / height <= COVERING[1]

    @property
    def ground(self) -> str:
        """What it stands on where it does not fill its frame: its own ground, if it begins with one."""
        *_corner, width, height = self.view_box.split()
        begin = re.match(r"\s*<rect\b[^<>]*>", self.body)
        rect = dict(re.findall(r'([a-z-]+)="([^"]*)"', begin[0])) if begin else {}
        fills = rect.get("width") in (width, "100%") and rect.get("height") in (height, "100%")
        fill = rect.get("fill", "")
        return fill if fills and re.fullmatch(r"#[0-9a-fA-F]{3,6}|[a-z]+", fill) else PLATE


@dataclass(frozen=True)
class Picture:
    """A picture as it is served."""

    name: str
    media_type: str
    content: bytes
    drawing: Drawing | None = None  # None: served as a file of its own


def read_all(folder: Path) -> dict[str, Picture]:
    """Return the pictures of a folder by their names; what is none is left out."""
    found = {}
    for file in files(folder):
        try:
            found[file.name] = read(file)
        except PictureInvalid:
            continue
    return found


def files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that are called like pictures."""
    yield from sorted(file for file in folder.glob("*") if PICTURE.fullmatch(file.name) and file.is_file())


def find(folder: Path, name: str) -> Path | None:
    """Return the file of a picture; Guide.SVG is found as guide.svg too, as on a Mac."""
    named = {file.name: file for file in files(folder)}
    alike = {known.lower(): file for known, file in named.items()}
    return named.get(name) or alike.get(name.lower())


def problem(folder: Path, name: str) -> str:
    """Return what is wrong with a picture by its name, or nothing."""
    file = find(folder, name)
    if file is None:
        return f"there is no {name} in the folder pictures"
    try:
        read(file)
    except PictureInvalid as error:
        return f"pictures/{file.name} {error}"
    return ""


def read(file: Path) -> Picture:
    """Return a picture, known by its content whatever its ending says.

    :raise PictureInvalid: it is none, or one that no page can show
    """
    try:
        content = file.read_bytes() if file.stat().st_size <= LARGEST_BYTES else None
    except OSError as error:
        raise PictureInvalid(f"cannot be read: {error.strerror}") from error
    if content is None:
        raise PictureInvalid(f"is larger than {LARGEST_BYTES // 1_000_000} MB, which takes phones too long")
    media_type = _media_type(content)
    if media_type != SVG:
        return Picture(file.name, media_type, content)
    root, is_plain = _examine(content)
    return Picture(file.name, SVG, content, _drawing(content, root) if is_plain else None)


def _media_type(content: bytes) -> str:
    """Return what a file is by its first bytes.

    :raise PictureInvalid: nothing that the shop shows
    """
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return WEBP
    if b"<svg" in content:
        return SVG
    raise PictureInvalid("is no picture: neither SVG, PNG, JPEG nor WebP")


def _examine(content: bytes) -> tuple[dict[str, str], bool]:
    """Return the attributes of a drawing's root, and whether all of it is plain.

    :raise PictureInvalid: it is no drawing, has no name of its kind, or brings entities
    """
    parser = xml.parsers.expat.ParserCreate()
    opened: list[tuple[str, dict[str, str]]] = []
    has_doctype = False

    def on_doctype(*_facts: Any) -> None:
        nonlocal has_doctype
        has_doctype = True

    def on_entity(*_facts: Any) -> None:
        raise PictureInvalid("defines entities, which drawings have no use for; save it as plain SVG")

    parser.StartElementHandler = lambda name, attributes: opened.append((name, attributes))
    parser.StartDoctypeDeclHandler = on_doctype
    parser.EntityDeclHandler = on_entity
    try:
        parser.Parse(content, True)
    except xml.parsers.expat.ExpatError as error:
        raise PictureInvalid(f"is no drawing: {error}") from error
    root, attributes = opened[0]
    if root.rpartition(":")[2] != "svg":
        raise PictureInvalid("is no drawing: it does not begin with <svg>")
    if attributes.get("xmlns" if root == "svg" else f"xmlns:{root.partition(':')[0]}") != SVG_NAMESPACE:
        raise PictureInvalid(f'shows nothing: its <svg> has no xmlns="{SVG_NAMESPACE}"')
    return attributes, not has_doctype and _is_plain(opened)


def _is_plain(opened: list[tuple[str, dict[str, str]]]) -> bool:
    (root, own), *others = opened
    return (
        root == "svg"
        and own.keys() <= PLAIN_ROOT
        and all(name in PLAIN for name, _attributes in others)
        and not any(_reaches_out(attributes) for _name, attributes in others)
    )


def _reaches_out(attributes: dict[str, str]) -> bool:
    """Tell whether an element runs, is named by a style, or names what is not in its drawing."""
    return any(
        key.startswith("on")
        or ":" in key
        or key in ("class", "style", "begin", "end")
        or (key == "href" and not value.startswith("#"))
        or bool(re.search(r"url\((?!#)", value))
        for key, value in attributes.items()
    )


def _drawing(content: bytes, root: dict[str, str]) -> Drawing | None:
    """Return a plain drawing's own part, or nothing if it cannot be told apart from its file."""
    try:
        found = ROOT_ALONE.fullmatch(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return None
    view_box = _view_box(root)
    # Names are changed where they stand between double quotes.
    if found is None or view_box is None or re.search(r"=\s*'|<!\[CDATA\[|\s=|=\s", found[1]):
        return None
    return Drawing(found[1], view_box)


def _view_box(root: dict[str, str]) -> str | None:
    told = root.get("viewBox", "").replace(",", " ").split()
    if not told:
        sizes = [LENGTH.fullmatch(root.get(name, "")) for name in ("width", "height")]
        told = ["0", "0", *(size[1] for size in sizes if size)]
    try:
        _x, _y, width, height = map(float, told)
    except ValueError:
        return None
    return " ".join(told) if width > 0 and height > 0 else None
