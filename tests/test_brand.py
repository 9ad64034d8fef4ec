"""What a shop is called and how it looks: shop.toml read, refused, and shown."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.conftest import Client
from tests.kit import arrange
from tests.kit.factories import make_config, opened
from webapp import create_app
from webapp.config import ConfigError
from webapp.db.transactions import transaction
from webapp.domain.owner import shops
from webapp.i18n import localize
from webapp.shop import brand, brand_file
from webapp.shop.brand import Brand, Link
from webapp.shop.colours import contrast, reads_on
from webapp.shop.folder import Folder, FolderInvalid
from webapp.texts import chat

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ARABIC = "متجر الفوانيس"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "shop" / "pictures").mkdir(parents=True)
    (tmp_path / "shop" / "pictures" / "lamp.svg").write_text("<svg/>", encoding="utf-8")
    return Folder(tmp_path / "shop")


def written(folder: Folder, text: str | bytes) -> Folder:
    folder.brand.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def shop(folder: Folder, text: str, database_url: str) -> Any:
    """Return a browser in a shop of this shop.toml."""
    (folder.pictures / "hero.svg").write_text("<svg/>", encoding="utf-8")
    app = create_app(make_config(database_url=database_url, shop=written(folder, text)))
    return Client(app, app.response_class, True)


WHOLE = """
version = 1
name = "Lamps"
tagline = "Light, by the hour."
welcome = \"\"\"
Come in.

We are open.\"\"\"
seller = "Lamps & Sons, Riga"
contact = "@lamps"
hero = "lamp.svg"
icon = "lamp.svg"
language = "fa-IR"
[colours]
accent = "#7a1fa2"
link = "#06c"
[[links]]
label = "Our channel"
address = "https://t.me/lamps"
[[links]]
label = "Write"
address = "tg://resolve?domain=lamps"
"""


def test_everything_that_a_file_says_is_read(folder: Folder) -> None:
    assert brand_file.read(written(folder, WHOLE)) == Brand(
        name="Lamps",
        tagline="Light, by the hour.",
        welcome="Come in.\n\nWe are open.",
        seller="Lamps & Sons, Riga",
        contact="@lamps",
        hero="lamp.svg",
        icon="lamp.svg",
        language="fa",
        accent="#7a1fa2",
        on_accent="#ffffff",
        link="#06c",
        links=(Link("Our channel", "https://t.me/lamps"), Link("Write", "tg://resolve?domain=lamps")),
    )


@pytest.mark.parametrize("text", [None, "", "\ufeff# nothing\r\n"], ids=["no file", "empty", "a comment"])
def test_everything_has_a_default(folder: Folder, text: str | None) -> None:
    assert brand_file.read(folder if text is None else written(folder, text)) == Brand()
    (folder.pictures / "hero.svg").write_text("<svg/>", encoding="utf-8")
    assert brand_file.read(folder).hero == "hero.svg"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('name = "' + "x" * 300 + '"', "line 1: name: is 300 characters long, and 64 is the most."),
        ('\nname = ""', "line 2: name: is empty: leave the whole line out, and the shop uses its own words."),
        ('name = " \\u2067 "', "line 1: name: is empty"),
        ("name = 7", "line 1: name: must be a text."),
        ('name = "a\\u0007b"', "line 1: name: character 2 is U+0007"),
        ('name = "a\\u202eb"', "line 1: name: character 2 is U+202E (RIGHT-TO-LEFT OVERRIDE)"),
        ('name = """a\nb"""', "line 1: name: must be one line."),
        ("welcome = '''a\n" + "b\n" * 30 + "c'''", "line 1: welcome: has 32 lines, and 30 is the most."),
        ("\n\nnme = 'a'", "line 3: nme: is not a key here; there are version, name,"),
        ("name = 'a'\nname = 'b'", "line 2: TOML: Cannot overwrite a value"),
        ("name = 'a", "line 1: TOML: "),
        ("version = 2", "line 1: version: must be 1: was shop.toml written for a newer release?"),
        ("version = true", "line 1: version: must be 1"),
        ("hero = 'none.svg'", "line 1: hero: there is no file none.svg in the folder pictures."),
        ("icon = '../shop.toml'", "line 1: icon: there is no file ../shop.toml in the folder pictures."),
        ("language = 'tlh'", "line 1: language: must be a language that the shop speaks: en, es, fa, ru."),
        ("colours = 'red'", "line 1: colours: must be a table [colours]."),
        ("link = 1\n[colours]\nlink = 'red'", "line 3: colours.link: must be a colour such as #2a6df4."),
        ("[colours]\naccent = '#12345'", "line 2: colours.accent: must be a colour such as #2a6df4."),
        ("[colours]\naccent = '#fff;}a{'", "line 2: colours.accent: must be a colour such as #2a6df4."),
        (
            "[colours]\nred = '#f00'",
            "line 2: colours.red: is not a key here; there are accent, on_accent, link.",
        ),
        ("[colours]\non_accent = '#fff'", "line 2: colours.on_accent: belongs to an accent: name that, too."),
        (
            "[colours]\naccent = '#ffd'\non_accent = '#fff'",
            "line 3: colours.on_accent: cannot be read on #ffd: the contrast is 1.0 to 1, and 4.5 is the "
            "least. Leave it out, and the shop takes #000000.",
        ),
        ("links = 'a'", "line 1: links: must be [[links]] tables, each with a label and an address."),
        ("[[links]]\nlabel = 'a'", "line 1: links.address: is missing."),
        (
            "[[links]]\nlabel = 'a'\naddress = 'https://a.b'\n[[links]]\nlabel = 'b'\naddress = 'js:x'",
            "line 6: links.address: must begin with https:// or tg:// and lead somewhere.",
        ),
        ("[[links]]\nlabel = 'a'\naddress = 'http://a.b'", "line 3: links.address: must begin with"),
        ("[[links]]\nlabel = 'a'\naddress = 'https://[a'", "line 3: links.address: must begin with"),
        (
            "[[links]]\nlabel = 'a'\naddress = 'https://a.b'\n" * 7,
            "line 1: links: there are 7, and 6 is the most.",
        ),
        (b"name = '\xff'", "line 1: text: it is no UTF-8 text: save it as that."),
        ("name = 'a'\n".encode("utf-16"), "line 1: text: it is no UTF-8 text"),
    ],
)
def test_a_wrong_line_is_named_with_its_reason(folder: Folder, text: str | bytes, sentence: str) -> None:
    with pytest.raises(FolderInvalid) as refused:
        brand_file.read(written(folder, text))
    assert any(told.startswith(f"shop.toml, {sentence}") for told in refused.value.sentences), str(
        refused.value
    )


def test_all_that_is_wrong_is_told_at_once_and_stops_the_start(folder: Folder, sqlite_url: str) -> None:
    text = "name = ''\ntagline = 3\n[colours]\naccent = 'red'\n[[links]]\nlabel = 'a'\naddress = 'b'\n"
    with pytest.raises(ConfigError) as refused:
        shop(folder, text, sqlite_url)
    assert [re.sub(r": .*", "", told) for told in refused.value.sentences] == [
        f"shop.toml, line {number}" for number in (1, 2, 4, 7)
    ]


def test_contrast_is_what_wcag_says() -> None:
    assert contrast("#fff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)
    assert (reads_on("#2a6df4"), reads_on("#ffd")) == ("#ffffff", "#000000")


@on_sqlite
def test_a_shop_shows_its_brand_everywhere(folder: Folder, database_url: str, app: Flask, alice: Any) -> None:
    arrange.pay(arrange.facts(arrange.order(alice, "atlas"), "charge-1"))
    client = shop(folder, WHOLE.replace('language = "fa-IR"\n', ""), database_url)
    front = client.get("/")
    assert "<title>Lamps</title>" in front.text
    assert '<h1 dir="auto">Lamps</h1><p dir="auto">Light, by the hour.</p>' in front.text
    assert (
        '<a href="https://t.me/lamps" target="_blank" rel="noopener" dir="auto">Our channel</a>' in front.text
    )
    style = ":root{--accent:#7a1fa2;--on-accent:#ffffff;--link:#06c}"
    assert f"<style>{style}</style>" in front.text
    assert ' data-accent="#7a1fa2" data-on-accent="#ffffff">' in front.text
    policy = front.headers["Content-Security-Policy"]
    assert len(re.findall("'sha256-", policy)) == len(re.findall("'sha256-", app_policy(database_url))) + 1
    assert "<title>Atlas · Lamps</title>" in client.get("/products/atlas").text
    assert "@lamps" in client.get("/support").text
    receipt = client.as_(alice).get("/purchases/charge-1").text
    told = re.sub(r"(<[^>]*>|\s)+", " ", receipt)
    assert "Seller Lamps &amp; Sons, Riga , @starfront_bot , @lamps Buyer" in told
    with client.application.app_context():
        assert chat.greeting("Alice").text == "Hello, Alice! Come in.\n\nWe are open."


def app_policy(database_url: str) -> str:
    plain = create_app(make_config(database_url=database_url)).test_client().get("/")
    return plain.headers["Content-Security-Policy"]


@on_sqlite
def test_a_shop_without_a_name_is_called_as_its_bot(folder: Folder, database_url: str) -> None:
    client = shop(folder, "", database_url)
    with opened(client.application):
        assert "<title>Terms · Shop</title>" in client.get("/terms").text
        with transaction():
            shops.claim(7342037359, "lamp_bot", "production", bot_name="Lamp\u202eBot\n")
        assert "<title>Support · Lamp Bot</title>" in client.get("/support").text
        assert "Welcome to Lamp Bot." in chat.greeting("").text
        # What cannot ask the database says what was learnt before.
        assert " · Lamp Bot</title>" in client.get("/nowhere").text


@pytest.mark.proves("S70")
@on_sqlite
def test_what_an_owner_writes_is_text(folder: Folder, database_url: str, open_shop: None) -> None:
    markup = "</title><b hx-get='/me'>&amp;100%%(x)s</b>"
    client = shop(folder, f'name = "{markup}"\ntagline = "{markup}"\nseller = "{markup}"', database_url)
    for path in ("/", "/terms", "/products/atlas"):
        page = client.get(path).text
        assert "<b hx-get" not in page
        assert "&lt;b hx-get=&#39;/me&#39;&gt;&amp;amp;100%%(x)s" in page


@on_sqlite
def test_a_name_of_another_direction_keeps_to_itself(
    folder: Folder, database_url: str, open_shop: None
) -> None:
    client = shop(folder, f'name = "{ARABIC}"', database_url)
    assert f"<title>Atlas · \u2068{ARABIC}\u2069</title>" in client.get("/products/atlas").text
    persian = client.get("/products/atlas", headers={"Accept-Language": "fa"}).text
    assert re.search(rf"<title>.*Atlas.* · {ARABIC}</title>", persian)
    with client.application.app_context(), localize.speaking("en"):
        assert f"Welcome to \u2068{ARABIC}\u2069." in chat.greeting("").text


@on_sqlite
def test_people_of_no_language_of_ours_read_the_shops_own(
    folder: Folder, database_url: str, open_shop: None
) -> None:
    client = shop(folder, "language = 'ru'", database_url)
    for asked, spoken in {"tlh": "ru", "en": "en", "fa": "fa"}.items():
        assert f'<html lang="{spoken}"' in client.get("/support", headers={"Accept-Language": asked}).text
    with client.application.app_context(), localize.speaking("tlh"):
        assert localize.spoken().code == "ru"


@on_sqlite
def test_the_setting_wins_over_the_contact_of_the_file(folder: Folder, database_url: str) -> None:
    config = make_config(
        database_url=database_url, shop=written(folder, WHOLE), support_contact="@night_desk"
    )
    with create_app(config).app_context():
        assert brand.contact() == "@night_desk"
