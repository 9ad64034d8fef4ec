"""The shop and its products, as a person sees them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from tests.kit import arrange
from tests.kit.arrange import NOW, buy
from tests.kit.factories import TERMS_VERSION
from webapp import clock
from webapp.db.engine import db
from webapp.db.models import User
from webapp.db.transactions import transaction
from webapp.domain.catalogue import catalogue
from webapp.web import assets

HTMX = {"HX-Request": "true"}
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def queries(client: Any, path: str, **options: Any) -> int:
    """Return how many statements a page takes."""
    statements: list[str] = []

    def count(*args: Any) -> None:
        if not args[2].startswith("BEGIN"):
            statements.append(args[2])

    event.listen(db.engine, "before_cursor_execute", count)
    try:
        assert client.get(path, **options).status_code == 200
    finally:
        event.remove(db.engine, "before_cursor_execute", count)
    return len(statements)


def test_the_catalogue_is_in_the_first_html(client: Any, open_shop: None) -> None:
    page = client.get("/").text
    for title in ("Atlas", "Notes", "Week", "Whole-Sky"):
        assert title in page
    assert "250<span" in page
    assert "<title>Lantern &amp; Loom</title>" in page


@on_sqlite
def test_a_document_is_whole_and_a_fragment_is_its_main(client: Any, open_shop: None) -> None:
    document = client.get("/")
    fragment = client.get("/", headers=HTMX)
    assert document.text.startswith("<!doctype html>")
    assert fragment.text.startswith("<title>")
    assert "<html" not in fragment.text
    assert "<style" not in fragment.text
    for response in (document, fragment):
        assert {"HX-Request", "Authorization"} <= set(response.vary)
        assert response.headers["Cache-Control"] == "no-store"


@on_sqlite
def test_the_public_page_is_the_same_for_everyone(client: Any, alice: User, bob: User) -> None:
    buy(alice)
    assert client.as_(alice).get("/").data == client.as_(bob).get("/").data == client.get("/").data


@on_sqlite
def test_a_kept_page_follows_the_catalogue(client: Any, open_shop: None) -> None:
    client.get("/")
    with transaction():
        catalogue.replace([arrange.item(title="Renamed", stars=7)], NOW)
    assert "Renamed" in client.get("/").text
    assert "Week" not in client.get("/").text


@on_sqlite
@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_pages_are_compressed(app: Flask, open_shop: None, encoding: str) -> None:
    client = app.test_client()
    plain = client.get("/")
    packed = client.get("/", headers={"Accept-Encoding": f"deflate, {encoding};q=0.9"})
    assert packed.headers["Content-Encoding"] == encoding
    assert len(packed.data) < len(plain.data) / 2
    assert "Accept-Encoding" in packed.vary


@on_sqlite
def test_an_encoding_that_is_refused_is_not_used(client: Any, open_shop: None) -> None:
    response = client.get("/", headers={"Accept-Encoding": "br;q=0, gzip;q=0.0"})
    assert "Content-Encoding" not in response.headers


def test_what_is_owned_is_shown_on_its_card(client: Any, alice: User) -> None:
    buy(alice)
    page = client.as_(alice).get("/", headers=HTMX).text
    assert re.search(r'id="price-atlas">.*?Unlocked', page, re.DOTALL)
    assert "Unlocked" not in client.get("/", headers=HTMX).text


def test_badges_arrive_out_of_band(client: Any, alice: User) -> None:
    buy(alice)
    buy(alice, "week")
    page = client.as_(alice).get("/me", headers=HTMX).text
    assert 'id="price-atlas" hx-swap-oob="true"' in page
    assert "Until 8 May" in page
    assert "price-notes" not in page


@on_sqlite
def test_badges_are_for_people_with_a_session(client: Any, open_shop: None) -> None:
    assert client.get("/me", headers=HTMX).status_code == 401


@on_sqlite
def test_an_order_that_waits_is_mentioned(client: Any, alice: User) -> None:
    order = arrange.order(alice)
    with transaction():
        order.invoice_link = "https://t.me/$abc"
    assert "You haven&#39;t paid for Atlas yet." in client.as_(alice).get("/me", headers=HTMX).text


def stock(count: int) -> None:
    with transaction():
        catalogue.replace([arrange.item(f"p{n}", section=f"Section {n // 10}") for n in range(count)], NOW)


@on_sqlite
def test_a_thousand_products_come_page_by_page(client: Any, app: Flask) -> None:
    stock(1000)
    address, found = "/", []
    while address:
        page = client.get(address).text
        found += re.findall(r'href="/products/(\w+)"', page)
        address = next(iter(re.findall(r'href="(/\?page=\d+)"', page)), "")
    assert found == [f"p{n}" for n in range(1000)]


@pytest.mark.parametrize("path", ["/", "/?page=2", "/me?page=2", "/shelf?page=2"])
def test_a_page_takes_as_many_queries_of_a_thousand_products(client: Any, alice: User, path: str) -> None:
    stock(60)
    client.as_(alice).get(path, headers=HTMX)  # the bot's name is asked for once
    few = queries(client.as_(alice), path, headers=HTMX)
    stock(1000)
    assert queries(client.as_(alice), path, headers=HTMX) == few


@on_sqlite
def test_the_next_page_comes_alone_to_those_who_scroll(client: Any, alice: User) -> None:
    stock(60)
    buy(alice, "p30")
    fragment = client.as_(alice).get("/shelf?page=2", headers=HTMX).text
    assert re.findall(r'href="/products/(\w+)"', fragment) == [f"p{n}" for n in range(24, 48)]
    assert "Unlocked" in fragment
    assert "Unlocked" not in client.get("/shelf?page=2", headers=HTMX).text
    assert '<h2 dir="auto" class="again">Section 2</h2>' in fragment
    assert "hx-get" not in client.get("/shelf?page=3", headers=HTMX).text
    for number in ("0", "4", "-1", "one", "9" * 30):
        assert client.get(f"/shelf?page={number}", headers=HTMX).status_code == 404


@on_sqlite
def test_a_badge_is_sent_for_what_is_on_the_page_only(client: Any, alice: User) -> None:
    stock(60)
    buy(alice, "p30")
    assert "price-p30" not in client.as_(alice).get("/me", headers=HTMX).text
    assert "price-p30" in client.as_(alice).get("/me?page=2", headers=HTMX).text
    assert "Unlocked" in client.as_(alice).get("/?page=2", headers=HTMX).text


@on_sqlite
@pytest.mark.parametrize("number", ["0", "-1", "2", "99999999999999999999", "1.0", "one", "", "١"])
def test_a_page_that_is_not_there_is_not_found(client: Any, alice: User, number: str) -> None:
    assert client.get(f"/?page={number}").status_code == 404
    assert client.as_(alice).get(f"/me?page={number}", headers=HTMX).status_code == 404
    assert client.get("/").status_code == 200


@on_sqlite
def test_a_start_parameter_leads_to_the_shop_whatever_else_is_said(client: Any, open_shop: None) -> None:
    assert client.get("/?tgWebAppStartParam=gone&page=7").status_code == 200


@on_sqlite
def test_an_empty_shop_says_so(client: Any, app: Flask) -> None:
    assert "Nothing is for sale" in client.get("/").text


def test_a_product_can_be_bought_on_its_page(client: Any, open_shop: None) -> None:
    page = client.get("/products/atlas").text
    assert 'action="/orders"' in page
    assert 'name="product" value="atlas"' in page
    assert '<a href="/terms">terms</a>.' in page
    assert f'name="terms" value="{TERMS_VERSION}"' in page
    assert 'data-main-button="Buy for ⭐ 250"' in page
    assert "One thing" in page


@on_sqlite
@pytest.mark.parametrize("slug", ["gone", "a" * 200, "ATLAS", "..%2f", "<script>"], ids=lambda slug: slug[:9])
def test_an_unknown_product_is_not_found(client: Any, open_shop: None, slug: str) -> None:
    response = client.get(f"/products/{slug}")
    assert response.status_code == 404
    assert "<script>alert" not in response.text


def test_the_first_page_of_the_shop_has_one_address(client: Any, open_shop: None) -> None:
    for path in ("/", "/?page=1"):
        assert 'data-path="/"' in client.get(path).text


def test_a_product_that_went_off_sale_is_not_found(client: Any, open_shop: None) -> None:
    with transaction():
        catalogue.replace([arrange.NOTES], NOW)
    assert client.get("/products/atlas").status_code == 404


def test_an_owner_is_offered_the_way_in(client: Any, alice: User) -> None:
    buy(alice)
    page = client.as_(alice).get("/products/atlas/offer", headers=HTMX).text
    assert "Yours for good" in page
    assert 'href="/pages/atlas"' in page
    assert 'action="/orders"' not in page


@on_sqlite
def test_a_running_pass_can_be_extended(client: Any, alice: User) -> None:
    buy(alice, "week")
    page = client.as_(alice).get("/products/week", headers=HTMX).text
    assert "Yours until 8 May" in page
    assert "Buy again to add 7 days." in page
    assert 'action="/orders"' in page


@on_sqlite
def test_a_pass_that_ended_is_sold_again(client: Any, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    buy(alice, "week")
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=7))
    assert "Yours until" not in client.as_(alice).get("/products/week/offer", headers=HTMX).text


@on_sqlite
def test_an_open_order_is_taken_up_again(client: Any, alice: User, bob: User) -> None:
    order = arrange.order(alice)
    with transaction():
        order.invoice_link = "https://t.me/$abc"
    assert f"/orders/{order.public_id}" in client.as_(alice).get("/products/atlas/offer").text
    assert f"/orders/{order.public_id}" not in client.as_(bob).get("/products/atlas/offer").text


@on_sqlite
@pytest.mark.parametrize(
    ("start", "heading"),
    [
        ("notes", ">Notes</h1>"),
        ("upgrades", "<h1>My upgrades</h1>"),
        ("terms", "<h1>Terms</h1>"),
        ("", ">Lantern &amp; Loom</h1>"),
        ("nothing-of-ours", ">Lantern &amp; Loom</h1>"),
        ("//evil.example", ">Lantern &amp; Loom</h1>"),
        ("https:evil", ">Lantern &amp; Loom</h1>"),
        ("..", ">Lantern &amp; Loom</h1>"),
        ("a" * 600, ">Lantern &amp; Loom</h1>"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_start_parameter_leads_inside_or_home(
    client: Any, open_shop: None, start: str, heading: str
) -> None:
    response = client.get("/", query_string={"tgWebAppStartParam": start})
    assert response.status_code == 200
    assert heading in response.text
    assert "evil" not in response.text


def test_a_page_takes_as_many_queries_whatever_the_shop_holds(client: Any, alice: User) -> None:
    alices = client.as_(alice)
    alices.get("/open")  # the bot's name is asked for once per process
    before = [
        queries(alices, path, headers=HTMX) for path in ("/", "/products/atlas", "/purchases", "/upgrades")
    ]
    more = [arrange.item(f"item-{number}", keys=("field-notes",)) for number in range(30)]
    with transaction():
        catalogue.replace([arrange.ATLAS, arrange.NOTES, arrange.WEEK, *more], NOW)
    for slug in ("atlas", "item-1", "week"):
        buy(alice, slug)
    db.session.expire_all()
    after = [
        queries(alices, path, headers=HTMX) for path in ("/", "/products/atlas", "/purchases", "/upgrades")
    ]
    assert after == before
    assert max(after) <= 5


@on_sqlite
def test_a_kept_page_takes_one_query(client: Any, open_shop: None) -> None:
    client.get("/")
    db.session.remove()
    statements: list[str] = []

    def watch(connection: Any, *_: Any) -> None:
        connection.set_trace_callback(statements.append)

    event.listen(db.engine, "checkout", watch)
    client.get("/")
    event.remove(db.engine, "checkout", watch)
    assert statements == [catalogue.VERSION]


@on_sqlite
def test_product_texts_are_shown_as_text(client: Any, app: Flask) -> None:
    nasty = '"><img onerror=x>{[7*7]}<script>'
    arrange.open_shop(arrange.item(title=nasty[:32], description=nasty, details=(nasty,)))
    for path in ("/", "/products/atlas"):
        page = client.get(path).text
        assert "<img onerror" not in page
        assert "&lt;img onerror=x&gt;" in page


@on_sqlite
def test_scripts_come_from_here_and_telegram_alone(client: Any, open_shop: None) -> None:
    sources = re.findall(r'<script src="([^"]+)"', client.get("/").text)
    assert sources == [
        assets.url("starfront.js"),
        "https://telegram.org/js/telegram-web-app.js",
    ]


@on_sqlite
def test_the_inline_stylesheet_is_the_one_that_the_policy_allows(client: Any, open_shop: None) -> None:
    response = client.get("/")
    style = re.search(r"<style>(.*?)</style>", response.text, re.DOTALL)
    assert style
    assert style[1] == assets.critical_style()
    assert assets.style_hashes()[0] in response.headers["Content-Security-Policy"]


@on_sqlite
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_pages_are_only_read(client: Any, open_shop: None, method: str) -> None:
    for path in ("/", "/products/atlas", "/upgrades"):
        assert getattr(client, method)(path).status_code == 405
