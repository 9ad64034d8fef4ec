"""Static files under names that change with their content, compressed once per process."""

import base64
import gzip
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import brotli
from flask import Flask
from markupsafe import Markup

from webapp.config import current
from webapp.shop import pictures
from webapp.shop.pictures import Drawing, Picture
from webapp.web import trimming

ROOT = Path(__file__).parent.parent.parent / "static"
PREFIX = "/static/"
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
TYPES |= {".woff2": "font/woff2"}
OWNERS_TYPES = TYPES.keys() - {".js", ".svg"}
SPRITE = "pictures.svg"
INLINED = "app.css"
SCRIPT = "starfront.js"
SCRIPTS = ("htmx.min.js", "app.js", "colours.js", "aloud.js")  # one after the other: one request
HERO = "hero.svg"  # on top of the shop, and for a product whose picture was forgotten; ours, if need be
LARGEST_INLINED = 6000  # bytes of a picture that travels inside the page
UNABLE = "default-src 'none'"
STYLED = f"{UNABLE}; style-src 'unsafe-inline'"  # a drawing looked at by itself; it runs nothing either
WIDTH, HEIGHT = 320, 180  # of the frame that each drawing is seen in
# In a script: a text, a template or a regular expression, inside of which spaces count; or an operator.
TOKEN = re.compile(
    r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`"""
    r"""|(?:(?<=[(=,:])|(?<=[(=,:] ))/(?:\\.|[^/\\])+/)"""
    r"""| *(=>|[!=]==|&&|\|\||[=,;{}():?<>]) *"""
)
ONE_YEAR_SECONDS = 365 * 24 * 3600
MOST_HEADERS = 200  # remembered, each with what it asks for

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]


@dataclass(frozen=True)
class Encoded:
    """Bytes together with their compressed forms."""

    body: bytes
    is_kept: bool = True  # worth compressing well; what is sent once is compressed fast

    @cached_property
    def brotli(self) -> bytes:
        packed: bytes = brotli.compress(self.body, quality=11 if self.is_kept else 4)
        return packed

    @cached_property
    def gzip(self) -> bytes:
        return gzip.compress(self.body, compresslevel=9 if self.is_kept else 6, mtime=0)

    def best(self, accepted: str) -> tuple[str | None, bytes]:
        """Return the smallest form that an Accept-Encoding header allows, and its name."""
        names = _encodings(accepted)
        if "br" in names:
            return "br", self.brotli
        return ("gzip", self.gzip) if "gzip" in names else (None, self.body)


@dataclass(frozen=True)
class Asset:
    """A file as it is served."""

    name: str
    content: Encoded
    media_type: str

    @cached_property
    def version(self) -> str:
        return hashlib.sha256(self.content.body).hexdigest()[:10]

    @property
    def url(self) -> str:
        stem, dot, extension = self.name.rpartition(".")
        return f"{PREFIX}{stem}.{self.version}{dot}{extension}"


def init_app(app: Flask) -> None:
    """Serve the assets before Flask is asked, and give templates their addresses."""
    pictures = app.config["STARFRONT"].shop.pictures
    headers = [
        ("X-Content-Type-Options", "nosniff"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
        ("Referrer-Policy", "no-referrer"),
    ]
    if app.config["STARFRONT"].public_url.startswith("https://"):
        headers.append(("Strict-Transport-Security", f"max-age={2 * ONE_YEAR_SECONDS}; includeSubDomains"))
    app.wsgi_app = _Server(app.wsgi_app, pictures, headers)  # type: ignore[method-assign]
    app.jinja_env.globals.update(asset=url, picture=picture, critical_style=critical_style)


def url(name: str) -> str:
    """Return the address of a static file, which changes with its content."""
    return _all(_pictures())[name].url


def picture(name: str) -> str:
    """Return the address of a picture; plainly drawn ones travel in one file, but for what is seen first."""
    known = _known(_pictures())
    found = known.get(name) or known.get(name.lower())
    if found is None or name == HERO:
        return _hero(_pictures())
    return f"{url(SPRITE)}#{found.name}" if found.drawing else url(f"pictures/{found.name}")


def picture_file(name: str) -> str | None:
    """Return the address of a picture as it is, whatever its proportions, or nothing if there is none."""
    known = _known(_pictures())
    found = known.get(name) or known.get(name.lower())
    return url(f"pictures/{found.name}") if found else None


@lru_cache
def critical_style() -> Markup:
    """Return the stylesheet as it stands inside every page."""
    # It is a file of ours, and quotes inside a style element are not to be escaped.
    return Markup(_squeezed(ROOT / INLINED).decode())  # noqa: S704


def style_hashes(*more: str) -> tuple[str, ...]:
    """Return what the content security policy calls our inline stylesheet and any others."""
    digests = (hashlib.sha256(style.encode()).digest() for style in (critical_style(), *more) if style)
    return tuple(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def _pictures() -> Path:
    """Return where the pictures of the shop at work lie."""
    return current().shop.pictures


@lru_cache
def _known(folder: Path) -> dict[str, Picture]:
    """Return the pictures of a folder by their names, and by their names in small letters."""
    found = pictures.read_all(folder)
    return {name.lower(): picture for name, picture in found.items()} | found


@lru_cache
def _all(folder: Path) -> dict[str, Asset]:
    htmx, *ours = (_squeezed(ROOT / name).decode() for name in SCRIPTS)
    script = "\n".join([trimming.trim(htmx), *ours])
    assets = [
        Asset(SPRITE, Encoded(_sprite(folder).encode()), pictures.SVG),
        Asset(SCRIPT, Encoded(script.encode()), TYPES[".js"]),
    ]
    for file in sorted(ROOT.rglob("*")):
        if file.suffix in TYPES and file.name not in {*SCRIPTS, INLINED}:
            name = file.relative_to(ROOT).as_posix()
            assets.append(Asset(name, Encoded(_squeezed(file)), TYPES[file.suffix]))
    for picture in _known(folder).values():
        assets.append(Asset(f"pictures/{picture.name}", Encoded(picture.content), picture.media_type))
    for file in sorted(folder.with_name("static").glob("*")):
        # Under a name of their own, and nothing that runs: a script would be as mighty as the shop's.
        if file.suffix in OWNERS_TYPES:
            assets.append(Asset(f"shop/{file.name}", Encoded(_squeezed(file)), TYPES[file.suffix]))
    return {asset.name: asset for asset in assets}


def _squeezed(file: Path) -> bytes:
    """Return a file without what only its readers need: comments and indentation of our own sources."""
    content = file.read_bytes()
    if file.suffix == ".css":
        text = re.sub(r"/\*.*?\*/", "", content.decode(), flags=re.DOTALL)
        text = re.sub(r"\s*([{};,>])\s*", r"\1", re.sub(r"\s+", " ", text))
        return text.replace(": ", ":").replace(";}", "}").strip().encode()
    if file.suffix == ".js" and not file.name.endswith(".min.js"):
        lines = (re.sub(r"(^|\s)//\s.*", "", line).strip() for line in content.decode().splitlines())
        return "\n".join(_tight(line) for line in lines if line).encode()
    return content


def _tight(line: str) -> str:
    """Return a line of a script without the spaces that mean nothing; plus and minus keep theirs."""
    return TOKEN.sub(lambda found: found[1] or found[2], line)


@lru_cache(maxsize=MOST_HEADERS)
def _encodings(accepted: str) -> frozenset[str]:
    """Return what an Accept-Encoding header allows; browsers differ little in it."""
    offers = [offer.strip().lower() for offer in accepted.split(",")]
    return frozenset(offer.partition(";")[0] for offer in offers if not re.search(r";\s*q=0(\.0*)?$", offer))


@lru_cache
def _hero(folder: Path) -> str:
    """Return an address that holds its picture, if it is small: what is seen first is there with the page."""
    own = _known(folder).get(HERO)
    content = own.content if own else (ROOT / HERO).read_bytes()
    if own and (own.drawing is None or len(content) > LARGEST_INLINED):
        return url(f"pictures/{own.name}")
    drawing = re.sub(r">\s+<", "><", content.decode("utf-8-sig").strip())
    held = quote(drawing.replace('"', "'"), safe=" '=:/;,()")
    # Between double quotes nothing in it needs escaping.
    return Markup(f"data:image/svg+xml,{held}")  # noqa: S704


def _sprite(folder: Path) -> str:
    """Return every plainly drawn picture as a view of one file: one request, however many products."""
    drawn = [(one.name, one.drawing) for one in pictures.read_all(folder).values() if one.drawing]
    views = [_view(index, *named) for index, named in enumerate(one for one in drawn if one[0] != HERO)]
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


class _Server:
    """Answers for static files; everything else goes on to the application."""

    def __init__(self, application: Wsgi, pictures: Path, headers: list[tuple[str, str]]) -> None:
        self.application = application
        self.pictures = pictures
        self.headers = headers

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"} or not path.startswith(PREFIX):
            return self.application(environ, start_response)
        # A page from before a deployment asks for an older version: it gets today's.
        asset = _all(self.pictures).get(re.sub(r"\.[0-9a-f]{10}(?=\.\w+$)", "", path.removeprefix(PREFIX)))
        if asset is None:
            return self.application(environ, start_response)
        encoding, body = asset.content.best(environ.get("HTTP_ACCEPT_ENCODING", ""))
        lasting = f"public, max-age={ONE_YEAR_SECONDS}, immutable" if path == asset.url else "no-cache"
        headers = [
            ("Content-Type", asset.media_type),
            ("Content-Security-Policy", STYLED if asset.media_type == pictures.SVG else UNABLE),
            ("Content-Length", str(len(body))),
            ("Cache-Control", lasting),
            ("Vary", "Accept-Encoding"),
            *([("Content-Encoding", encoding)] if encoding else []),
            *self.headers,
        ]
        start_response("200 OK", headers)
        return [body] if environ["REQUEST_METHOD"] == "GET" else []
