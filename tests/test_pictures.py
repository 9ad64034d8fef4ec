"""Pictures of any kind in an owner's folder: what is shown, how, and what is none."""

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.kit.factories import make_config, opened
from webapp import create_app
from webapp.shop import pictures
from webapp.shop.folder import Folder
from webapp.shop.pictures import PictureInvalid
from webapp.web import assets

ICON = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path id="a" d="M2 2h20v20H2z"/></svg>'
PLAIN = '<svg xmlns="http://www.w3.org/2000/svg" {}>{}</svg>'.format


def png(width: int = 2, height: int = 2) -> bytes:
    """Return a white PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + b"\xff" * width for _ in range(height)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1"
WEBP = b"RIFF\x1a\0\0\0WEBPVP8L"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "pictures").mkdir()
    return Folder(tmp_path)


@pytest.fixture
def shop(folder: Folder) -> Iterator[Any]:
    app = create_app(make_config(database_url=f"sqlite:///{folder.path}/shop.db", shop=folder))
    with opened(app):
        yield app.test_client()


def put(folder: Folder, name: str, content: str | bytes) -> Path:
    file = folder.pictures / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.png", png(), "image/png"),
        ("B_2.PNG", png(), "image/png"),
        ("c.jpeg", JPEG, "image/jpeg"),
        ("d.Jpg", JPEG, "image/jpeg"),
        ("e.webp", WEBP, "image/webp"),
        ("f.SVG", ICON.replace("<path", "<style>path { fill: red }</style><path"), "image/svg+xml"),
        ("g.svg", png(), "image/png"),
    ],
)
def test_each_kind_is_served_as_what_it_is(
    folder: Folder, shop: Any, name: str, content: str | bytes, media_type: str
) -> None:
    put(folder, name, content)
    for asked in (name, name.lower(), name.upper()):
        answer = shop.get(assets.picture(asked))
        assert answer.data == (content if isinstance(content, bytes) else content.encode())
        assert answer.headers["Content-Type"] == media_type
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert pictures.problem(folder.pictures, name.upper()) == ""


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.png", b"", "is no picture"),
        ("a.png", b"<html><script>alert(1)</script></html>", "is no picture"),
        ("a.jpg", b"GIF89a", "is no picture"),
        ("a.svg", "<svg", "is no drawing: "),
        ("a.svg", "<svg><path/></svg>", "shows nothing: its <svg> has no xmlns"),
        ("a.svg", f"<html>{ICON}</html>", "is no drawing: it does not begin with <svg>"),
        ("a.svg", f'<!DOCTYPE svg [<!ENTITY a "b">]>{ICON}', "defines entities"),
        ("a.svg", f'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>{ICON}', "defines entities"),
        ("a.svg", ICON.replace("<path", "&nbsp;<path"), "is no drawing: undefined entity"),
        ("a.svg", ICON.replace("</svg>", ""), "is no drawing: no element found"),
        ("a.png", png() + bytes(3_000_001), "is larger than 3 MB"),
    ],
)
def test_what_is_no_picture_is_refused_with_file_and_reason_and_never_breaks_a_page(
    folder: Folder, shop: Any, name: str, content: str | bytes, reason: str
) -> None:
    file = put(folder, name, content)
    with pytest.raises(PictureInvalid, match=re.escape(reason)):
        pictures.read(file)
    assert pictures.problem(folder.pictures, name).startswith(f"pictures/{name} {reason}")
    assert assets.picture(name) == assets.picture("hero.svg")
    assert assets.picture_file(name) is None
    assert shop.get(f"/static/pictures/{name}").status_code == 404


def test_entities_that_grow_are_refused_at_once(folder: Folder) -> None:
    lines = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE svg [<!ENTITY a0 "ha">{lines}]>{ICON.replace("<path", "&a9;<path")}'
    with pytest.raises(PictureInvalid, match="defines entities"):
        pictures.read(put(folder, "a.svg", bomb))


@pytest.mark.parametrize(
    ("root", "view_box", "fit"),
    [
        ('viewBox="0 0 24 24"', "0 0 24 24", "meet"),
        ('viewBox="0,0,640,360"', "0 0 640 360", "slice"),
        ('viewBox="-10 -10 100 300"', "-10 -10 100 300", "meet"),
        ('width="400px" height="225"', "0 0 400 225", "slice"),
        ('width="24" height="24" viewBox="0 0 48 48"', "0 0 48 48", "meet"),
    ],
)
def test_a_drawing_fills_its_frame_whatever_its_size(
    folder: Folder, shop: Any, root: str, view_box: str, fit: str
) -> None:
    put(folder, "a.svg", PLAIN(root, '<path d="M0 0h9v9z"/>'))
    put(folder, "b.svg", ICON)
    assert assets.picture("a.svg") == f"{assets.url('pictures.svg')}#a.svg"
    sprite = ElementTree.fromstring(shop.get(assets.url("pictures.svg")).text)  # noqa: S314 - made above
    first, second = (one for one in sprite if one.tag.endswith("svg"))
    assert (first.get("viewBox"), first.get("preserveAspectRatio")) == (view_box, f"xMidYMid {fit}")
    assert (first.get("width"), first.get("height"), second.get("y")) == ("320", "180", "180")


@pytest.mark.parametrize(
    ("body", "ground"),
    [
        ('<path d="M2 2h20v20H2z"/>', pictures.PLATE),
        ('<rect width="24" height="24" fill="#2f5d50"/><path/>', "#2f5d50"),
        ('<rect width="100%" height="100%" fill="teal"/>', "teal"),
        ('<rect width="12" height="24" fill="#2f5d50"/>', pictures.PLATE),
        ('<rect width="24" height="24" fill="url(#a)"/>', pictures.PLATE),
    ],
)
def test_an_icon_stands_on_its_own_ground_or_on_one_on_which_it_is_seen(
    folder: Folder, shop: Any, body: str, ground: str
) -> None:
    put(folder, "a.svg", PLAIN('viewBox="0 0 24 24"', body))
    sprite = shop.get(assets.url("pictures.svg")).text
    assert f'<rect y="0" width="320" height="180" fill="{ground}"/><svg y="0"' in sprite


@pytest.mark.parametrize(
    ("root", "body"),
    [
        ('viewBox="0 0 24 24"', "<style>* { fill: red }</style><path d=''/>"),
        ('viewBox="0 0 24 24"', "<script>alert(1)</script>"),
        ('viewBox="0 0 24 24" onload="alert(1)"', "<path/>"),
        ('viewBox="0 0 24 24"', '<path onclick="alert(1)"/>'),
        ('viewBox="0 0 24 24"', '<path style="fill: red"/>'),
        ('viewBox="0 0 24 24"', '<path class="a"/>'),
        ('viewBox="0 0 24 24"', "<foreignObject><p/></foreignObject>"),
        ('viewBox="0 0 24 24"', '<a href="https://evil.example"><path/></a>'),
        ('viewBox="0 0 24 24"', '<use href="other.svg#a"/>'),
        ('viewBox="0 0 24 24"', "<path id='a'/>"),
        ('viewBox="0 0 24 24"', '<path id = "a"/>'),
        ('viewBox="0 0 24 24"', "<path fill=\"url('#a')\"/>"),
        ('viewBox="0 0 24 24"', '<path><animate attributeName="d"/></path>'),
        ('viewBox="0 0 24 24" fill="none" stroke="red"', "<path/>"),
        ('viewBox="0 0 24 24" xmlns:x="urn:x"', "<x:y/>"),
        ('viewBox="0 0 0 24"', "<path/>"),
        ('viewBox="0 0 24"', "<path/>"),
        ('width="100%" height="100%"', "<path/>"),
        ("", "<path/>"),
    ],
)
def test_a_drawing_that_reaches_beyond_itself_is_a_file_of_its_own(
    folder: Folder, shop: Any, root: str, body: str
) -> None:
    file = put(folder, "a.svg", PLAIN(root, body))
    assert shop.get(assets.picture("a.svg")).data == file.read_bytes()
    assert assets.url("pictures.svg") not in assets.picture("a.svg")
    assert len(ElementTree.fromstring(shop.get(assets.url("pictures.svg")).text)) == 0  # noqa: S314


@pytest.mark.parametrize(
    "before", ["<?xml version='1.0'?>", "<!-- made by hand: <svg> -->", "<!DOCTYPE svg>", "\ufeff"]
)
def test_what_stands_before_a_drawing_does_not_break_it(folder: Folder, shop: Any, before: str) -> None:
    put(folder, "a.svg", before + ICON)
    assert shop.get(assets.picture("a.svg").partition("#")[0]).status_code == 200
    ElementTree.fromstring(shop.get(assets.url("pictures.svg")).text)  # noqa: S314


def test_without_a_hero_there_is_one_of_ours(shop: Any) -> None:
    assert assets.picture("hero.svg").startswith("data:image/svg+xml,%3Csvg ")
    assert assets.picture("gone.png") == assets.picture("hero.svg")


@pytest.mark.parametrize(
    "content",
    [ICON + " " * 7000, ICON.replace("<path", "<style>a{}</style><path"), png()],
    ids=["large", "styled", "png"],
)
def test_a_hero_that_cannot_travel_inside_the_page_is_a_file(
    folder: Folder, shop: Any, content: str | bytes
) -> None:
    put(folder, "hero.svg", content)
    assert shop.get(assets.picture("hero.svg")).status_code == 200


@pytest.mark.parametrize("name", ["../catalog.toml", "a b.png", ".png", "a.gif", "a.svg.exe", "a\n.svg", ""])
def test_a_name_that_is_no_pictures_is_never_looked_for(folder: Folder, name: str) -> None:
    assert pictures.find(folder.pictures, name) is None
