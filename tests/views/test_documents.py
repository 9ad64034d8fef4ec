"""The owner's terms and privacy notice: which text people read, agree to, and find on their receipts."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests.conftest import Client
from tests.kit import arrange
from tests.kit.factories import BRAND, SHOP, TERMS_VERSION, make_config
from webapp import create_app
from webapp.config import ConfigError
from webapp.db.engine import db
from webapp.db.models import Order, User
from webapp.shop import documents
from webapp.shop.brand import Brand
from webapp.shop.folder import Folder

pytestmark = pytest.mark.usefixtures("noon")
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ENGLISH = """# The lamp contract

## What you buy

![a lamp](hero.svg)

A lamp & *its light*. <script>alert(1)</script>

| For    | Days |
| ------ | ---- |
| a lamp | 3    |
"""
RUSSIAN = "## Что вы покупаете\n\nЛампу.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "shop" / "pictures").mkdir(parents=True)
    shutil.copy(SHOP.pictures / "hero.svg", tmp_path / "shop" / "pictures")
    return Folder(tmp_path / "shop")


def write(folder: Folder, **texts: str | bytes) -> Folder:
    for name, text in texts.items():
        file = folder.path / f"{name.replace('__', '.')}.md"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def shop(folder: Folder, database_url: str) -> Client:
    app = create_app(make_config(database_url=database_url, shop=folder))
    return Client(app, app.response_class, True)


def version(folder: Folder, brand: Brand = BRAND) -> str:
    return documents.read(folder, "terms", brand).version


def order(client: Client, buyer: User, terms: str) -> Any:
    form = {"product": "atlas", "terms": terms}
    return client.as_(buyer).post("/orders", data=form, headers={"HX-Request": "true"})


@on_sqlite
def test_the_owners_terms_are_read_in_each_language_that_has_them(
    folder: Folder, database_url: str, open_shop: None
) -> None:
    client = shop(write(folder, terms=ENGLISH, terms__ru=RUSSIAN, privacy="We keep nothing."), database_url)
    for language, said in {"en": "A lamp &amp; <em>its light</em>.", "ru": "Лампу.", "fa": "A lamp"}.items():
        page = client.get("/terms", headers={"Accept-Language": language}).text
        assert said in page
        assert f"<bdi>{version(folder)}</bdi>" in page
        assert "Telegram is not the seller" not in page
        assert "alert(1)</script>" not in page
    page = client.get("/terms").text
    assert "<td>a lamp</td>" in page
    assert page.count("<h1") == 1
    assert "<h1>The lamp contract</h1>" in page
    assert re.search(r'<img [^>]*alt="a lamp"', page)
    assert "<p>We keep nothing.</p>" in client.get("/privacy").text


def test_the_version_changes_with_the_text_and_with_nothing_else(folder: Folder) -> None:
    ours = version(folder)
    assert ours == version(folder, Brand(name="Another", seller=BRAND.name)) == TERMS_VERSION
    assert version(folder, Brand(seller="Somebody else")) != ours
    write(folder, privacy="We keep nothing.")
    assert version(folder) == ours
    first = version(write(folder, terms=ENGLISH))
    assert version(write(folder, terms="\ufeff" + ENGLISH.replace("\n", "\r\n") + "\r\n")) == first
    assert version(folder, Brand(seller="Somebody else")) == first
    with_russian = version(write(folder, terms__ru=RUSSIAN))
    assert len({ours, first, with_russian, version(write(folder, terms__ru="Иное."))}) == 4
    assert len(first) <= 32  # characters of an order's


def test_our_terms_are_another_version_where_the_owner_writes_the_template(folder: Folder) -> None:
    ours = version(folder)
    (folder.path / "templates").mkdir()
    (folder.path / "templates" / "terms.html").write_text("Be kind.", encoding="utf-8")
    assert version(folder) != ours


@on_sqlite
def test_terms_that_change_are_accepted_once_and_an_open_order_keeps_its_own(
    folder: Folder, database_url: str, app: Flask, alice: User, telegram: Any
) -> None:
    old = shop(write(folder, terms=ENGLISH), database_url)
    seen = version(folder)
    assert order(old, alice, seen).status_code == 200
    [agreed] = db.session.scalars(select(Order))
    new = shop(write(folder, terms=ENGLISH + "\nNo returns.\n"), database_url)
    refused = order(new, alice, seen)
    assert (refused.status_code, "The terms changed" in refused.text) == (409, True)
    arrange.pay(arrange.facts(agreed, "charge-1"))
    receipt = new.as_(alice).get("/purchases/charge-1").text
    assert f'<a href="/terms"><bdi>{seen}</bdi></a>, ' in receipt
    assert version(folder) not in receipt


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ({"terms": b"\xff"}, "terms.md, line 1: text: it is no UTF-8 text"),
        ({"terms": " \n"}, "terms.md, line 1: text: is empty: delete the file, and ours stands."),
        ({"terms": "a\nb\x07c"}, "terms.md, line 2: text: character 2 is U+0007"),
        ({"terms": "x" * 200_001}, "terms.md, line 1: text: is 200001 characters long"),
        ({"terms__ru": RUSSIAN}, "terms.ru.md, line 1: language: there must be a terms.md as well"),
        ({"terms": "a", "terms__tlh": "a"}, "terms.tlh.md, line 1: language: the shop does not speak"),
        ({"privacy__ru": RUSSIAN}, "privacy.ru.md, line 1: language: there must be a privacy.md as well"),
    ],
)
@on_sqlite
def test_a_document_that_cannot_be_used_stops_the_start(
    folder: Folder, database_url: str, texts: dict[str, str | bytes], sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        shop(write(folder, **texts), database_url)
    assert str(refused.value).startswith(sentence)
