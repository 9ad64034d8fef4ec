"""Static files under names that change with their content, compressed once per process."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Flask
from markupsafe import Markup

from webapp.config import current
from webapp.shop import pictures
from webapp.shop.pictures import Picture
from webapp.web import sprite
from webapp.web.encoded import Encoded

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
BUILT = "starfront.min.js"  # by make script, from these:
HTMX = "htmx.min.js"
# One after the other, so that they are one request; each part may use what stands in those before it.
PARTS = (
    *("launch", "session", "requests", "history", "page", "buttons"),
    *("offers", "client", "paying", "links", "begin"),
)
ALONE = ("colours.js", "aloud.js")
HERO = "hero.svg"  # on top of the shop, and for a product whose picture was forgotten; ours, if need be
LARGEST_INLINED = 6000  # bytes of a picture that travels inside the page
UNABLE = "default-src 'none'"
STYLED = f"{UNABLE}; style-src 'unsafe-inline'"  # a drawing looked at by itself; it runs nothing either
ONE_YEAR_SECONDS = 365 * 24 * 3600

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]


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
    found = find(name)
    if found is None or name == HERO:
        return _hero(_pictures())
    return f"{url(SPRITE)}#{found.name}" if found.drawing else url(f"pictures/{found.name}")


def picture_file(name: str) -> str | None:
    """Return the address of a picture as it is, whatever its proportions, or nothing if there is none."""
    found = find(name)
    return url(f"pictures/{found.name}") if found else None


def find(name: str) -> Picture | None:
    """Return a picture of the shop at work by its name, in whatever letters it is written."""
    known = _known(_pictures())
    return known.get(name) or known.get(name.lower())


def drawings() -> list[Picture]:
    """Return the pictures of the shop at work that are drawings, whatever their names end with."""
    return [one for one in _known(_pictures()).values() if one.media_type == pictures.SVG]


@lru_cache
def critical_style() -> Markup:
    """Return the stylesheet as it stands inside every page."""
    # It is a file of ours, and quotes inside a style element are not to be escaped.
    return Markup(source(ROOT / INLINED))  # noqa: S704


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
    """Return every static file of a shop by its name: ours, its pictures, and those of its owner."""
    kinds = (_joined(folder), _ours(), _pictures_of(folder), _owners(folder))
    return {asset.name: asset for asset in chain.from_iterable(kinds)}


def _joined(folder: Path) -> Iterator[Asset]:
    """Yield the files that are made of many."""
    yield Asset(SPRITE, Encoded(sprite.draw(folder, without=HERO).encode()), pictures.SVG)
    yield Asset(SCRIPT, Encoded(script().encode()), TYPES[".js"])


def script() -> str:
    """Return what ``make script`` built of htmx and our parts, or these themselves if one changed since."""
    built = ROOT / BUILT
    digest, _, code = built.read_text("utf-8").partition("\n") if built.is_file() else ("", "", "")
    return code if digest == f"// {script_digest()}" else joined((ROOT / HTMX).read_text("utf-8"))


def script_digest() -> str:
    """Return what changes with any source of the script."""
    files = [ROOT / HTMX, *_parts(), *_alone()]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def joined(htmx: str) -> str:
    """Return htmx, our parts in a scope of their own, and what stands for itself."""
    parts = "\n".join(map(source, _parts()))
    return "\n".join([htmx, f'(() => {{\n"use strict";\n{parts}\n}})();', *map(source, _alone())])


def _parts() -> list[Path]:
    return [ROOT / "app" / f"{name}.js" for name in PARTS]


def _alone() -> list[Path]:
    return [ROOT / name for name in ALONE]


def source(file: Path) -> str:
    """Return a script or stylesheet of ours without the lines that are comments, and without indentation."""
    lines = (line.strip() for line in file.read_text("utf-8").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("//", "/*")))


def _ours() -> Iterator[Asset]:
    for file in sorted(ROOT.glob("*")):
        if file.suffix == ".css" and file.name != INLINED:
            yield Asset(file.name, Encoded(source(file).encode()), TYPES[".css"])
        elif file.suffix in TYPES.keys() - {".js", ".css"}:
            yield Asset(file.name, Encoded(file.read_bytes()), TYPES[file.suffix])


def _pictures_of(folder: Path) -> Iterator[Asset]:
    for picture in _known(folder).values():
        yield Asset(f"pictures/{picture.name}", Encoded(picture.content), picture.media_type)


def _owners(folder: Path) -> Iterator[Asset]:
    """Yield the owner's files under names of their own; no script, which would be as mighty as ours."""
    for file in sorted(folder.with_name("static").glob("*")):
        if file.suffix in OWNERS_TYPES:
            yield Asset(f"shop/{file.name}", Encoded(file.read_bytes()), TYPES[file.suffix])


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
