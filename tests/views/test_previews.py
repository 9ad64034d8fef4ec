"""What others fetch of the shop unasked: previews of shared links, icons, and rules for robots."""

import re
import struct

import brotli
import pytest

from tests.kit.factories import make_config, opened
from webapp import create_app
from webapp.db.transactions import transaction
from webapp.domain.catalogue import catalogue
from webapp.shop.folder import Folder

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PHOTOGRAPH = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + struct.pack(">II", 2, 1) + b"\x08\x02\x00\x00\x00"


def size(content: bytes) -> tuple[int, int]:
    """Return a PNG's width and height."""
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", content[16:24])


def tag(page: str, name: str) -> str:
    [found] = re.findall(rf'<meta (?:property|name)="{name}" content="([^"]*)">', page)
    return found


@pytest.fixture(autouse=True)
def products(app, open_shop):
    """Something is sold."""


def test_a_shared_product_shows_its_picture_its_title_and_what_it_is(client):
    page = client.get("/products/atlas").text
    assert "Atlas" in tag(page, "og:title")
    assert tag(page, "og:description") == tag(page, "description") != ""
    assert tag(page, "og:site_name")
    address = tag(page, "og:image")
    assert address.startswith("https://shop.test/previews/")
    answer = client.get(address.removeprefix("https://shop.test"))
    assert (answer.status_code, answer.content_type, size(answer.data)) == (200, "image/png", (1200, 630))
    assert "immutable" in answer.headers["Cache-Control"]


def test_a_shared_shop_shows_its_own_picture(client):
    page = client.get("/").text
    assert tag(page, "description") == tag(page, "og:description") != ""
    assert client.get(tag(page, "og:image").removeprefix("https://shop.test")).status_code == 200


def test_a_link_from_before_a_picture_changed_shows_todays_and_is_not_kept(client):
    answer = client.get("/previews/deep-sky-atlas.0123456789.png")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "path", ["nothing.0123456789", "..%2f..%2fbot.0123456789", "hero", "%00.1", "x" * 300 + ".1"]
)
def test_no_other_picture_is_made(client, path):
    assert client.get(f"/previews/{path}.png").status_code in {400, 404}


def test_a_photograph_is_its_own_preview(database_url, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "hero.png").write_bytes(PHOTOGRAPH)
    (tmp_path / "shop.toml").write_text('version = 1\nhero = "hero.png"\nicon = "hero.png"\n')
    with opened(create_app(make_config(database_url=database_url, shop=Folder(tmp_path)))) as app:
        client = app.test_client()
        address = tag(client.get("/").text, "og:image").removeprefix("https://shop.test")
        assert client.get(address).data == client.get("/favicon.ico").data == PHOTOGRAPH


@pytest.mark.parametrize(("path", "side"), [("/favicon.ico", 48), ("/apple-touch-icon.png", 180)])
def test_whoever_asks_for_an_icon_gets_one(client, path, side):
    answer = client.get(path)
    assert (answer.status_code, answer.content_type, size(answer.data)) == (200, "image/png", (side, side))


def test_robots_may_read_what_is_public_and_are_told_what_is_not(client, alice):
    assert client.get("/robots.txt").text == "User-agent: *\nAllow: /\n"
    assert "X-Robots-Tag" not in client.get("/products/atlas").headers
    for path in ("/purchases", "/products/nothing"):
        answer = client.as_(alice).get(path)
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert "og:title" not in answer.text


def test_whatever_a_product_is_called_stays_inside_its_tag(client):
    with transaction():
        catalogue.get("atlas").title = 'x"><script>alert(1)</script>'
        catalogue.get("atlas").description = '" onload="x'
    page = client.get("/products/atlas").text
    assert "<script>alert" not in page
    assert tag(page, "og:description") == "&#34; onload=&#34;x"


@pytest.mark.parametrize(("path", "status"), [("/products/nothing", 404), ("/shelf", 200)])
def test_what_is_larger_than_a_packet_travels_compressed(app, path, status):
    plain = app.test_client().get(path)
    packed = app.test_client().get(path, headers={"Accept-Encoding": "br"})
    assert (plain.status_code, packed.status_code) == (status, status)
    assert brotli.decompress(packed.data) == plain.data
    assert packed.headers["Content-Encoding"] == "br"
    assert packed.headers["Vary"].startswith("Accept-Encoding")


def test_what_fits_a_packet_travels_as_it_is(client):
    answer = client.get("/products/nothing", headers={"Accept-Encoding": "br", "HX-Request": "true"})
    assert (answer.status_code, "Content-Encoding" in answer.headers) == (404, False)
