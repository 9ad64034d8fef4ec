"""What people own, and the pages that upgrades open."""

from datetime import timedelta
from typing import Any

import pytest

from tests import arrange
from tests.arrange import NOW
from tests.views.test_shop import buy
from webapp import clock
from webapp.domain import refunds
from webapp.extensions import transaction
from webapp.models import User

HTMX = {"HX-Request": "true"}
PERSONAL = ("/upgrades", "/purchases")
GATED = {
    "/atlas": ("atlas", "The Whirlpool"),
    "/field-notes": ("notes", "Focus on a star"),
    "/tonight": ("week", "The Moon ahead"),
}
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrange, "NOTES", arrange.item("notes", stars=120, keys=("field-notes",)))


@on_sqlite
@pytest.mark.parametrize("path", PERSONAL)
def test_a_personal_page_waits_for_the_session(client: Any, open_shop: None, path: str) -> None:
    for headers in ({}, HTMX):
        page = client.get(path, headers=headers).text
        assert f'hx-get="{path}" hx-trigger="session:ready' in page
        assert "data-viewer" not in page
        assert "Open this in Telegram" in page


@on_sqlite
@pytest.mark.parametrize("path", PERSONAL)
def test_a_personal_page_names_whose_it_is(client: Any, alice: User, path: str) -> None:
    page = client.as_(alice).get(path, headers=HTMX).text
    assert f'data-viewer="{alice.telegram_id}"' in page
    assert "hx-trigger" not in page


@on_sqlite
@pytest.mark.parametrize("path", [*PERSONAL, *GATED])
def test_a_bad_bearer_is_refused_everywhere(client: Any, open_shop: None, path: str) -> None:
    response = client.get(path, headers={**HTMX, "Authorization": "Bearer nonsense"})
    assert response.status_code == 401


def test_upgrades_are_listed_with_their_end(client: Any, alice: User, bob: User) -> None:
    buy(alice)
    buy(alice, "week")
    page = client.as_(alice).get("/upgrades", headers=HTMX).text
    assert "Deep Sky Atlas" in page
    assert "Yours for good" in page
    assert "Until 8 May" in page
    assert "Nothing here yet" in client.as_(bob).get("/upgrades", headers=HTMX).text


@on_sqlite
def test_a_pass_leaves_the_list_when_it_ends(
    client: Any, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy(alice, "week")
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=7))
    assert "Nothing here yet" in client.as_(alice).get("/upgrades", headers=HTMX).text


@on_sqlite
def test_what_opens_elsewhere_is_listed_by_its_key(client: Any, alice: User) -> None:
    arrange.open_shop(arrange.item("choir", keys=("rehearsals",)))
    buy(alice, "choir")
    assert "rehearsals" in client.as_(alice).get("/upgrades", headers=HTMX).text


def test_purchases_are_receipts(client: Any, alice: User, bob: User) -> None:
    order = arrange.order(alice)
    arrange.decide(arrange.question(order))
    arrange.pay(arrange.facts(order, "stxAlice1"))
    page = client.as_(alice).get("/purchases", headers=HTMX).text
    assert "stxAlice1" in page
    assert "250<span" in page
    assert "1 May 2026" in page
    assert "stxAlice1" not in client.as_(bob).get("/purchases", headers=HTMX).text


def test_a_refund_is_seen_on_its_receipt(client: Any, alice: User) -> None:
    order = arrange.order(alice)
    arrange.decide(arrange.question(order))
    charge = arrange.pay(arrange.facts(order))
    with transaction():
        refunds.request(charge, "asked", requested_by="owner", now=NOW)
    assert "Refund under way" in client.as_(alice).get("/purchases", headers=HTMX).text
    arrange.settle(charge)
    assert "Refunded on 1 May" in client.as_(alice).get("/purchases", headers=HTMX).text


@on_sqlite
def test_a_parked_payment_is_seen_too(client: Any, alice: User) -> None:
    arrange.pay(arrange.facts(arrange.order(alice), payload="not ours"))
    assert "Being looked into" in client.as_(alice).get("/purchases", headers=HTMX).text


@pytest.mark.parametrize("path", GATED)
def test_a_gated_page_opens_for_its_owner_alone(client: Any, alice: User, bob: User, path: str) -> None:
    slug, inside = GATED[path]
    buy(alice, slug)
    assert inside in client.as_(alice).get(path, headers=HTMX).text
    for other in (client, client.as_(bob)):
        page = other.get(path, headers=HTMX).text
        assert inside not in page
        assert "Opens with an upgrade" in page
        assert f'href="/products/{slug}"' in page


@on_sqlite
@pytest.mark.parametrize("path", GATED)
def test_a_locked_page_looks_again_once_the_person_is_known(
    client: Any, open_shop: None, bob: User, path: str
) -> None:
    assert "session:ready" in client.get(path).text
    assert "session:ready" not in client.as_(bob).get(path, headers=HTMX).text


@on_sqlite
def test_a_refund_closes_the_page(client: Any, alice: User) -> None:
    order = arrange.order(alice)
    arrange.decide(arrange.question(order))
    charge = arrange.pay(arrange.facts(order))
    arrange.settle(charge)
    assert "The Whirlpool" not in client.as_(alice).get("/atlas", headers=HTMX).text


@on_sqlite
def test_what_opens_a_page_may_be_off_sale(client: Any, open_shop: None) -> None:
    arrange.open_shop(arrange.WEEK)
    assert "It is not for sale at the moment." in client.get("/atlas").text


@on_sqlite
def test_the_atlas_holds_twenty_charts(client: Any, alice: User) -> None:
    buy(alice)
    page = client.as_(alice).get("/atlas", headers=HTMX).text
    assert page.count("Finder chart for") == 20
