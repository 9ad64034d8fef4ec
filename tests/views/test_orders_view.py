"""Buying, as the page does it."""

import json
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tests.kit import arrange
from tests.kit.arrange import NOW
from tests.kit.factories import TERMS_VERSION
from tests.views.conftest import Telegram, wind
from webapp.db.engine import db
from webapp.db.models import Charge, Order, User
from webapp.db.transactions import transaction
from webapp.domain.catalogue import catalogue

pytestmark = pytest.mark.usefixtures("noon")
HTMX = {"HX-Request": "true"}
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def tap_buy(client: Any, **changes: str) -> Any:
    form = {"product": "atlas", "terms": TERMS_VERSION, **changes}
    return client.post("/orders", data=form, headers=HTMX)


def opened(buyer: User) -> Order:
    order = arrange.order(buyer)
    with transaction():
        order.invoice_link = "https://t.me/$abc"
    return order


def pay(order: Order) -> Charge:
    arrange.decide(arrange.question(order))
    return arrange.pay(arrange.facts(order))


def look(client: Any, order: Order, **query: str) -> Any:
    return client.get(f"/orders/{order.public_id}", query_string=query, headers=HTMX)


def test_buying_opens_an_invoice(client: Any, alice: User, telegram: Telegram) -> None:
    response = tap_buy(client.as_(alice))
    told = json.loads(response.headers["HX-Trigger"])["order:opened"]
    assert response.status_code == 200
    assert told["link"] == "https://t.me/$inv1"
    assert f'id="order-{told["order"]}"' in response.text
    assert "Waiting for your payment" in response.text
    assert 'hx-trigger="every 1s' in response.text


def test_a_tap_asks_nothing_twice(client: Any, alice: User, telegram: Telegram) -> None:
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    tap_buy(client.as_(alice))
    event.remove(db.engine, "before_cursor_execute", note)
    of_orders = [statement.split()[0] for statement in asked if " orders" in statement]
    assert of_orders == ["SELECT", "INSERT", "UPDATE"]
    assert len([statement for statement in asked if not statement.startswith("BEGIN")]) <= 9


@pytest.mark.proves("F34")
def test_buying_twice_is_one_invoice(client: Any, alice: User, telegram: Telegram) -> None:
    first, second = (tap_buy(client.as_(alice)).headers["HX-Trigger"] for _tap in range(2))
    assert first == second
    assert len(telegram.calls) == 1


def test_43_an_outage_of_telegram_leaves_no_place_taken(
    client: Any, alice: User, telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    extensions = client.application.extensions
    slots = threading.BoundedSemaphore(1)
    monkeypatch.setitem(extensions, "context", replace(extensions["context"], slots=slots))
    telegram.is_down = True
    assert [tap_buy(client.as_(alice)).status_code for _tap in range(3)] == [503] * 3
    telegram.is_down = False
    assert tap_buy(client.as_(alice)).status_code == 200


def test_43_nobody_asks_for_more_than_six_invoices_a_minute(
    client: Any, alice: User, bob: User, telegram: Telegram
) -> None:
    telegram.is_down = True  # an order that has a link already asks for none
    answers = [tap_buy(client.as_(alice)).status_code for _tap in range(7)]
    assert answers == [*[503] * 6, 429]
    assert len(telegram.calls) == 6
    telegram.is_down = False
    assert tap_buy(client.as_(bob)).status_code == 200


@pytest.mark.proves("S42")
@on_sqlite
def test_the_server_decides_about_the_price(client: Any, alice: User, telegram: Telegram) -> None:
    tap_buy(client.as_(alice), stars="1", price="1", currency="EUR", telegram_id="1", quantity="-3")
    [(_method, invoice)] = telegram.calls
    assert invoice["prices"] == [{"label": "Atlas", "amount": 250}]
    assert invoice["currency"] == "XTR"


@on_sqlite
@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"product": ""}, 404, "no longer in the shop"),
        ({"product": "nothing"}, 404, "no longer in the shop"),
        ({"product": "x" * 5000}, 404, "no longer in the shop"),
        ({"terms": ""}, 409, "The terms changed"),
        ({"terms": "1999-01"}, 409, "The terms changed"),
    ],
    ids=["none", "unknown", "long", "no terms", "old terms"],
)
def test_what_cannot_be_bought_is_said_in_place(
    client: Any, alice: User, telegram: Telegram, changes: dict[str, str], status: int, words: str
) -> None:
    response = tap_buy(client.as_(alice), **changes)
    assert response.status_code == status
    assert words in response.text
    assert response.text.strip().startswith('<div id="said"')
    assert telegram.calls == []


@on_sqlite
def test_what_went_off_sale_is_not_sold(client: Any, alice: User, telegram: Telegram) -> None:
    with transaction():
        catalogue.replace([arrange.NOTES], NOW)
    response = tap_buy(client.as_(alice))
    assert response.status_code == 409
    assert "for sale right now" in response.text


@on_sqlite
def test_buying_needs_a_session(client: Any, open_shop: None, telegram: Telegram) -> None:
    response = tap_buy(client)
    assert response.status_code == 401
    assert 'href="/open"' in response.text
    assert telegram.calls == []


def test_telegram_out_of_reach_is_said_where_the_person_tapped(
    client: Any, alice: User, telegram: Telegram
) -> None:
    telegram.is_down = True
    response = tap_buy(client.as_(alice))
    assert response.status_code == 503
    assert "Telegram is busy" in response.text
    assert int(response.headers["Retry-After"]) >= 1


def test_paying_ends_the_waiting(client: Any, alice: User) -> None:
    order = opened(alice)
    assert "hx-trigger" in look(client.as_(alice), order).text
    pay(order)
    shown = look(client.as_(alice), order).text
    assert "Unlocked" in shown
    assert 'href="/pages/atlas"' in shown
    assert 'id="price-atlas" hx-swap-oob="true"' in shown
    assert "every" not in shown


@on_sqlite
def test_who_comes_back_to_a_page_sees_what_went_back_meanwhile(client: Any, alice: User) -> None:
    order = opened(alice)
    charge = pay(order)
    shown = look(client.as_(alice), order).text
    assert 'seen=paid-1" hx-trigger="order:ask from:body"' in shown
    assert look(client.as_(alice), order, seen="paid-1").status_code == 204
    arrange.settle(charge)
    shown = look(client.as_(alice), order, seen="paid-1").text
    assert "back in your balance" in shown
    assert 'id="price-atlas" hx-swap-oob="true"><svg class="star"' in shown


@pytest.mark.proves("S44")
@on_sqlite
@pytest.mark.parametrize("claim", ["paid", "pending"])
def test_what_the_client_claims_unlocks_nothing(client: Any, alice: User, claim: str) -> None:
    shown = look(client.as_(alice), opened(alice), told=claim).text
    assert "Telegram is confirming" in shown
    assert "Unlocked" not in shown
    assert "hx-trigger" in shown


@on_sqlite
@pytest.mark.parametrize("claim", ["paid", "pending"])
def test_a_claim_is_remembered_until_the_ledger_says_more(client: Any, alice: User, claim: str) -> None:
    order = opened(alice)
    assert 'seen=pending-1"' in look(client.as_(alice), order, told=claim).text
    assert look(client.as_(alice), order, seen="pending-1").status_code == 204
    pay(order)
    assert "Unlocked" in look(client.as_(alice), order, seen="pending-1").text


@on_sqlite
def test_a_failed_payment_gets_help_and_may_be_repeated(client: Any, alice: User) -> None:
    shown = look(client.as_(alice), opened(alice), told="failed").text
    assert "didn&#39;t go through" in shown
    assert "Not enough Stars?" in shown
    assert 'href="/products/notes"' in shown
    assert 'href="https://t.me/$abc"' in shown
    assert "hx-trigger" in shown  # a payment may have gone through all the same


@on_sqlite
def test_a_closed_sheet_is_not_believed_either(client: Any, alice: User) -> None:
    order = opened(alice)
    assert "Not paid yet" in look(client.as_(alice), order, told="cancelled").text
    pay(order)
    assert "Unlocked" in look(client.as_(alice), order, told="cancelled").text


@on_sqlite
def test_an_approved_payment_is_being_confirmed(client: Any, alice: User) -> None:
    order = opened(alice)
    arrange.decide(arrange.question(order))
    assert "Telegram is confirming" in look(client.as_(alice), order, told="cancelled").text


@on_sqlite
@pytest.mark.parametrize("told", ["<script>", "paid'", "x" * 3000, "refunded"])
def test_an_unknown_claim_is_ignored(client: Any, alice: User, told: str) -> None:
    shown = look(client.as_(alice), opened(alice), told=told)
    assert shown.status_code == 200
    assert "Waiting for your payment" in shown.text
    assert "<script" not in shown.text


@on_sqlite
def test_nothing_is_sent_while_nothing_changes(client: Any, alice: User) -> None:
    order = opened(alice)
    assert 'seen=waiting-1"' in look(client.as_(alice), order).text
    again = look(client.as_(alice), order, seen="waiting-1")
    assert (again.status_code, again.data) == (204, b"")


@on_sqlite
def test_waiting_slows_down(client: Any, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    order = opened(alice)
    wind(monkeypatch, timedelta(seconds=29))
    assert 'hx-trigger="every 1s' in look(client.as_(alice), order).text
    wind(monkeypatch, timedelta(seconds=30))
    assert 'hx-trigger="every 3s' in look(client.as_(alice), order, seen="waiting-1").text


@on_sqlite
def test_43_a_payment_under_way_is_waited_for_as_long_as_its_question_holds(
    client: Any, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = opened(alice)
    with transaction():
        order.reserved_until = NOW + timedelta(seconds=60)
    for seconds, phase in ((0, "confirming"), (59, "confirming"), (60, "waiting")):
        wind(monkeypatch, timedelta(seconds=seconds))
        assert f"seen={phase}-" in look(client.as_(alice), order).text


@on_sqlite
def test_an_order_expires(client: Any, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    order = opened(alice)
    wind(monkeypatch, timedelta(minutes=16))
    shown = look(client.as_(alice), order).text
    assert "This order has expired" in shown
    assert 'href="/products/atlas"' in shown
    assert "hx-trigger" not in shown


@on_sqlite
def test_a_replaced_order_says_so(client: Any, alice: User) -> None:
    order = opened(alice)
    with transaction():
        order.closed_at = NOW
    assert "replaced" in look(client.as_(alice), order).text


@on_sqlite
def test_a_refund_is_shown_on_the_order(client: Any, alice: User) -> None:
    order = opened(alice)
    arrange.decide(arrange.question(order))
    charge = arrange.pay(arrange.facts(order))
    arrange.settle(charge)
    shown = look(client.as_(alice), order).text
    assert "250 Stars are back in your balance" in shown
    assert "hx-trigger" not in shown


@pytest.mark.proves("S43")
def test_a_stranger_cannot_see_the_order(client: Any, alice: User, bob: User) -> None:
    order = opened(alice)
    assert look(client.as_(bob), order).status_code == 404
    assert client.as_(bob).post(f"/orders/{order.public_id}/check").status_code == 404
    assert look(client, order).status_code == 401


@pytest.mark.parametrize("public_id", ["nothing", "a" * 400, "%F0%9F%8C%8C", "..%2f.."])
def test_an_order_that_does_not_exist_is_not_found(client: Any, alice: User, public_id: str) -> None:
    assert client.as_(alice).get(f"/orders/{public_id}", headers=HTMX).status_code == 404


@pytest.mark.proves("S44")
def test_i_paid_asks_telegram_once_a_minute(client: Any, alice: User, telegram: Telegram) -> None:
    order = opened(alice)
    address = f"/orders/{order.public_id}/check"
    first, second = (client.as_(alice).post(address, headers=HTMX) for _tap in range(2))
    assert "Telegram has no payment for this order yet" in first.text
    assert second.status_code == 429
    assert "Retry-After" in second.headers
    assert [method for method, _params in telegram.calls] == ["getStarTransactions"]
