"""The owner's Markdown pages: locked with a preview, open to those who hold what opens them."""

import re
from typing import Any

import pytest

from tests.kit import arrange
from tests.kit.arrange import NOW, buy
from webapp import clock
from webapp.db.models import User
from webapp.shop import reserved
from webapp.shop.destinations import Address, Chat
from webapp.shop.openings import Opening
from webapp.views import shop

HTMX = {"HX-Request": "true"}
SECRET = "The Whirlpool"
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def test_a_page_is_locked_with_its_first_part_and_what_opens_it(client: Any, alice: User, bob: User) -> None:
    buy(bob)
    for visitor in (client, client.as_(alice)):
        page = visitor.get("/pages/atlas", headers=HTMX).text
        assert '<h1 dir="auto">Deep Sky Atlas</h1>' in page
        assert "Everybody may read this" in page
        assert SECRET not in page
        assert "M51" not in page
        assert "Unlock this page" in page
        assert 'href="/products/atlas"' in page


def test_a_page_is_open_to_whoever_holds_its_key_whole(client: Any, alice: User) -> None:
    buy(alice)
    page = client.as_(alice).get("/pages/atlas", headers=HTMX).text
    assert "Unlock this page" not in page
    assert f"<h2>{SECRET}</h2>" in page
    assert re.search(r'<img src="/static/pictures/deep-sky-atlas\.[0-9a-f]{10}\.svg"', page)
    assert '<td align="right">110′</td>' in page
    assert 'href="/pages/field-notes"' in page
    assert "<pre><code>M51" in page
    assert page.count("Everybody may read this") == 1


def test_a_page_without_marks_shows_its_first_paragraph_or_what_comes_before_its_second_heading(
    client: Any, open_shop: None
) -> None:
    assert "in one sentence" in client.get("/pages/tonight").text
    assert "The Moon ahead" not in client.get("/pages/tonight").text
    assert "everybody knows" in client.get("/pages/field-notes").text
    assert "Magnify it" not in client.get("/pages/field-notes").text


def test_a_page_is_read_in_the_language_of_whoever_reads(client: Any, alice: User) -> None:
    buy(alice)
    arrange.speaks(alice, "ru")
    page = client.as_(alice).get("/pages/atlas", headers=HTMX).text
    assert '<h1 dir="auto">Атлас глубокого неба</h1>' in page
    assert "<h2>Водоворот</h2>" in page
    arrange.speaks(alice, "es")  # for which there is none
    page = client.as_(alice).get("/pages/atlas", headers=HTMX).text
    assert f"<h2>{SECRET}</h2>" in page


def test_a_locked_page_looks_again_once_the_person_is_known(client: Any, open_shop: None, bob: User) -> None:
    again = 'hx-get="/pages/atlas" hx-trigger="session:ready'
    assert again in client.get("/pages/atlas").text
    assert again not in client.as_(bob).get("/pages/atlas", headers=HTMX).text


@pytest.mark.parametrize(
    "name", ["nothing", "Atlas", "atlas.md", "atlas.ru", "..%2fcatalog", "%2e%2e", "a%00b", "x" * 5000, "é"]
)
def test_a_page_that_no_entitlement_opens_is_not_there(client: Any, open_shop: None, name: str) -> None:
    assert client.get(f"/pages/{name}").status_code in {400, 404}


def test_a_start_parameter_leads_to_the_page_unless_a_product_is_called_so(
    client: Any, open_shop: None
) -> None:
    def path(start: str) -> str:
        page = client.get("/", query_string={"tgWebAppStartParam": start}).text
        return re.search(r'data-path="([^"]*)"', page)[1]  # type: ignore[index]

    extensions = client.application.extensions
    extensions["openings"] = {"sky": extensions["openings"]["atlas"]}
    assert path("sky") == "/pages/atlas"
    assert path("page_sky") == "/pages/atlas"
    assert 'data-start="page_atlas"' in client.get("/pages/atlas").text
    assert path("atlas") == "/products/atlas"
    assert path("page_gone") == "/"


def test_what_leads_outside_has_its_address_wherever_it_is_offered(client: Any, alice: User) -> None:
    club = Opening("atlas", "The <Club>", "hero.svg", Address("https://club.example/?a=1&b=2"))
    talk = Opening("tonight", "Talk", "hero.svg", Chat())
    client.application.extensions["openings"] = {"atlas": club, "tonight": talk}
    order = arrange.order(alice)
    arrange.pay(arrange.facts(order, "stx1"))
    buy(alice, "week")
    mine = client.as_(alice)
    upgrades = mine.get("/upgrades", headers=HTMX).text
    assert 'href="https://club.example/?a=1&amp;b=2"' in upgrades
    assert "The &lt;Club&gt;" in upgrades
    assert 'href="https://t.me/starfront_bot"' in upgrades
    for path in ("/products/atlas", f"/orders/{order.public_id}", "/purchases/stx1"):
        page = mine.get(path, headers=HTMX).text
        assert 'href="https://club.example/?a=1&amp;b=2" data-personal data-main-button="Open The' in page, (
            path
        )
        assert "<Club>" not in page


def test_names_of_the_shops_own_pages_are_reserved(app: Any) -> None:
    assert set(shop.TARGETS) <= reserved.START_TARGETS
    rules = [rule for rule in app.url_map.iter_rules() if not rule.endpoint.startswith("plugin.")]
    assert {rule.rule.split("/")[1] for rule in rules} - {""} == reserved.PATHS - {"static"}
