"""Support, terms, privacy, the way into Telegram, and pages that are not there."""

from typing import Any

import pytest
from flask import Flask

from tests.kit import arrange
from tests.kit.factories import TERMS_VERSION, make_config
from webapp import create_app

HTMX = {"HX-Request": "true"}
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
pytestmark = on_sqlite


@pytest.mark.parametrize("path", ["/support", "/terms", "/privacy", "/open"])
def test_help_needs_no_session(client: Any, open_shop: None, path: str) -> None:
    assert client.get(path).status_code == 200
    assert client.get(path, headers=HTMX).text.startswith("<title>")


def test_support_points_to_paysupport_where_somebody_reads_it(
    app: Flask, database_url: str, open_shop: None
) -> None:
    answered = create_app(make_config(database_url=database_url, owner_ids=frozenset({1})))
    page = answered.test_client().get("/support").text
    assert "/paysupport" in page
    assert "https://t.me/starfront_bot" in page


def test_support_names_the_contact(app: Flask, database_url: str) -> None:
    named = create_app(make_config(database_url=database_url, support_contact="help@shop.test"))
    assert "help@shop.test" in named.test_client().get("/support").text


def test_the_terms_say_which_they_are(client: Any, open_shop: None) -> None:
    page = client.get("/terms").text
    assert f"Version <bdi>{TERMS_VERSION}</bdi>" in page
    assert "Stars" in page


def test_the_way_into_telegram_carries_the_start_parameter(client: Any, open_shop: None) -> None:
    page = client.get("/open", query_string={"startapp": "atlas"}).text
    assert 'href="https://t.me/starfront_bot?startapp=atlas"' in page


@pytest.mark.parametrize("start", ["//evil", "a b", '"><script>', "é", "x" * 513, "a\n"])
def test_a_bad_start_parameter_is_left_away(client: Any, open_shop: None, start: str) -> None:
    page = client.get("/open", query_string={"startapp": start}).text
    assert 'href="https://t.me/starfront_bot?startapp"' in page
    assert "evil" not in page


def test_before_the_first_release_there_is_no_link_yet(client: Any, app: Flask) -> None:
    page = client.get("/open").text
    assert "https://t.me/" not in page
    assert "Find the shop" in page


@pytest.mark.parametrize("path", ["/nothing", "/products", "/.env", "/static/nothing.js"])
def test_what_is_not_there_is_said_kindly(client: Any, open_shop: None, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert "There&#39;s nothing here." in response.text
    assert 'href="/"' in response.text


def test_inside_a_swap_only_the_sentence_is_sent(client: Any, open_shop: None) -> None:
    response = client.get("/nothing", headers=HTMX)
    assert response.text.strip().startswith('<div id="said"')


def test_the_bots_name_is_asked_once(client: Any, open_shop: None, app: Flask) -> None:
    client.get("/open")
    assert app.extensions["bot_username"] == "starfront_bot"
    arrange.open_shop()
