"""Static files: what is vendored, how they are named, packed and served."""

import gzip
import hashlib
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import brotli
import pytest
from flask import Flask

from tests import script, trimming
from tests.kit.factories import SHOP, make_config
from webapp import create_app
from webapp.web import assets, sprite

# htmx.org 2.0.11 from npm, dist/htmx.min.js
HTMX_SHA256 = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("assets") / "none.db"
    app: Flask = create_app(make_config(database_url=f"sqlite:///{file}"))
    with app.app_context():
        yield app.test_client()


def test_htmx_is_the_one_that_was_published() -> None:
    content = (assets.ROOT / "htmx.min.js").read_bytes()
    assert hashlib.sha256(content).hexdigest() == HTMX_SHA256


@pytest.mark.parametrize("name", ["starfront.js", "shop/sheet.css", "pictures.svg", "lost.svg"])
def test_a_versioned_file_is_kept_for_good(served: Any, name: str) -> None:
    response = served.get(assets.url(name))
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Strict-Transport-Security" in response.headers


def test_an_older_version_gets_todays_file_for_now(served: Any) -> None:
    response = served.get("/static/starfront.0123456789.js")
    assert response.data == served.get(assets.url("starfront.js")).data
    assert response.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(("encoding", "unpack"), [("br", brotli.decompress), ("gzip", gzip.decompress)])
def test_files_are_compressed(served: Any, encoding: str, unpack: Any) -> None:
    plain = served.get(assets.url("starfront.js")).data
    packed = served.get(assets.url("starfront.js"), headers={"Accept-Encoding": encoding})
    assert packed.headers["Content-Encoding"] == encoding
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert unpack(packed.data) == plain


def test_a_file_can_be_asked_about(served: Any) -> None:
    response = served.head(assets.url("starfront.js"))
    assert int(response.headers["Content-Length"]) > 1000
    assert response.data == b""


@pytest.mark.parametrize(
    "path", ["/static/", "/static/../catalog.toml", "/static/%2e%2e/bot.py", "/static/x"]
)
def test_nothing_else_is_served(served: Any, path: str) -> None:
    assert b"[[products]]" not in served.get(path).data


def test_the_script_is_the_one_that_was_built_of_todays_sources(served: Any) -> None:
    built = (assets.ROOT / assets.BUILT).read_text()
    assert built == script.build(), "run make script"
    assert served.get(assets.url("starfront.js")).text == built.partition("\n")[2]


def test_a_source_that_changed_is_served_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(assets.ROOT, tmp_path / "static")
    monkeypatch.setattr(assets, "ROOT", tmp_path / "static")
    (assets.ROOT / "aloud.js").write_text("changed();\n")
    htmx = (assets.ROOT / assets.HTMX).read_text()
    assert assets.script().startswith(f'{htmx}\n(() => {{\n"use strict";\n')
    assert assets.script().endswith("changed();")
    (assets.ROOT / assets.BUILT).unlink()
    assert assets.script().endswith("changed();")


def test_every_part_of_the_script_is_served() -> None:
    files = {file.stem for file in (assets.ROOT / "app").iterdir()}
    assert files == set(assets.PARTS)
    assert {file.name for file in assets.ROOT.glob("*.js")} == {assets.HTMX, assets.BUILT, *assets.ALONE}


OURS = [file for file in sorted(assets.ROOT.rglob("*")) if file.suffix in {".js", ".css"}]


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.name)
def test_lines_can_be_left_out_of_what_we_wrote(file: Path) -> None:
    """A comment is a whole line, and no text goes on in the next one."""
    if file.name in {assets.HTMX, assets.BUILT}:
        return
    for line in map(str.strip, file.read_text().splitlines()):
        assert line.endswith("*/") == line.startswith("/*")
        assert line.count("`") % 2 == 0


def test_a_source_is_served_without_its_comments(tmp_path: Path) -> None:
    file = tmp_path / "some.js"
    file.write_text('// Why.\nconst there = "see // there";\n\n  stay(); // and this\n')
    assert assets.source(file) == 'const there = "see // there";\nstay(); // and this'


def test_no_page_asks_htmx_for_what_is_left_out() -> None:
    files = [*(assets.ROOT.parent / "templates").glob("*.html"), *(assets.ROOT / "app").iterdir()]
    text = "".join(file.read_text() for file in files)
    assert set(re.findall(r"\bhx-([a-z-]+)", text)) <= trimming.USED
    assert not re.search(r'hx-trigger="[^"]*(revealed|intersect|\[)', text)
    assert set(re.findall(r"(?:hx-swap=|swap [:=] )\"(\w+)", text)) == {"outerHTML"}
    assert not re.search(r'hx-trigger="[^"]*(\[|revealed)', text)


def test_nothing_is_left_that_evaluates_texts() -> None:
    trimmed = trimming.trim((assets.ROOT / "htmx.min.js").read_text())
    assert not re.search(r"\beval\(|\bFunction\(", trimmed)


def test_another_htmx_is_not_trimmed_by_the_wrong_names() -> None:
    with pytest.raises(ValueError, match="no function"):
        trimming.trim("var htmx=function(){}()")


def test_a_file_cannot_be_changed(served: Any) -> None:
    assert served.post(assets.url("starfront.js")).status_code in {404, 405, 415}


def test_every_drawing_is_a_view_of_one_file() -> None:
    text = sprite.draw(SHOP.pictures, without="hero.svg")
    drawn = ElementTree.fromstring(text)  # noqa: S314 - our own drawings
    views = [element.get("id") for element in drawn if element.tag.endswith("view")]
    assert views == sorted({file.name for file in SHOP.pictures.glob("*.svg")} - {"hero.svg"})


def test_the_first_picture_is_inside_the_page(served: Any) -> None:
    address = assets.picture("hero.svg")
    scheme, _, held = address.partition(",")
    assert scheme == "data:image/svg+xml"
    assert not set(held) & set('"#<>&')
    drawing = ElementTree.fromstring(unquote(held))  # noqa: S314 - our own drawing
    assert drawing.get("viewBox") == "0 0 320 180"


def test_drawings_do_not_share_names() -> None:
    text = sprite.draw(SHOP.pictures, without="hero.svg")
    ids = re.findall(r'\bid="([^"]+)"', text)
    used = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', text))
    assert len(ids) == len(set(ids))
    assert {one or other for one, other in used} <= set(ids)


def test_a_forgotten_picture_has_a_stand_in(served: Any) -> None:
    assert assets.picture("nowhere.svg") == assets.picture("hero.svg")
    assert assets.picture("nowhere.png") == assets.picture("hero.svg")


def test_the_stylesheet_stays_small_enough_to_travel_inside_the_page() -> None:
    assert len(gzip.compress(assets.critical_style().encode())) < 4000
