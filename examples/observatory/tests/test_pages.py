"""The pages that this shop calculates, sold and opened, in every language that it has."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask_migrate import upgrade

from tests import sentences
from tests.conftest import Client
from tests.kit import arrange
from tests.kit.factories import make_config, opened
from webapp import create_app
from webapp.db.models import User
from webapp.i18n import languages
from webapp.i18n.languages import FOLDER
from webapp.shop import brand_file, catalogue_file, documents
from webapp.shop.folder import Folder

HERE = Path(__file__).parent.parent
HTMX = {"HX-Request": "true"}
PAGES = {
    "/atlas": ("deep-sky-atlas", "The Whirlpool"),
    "/tonight": ("tonight-week", "The Moon ahead"),
    "/field-notes": ("night-photography", "Focus on a star"),
}
FILES = sorted((HERE / "translations").glob("*.po"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The shop of this folder on a file of its own, open, with its whole catalogue for sale."""
    file = tmp_path_factory.mktemp("observatory") / "shop.db"
    config = make_config(database_url=f"sqlite:///{file}", shop=Folder(HERE))
    with opened(create_app(config)) as app:
        upgrade(revision="heads")
        arrange.open_shop(*catalogue_file.read(Folder(HERE)).items)
        yield Client(app, app.response_class, True)


@pytest.fixture(scope="module")
def alice(shop: Any) -> User:
    """Alice, who bought all three."""
    alice = arrange.meet(arrange.ALICE, first_name="Alice")
    for slug, _inside in PAGES.values():
        arrange.pay(arrange.facts(arrange.order(alice, slug), f"stx-{slug}"))
    return alice


@pytest.fixture(scope="module")
def bob(shop: Any) -> User:
    return arrange.meet(arrange.BOB, first_name="Bob")


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.clock.now", lambda: arrange.NOW)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_for_its_buyer_alone(shop: Any, alice: User, bob: User, path: str) -> None:
    slug, inside = PAGES[path]
    assert inside in shop.as_(alice).get(path, headers=HTMX).text
    for other in (shop, shop.as_(bob)):
        page = other.get(path, headers=HTMX).text
        assert inside not in page
        assert "Unlock this page" in page
        assert f'href="/products/{slug}"' in page


def test_a_start_parameter_shows_the_page_under_its_own_address(shop: Any, alice: User) -> None:
    page = shop.as_(alice).get("/?tgWebAppStartParam=field-notes", headers=HTMX).text
    assert "Focus on a star" in page
    assert 'data-path="/field-notes" data-start="field-notes"' in page


def test_the_atlas_holds_twenty_charts_and_its_stylesheet(shop: Any, alice: User) -> None:
    page = shop.as_(alice).get("/atlas", headers=HTMX).text
    assert page.count("Finder chart for") == 20
    [sheet] = re.findall(r'rel="stylesheet" href="(/static/shop/night\.\w+\.css)"', page)
    assert re.search(r"(?m)^\.night ?\{", shop.get(sheet).text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_sentence_is_translated(file: Path) -> None:
    known = {sentences.texts(one.id)[0]: one for one in sentences.opened(file) if one.id}
    wanted = {sentences.texts(one.id)[0] for one in sentences.extracted_beside(HERE) if one.id}
    assert known.keys() == wanted, "make messages, then translate what is new"
    names = {"Starfront Observatory"}  # the same in every language
    assert {key for key, one in known.items() if not all(sentences.texts(one.string))} == names
    assert list(languages.problems(sentences.opened(file))) == []


def test_the_shop_has_a_name_of_its_own() -> None:
    assert brand_file.read(Folder(HERE)).name == "Starfront Observatory"


def test_the_shop_speaks_all_of_them() -> None:
    assert {file.name for file in FILES} == {file.name for file in FOLDER.glob("*.po")}


@pytest.mark.parametrize("code", [file.stem for file in FILES])
def test_every_page_is_wholly_in_its_language(shop: Any, alice: User, code: str) -> None:
    arrange.speaks(alice, code)
    ours = [one.id for one in sentences.extracted_beside(HERE) if one.id]
    said = [text for message in ours for text in sentences.texts(message) if "%(" not in text]
    translated = [text for text in said if languages.all_()[code].say(text) != text]
    english = [text for text in translated if len(text) > 11 and " " in text]
    for path in PAGES:
        page = shop.as_(alice).get(path, headers=HTMX).text
        assert [text for text in english if text in page] == [], path


def test_its_terms_are_its_own_in_every_language() -> None:
    folder = Folder(HERE)
    terms = documents.read(folder, "terms", brand_file.read(folder))
    assert set(terms.texts) == {"", "es", "fa", "ru"}
    assert "night sky" in terms.texts[""]
