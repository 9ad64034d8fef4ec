"""Restoring purchases: what is missing is looked for in Telegram's own records."""

from typing import Any

import pytest

from tests.kit import arrange
from tests.kit.arrange import NOW
from tests.views.conftest import Telegram
from webapp.db.models import Order, User

pytestmark = pytest.mark.usefixtures("noon")
HTMX = {"HX-Request": "true"}
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def restore(client: Any, page: str = "purchases") -> Any:
    return client.post("/restorations", data={"page": page}, headers=HTMX)


def missed(order: Order, charge_id: str = "stx1", *, side: str = "source") -> dict[str, Any]:
    """Return a row of Telegram's statement about a payment that nobody told us of."""
    partner = {
        "type": "user",
        "transaction_type": "invoice_payment",
        "user": {"id": order.telegram_id, "is_bot": False, "first_name": "Alice"},
        "invoice_payload": order.payload,
    }
    return {"id": charge_id, "amount": order.stars, "date": int(NOW.timestamp()), side: partner}


@pytest.mark.proves("F18")
@pytest.mark.parametrize(("page", "heading"), [("purchases", "Purchases"), ("upgrades", "My upgrades")])
def test_what_telegram_knows_and_we_did_not_is_found_and_shown(
    client: Any, alice: User, telegram: Telegram, page: str, heading: str
) -> None:
    telegram.statement = [missed(arrange.order(alice))]
    shown = restore(client.as_(alice), page).text
    assert f"<h1>{heading}</h1>" in shown
    assert f'data-path="/{page}"' in shown
    assert "Found: Atlas." in shown
    assert ("Yours for good" if page == "upgrades" else 'href="/purchases/stx1"') in shown
    assert "Unlock this page" not in client.as_(alice).get("/pages/atlas", headers=HTMX).text


@on_sqlite
def test_a_refund_that_was_missed_is_found_too(client: Any, alice: User, telegram: Telegram) -> None:
    order = arrange.order(alice)
    arrange.pay(arrange.facts(order, "stx1"))
    telegram.statement = [missed(order), missed(order, side="receiver")]
    shown = restore(client.as_(alice)).text
    assert "Found: 1 refund." in shown
    assert "Found: Atlas" not in shown


@on_sqlite
def test_when_nothing_is_missing_it_says_so(client: Any, alice: User, telegram: Telegram) -> None:
    shown = restore(client.as_(alice)).text
    assert "Just checked with Telegram: nothing is missing." in shown
    assert telegram.asked() == ["getStarTransactions"]


@on_sqlite
def test_what_belongs_to_somebody_else_is_not_told(
    client: Any, alice: User, bob: User, telegram: Telegram
) -> None:
    telegram.statement = [missed(arrange.order(bob, "notes"))]
    shown = restore(client.as_(alice)).text
    assert "nothing is missing" in shown
    assert "Notes" not in shown


@on_sqlite
def test_looking_twice_within_a_minute_is_once(client: Any, alice: User, telegram: Telegram) -> None:
    restore(client.as_(alice))
    again = restore(client.as_(alice))
    assert again.status_code == 429
    assert int(again.headers["Retry-After"]) >= 1
    assert 'id="said"' in again.text
    assert telegram.asked() == ["getStarTransactions"]


@on_sqlite
def test_telegram_out_of_reach_is_said_where_the_person_tapped(
    client: Any, alice: User, telegram: Telegram
) -> None:
    telegram.is_down = True
    response = restore(client.as_(alice))
    assert response.status_code == 503
    assert "Telegram is busy" in response.text


@on_sqlite
def test_nobody_restores_for_nobody(client: Any, open_shop: None, telegram: Telegram) -> None:
    assert restore(client).status_code == 401
    assert telegram.calls == []


@on_sqlite
@pytest.mark.parametrize("page", ["", "nothing", "x" * 5000, "https://evil.example"])
def test_an_unknown_page_is_the_purchases(client: Any, alice: User, telegram: Telegram, page: str) -> None:
    shown = restore(client.as_(alice), page)
    assert shown.status_code == 200
    assert "<h1>Purchases</h1>" in shown.text
    assert "evil" not in shown.text
