"""What was paid, the receipt for each charge, and giving it back."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.kit import arrange
from tests.kit.arrange import DAY, MONTH, NOW, buy
from tests.kit.factories import TERMS_VERSION
from tests.views.conftest import Telegram, wind
from webapp.db.models import Charge, User
from webapp.db.transactions import transaction
from webapp.domain.sales import charges, quarantine, refunds, subscriptions

pytestmark = pytest.mark.usefixtures("noon")
HTMX = {"HX-Request": "true"}
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOBODYS = ["nothing", "a" * 400, "%F0%9F%8C%8C", "..%2f..", "%ED%A0%80"]


@pytest.fixture(autouse=True)
def returnable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The atlas may be given back within two weeks, the whole sky and the plan too."""
    for name in ("ATLAS", "WHOLE_SKY", "PLAN"):
        item = getattr(arrange, name)
        monkeypatch.setattr(arrange, name, arrange.item(**{**vars(item), "refund_days": 14}))


@pytest.fixture
def charge(alice: User) -> Charge:
    return pay(alice)


def pay(buyer: User, slug: str = "atlas", charge_id: str = "stxAlice1", **choices: bool) -> Charge:
    order = arrange.order(buyer, slug, **choices)
    arrange.decide(arrange.question(order, f"q-{charge_id}"))
    return arrange.pay(arrange.facts(order, charge_id))


def listed(client: Any, user: User) -> str:
    return str(client.as_(user).get("/purchases", headers=HTMX).text)


def look(client: Any, charge_id: str = "stxAlice1", **query: str) -> Any:
    return client.get(f"/refunds/{charge_id}", query_string=query, headers=HTMX)


def give_back(client: Any, charge_id: str = "stxAlice1") -> Any:
    return client.post("/refunds", data={"charge": charge_id}, headers=HTMX)


def want_back(charge: Charge, by: str = "owner") -> None:
    with transaction():
        refunds.request_refund(charge, "asked", requested_by=by, now=NOW)


# The list


def test_every_payment_leads_to_its_receipt(client: Any, alice: User, bob: User, charge: Charge) -> None:
    page = listed(client, alice)
    assert 'href="/purchases/stxAlice1"' in page
    assert "250<span" in page
    assert "1 May 2026" in page
    assert "stxAlice1" not in listed(client, bob)


@on_sqlite
def test_trials_first_payments_and_renewals_are_told_apart(client: Any, alice: User) -> None:
    pay(alice, "plan", "stxTrial", trial=True)
    made = arrange.subscribe(alice, charge_id="stxFirst", at=NOW + DAY)
    arrange.renew(made, "stxSecond", at=NOW + DAY + MONTH)
    pay(alice, "week", "stxOnce", beside_plan=True)
    page = listed(client, alice)
    for charge_id, words in (
        ("stxTrial", "1 May 2026</time> · trial"),
        ("stxFirst", "2 May 2026</time> · first payment"),
        ("stxSecond", "1 June 2026</time> · renewal"),
        ("stxOnce", "1 May 2026</time></small>"),
    ):
        assert words in row(page, charge_id)


def row(page: str, charge_id: str) -> str:
    """Return what stands in the list about one charge."""
    begins = page.index(f'href="/purchases/{charge_id}"')
    following = page.find('<a href="/purchases/', begins)
    return page[begins : following if following > 0 else page.index("restore")]


def test_why_stars_went_back_is_legible(client: Any, alice: User) -> None:
    order = arrange.order(alice, "atlas")
    arrange.pay(arrange.facts(order, "stx1"))
    twice = arrange.pay(arrange.facts(order, "stx2"))
    assert "Refund on its way: 250 Stars." in row(listed(client, alice), "stx2")
    arrange.settle(twice)
    assert "Refunded on 1 May: 250 Stars. Refunded automatically: paid twice." in row(
        listed(client, alice), "stx2"
    )
    for slug, charge_id, by, words in (
        ("notes", "stx3", "owner", "The shop refunded it: asked."),
        ("week", "stx4", "telegram", "Refunded through Telegram."),
        ("plan", "stx5", "buyer", "You asked for this refund."),
    ):
        paid = pay(alice, slug, charge_id, **({"trial": True} if slug == "plan" else {}))
        if by != "telegram":
            want_back(paid, by)
        arrange.settle(paid)
        assert words in row(listed(client, alice), charge_id)


@on_sqlite
def test_a_payment_in_review_is_seen_until_somebody_decided(client: Any, alice: User) -> None:
    arrange.pay(arrange.facts(arrange.order(alice), payload="not ours"))
    assert "under review by the shop" in listed(client, alice)
    with transaction():
        quarantine.grant("charge-1", keys=arrange.KEYS, now=NOW, slug="atlas")
    assert "under review" not in listed(client, alice)


@on_sqlite
def test_an_empty_list_says_what_will_be_there(client: Any, alice: User) -> None:
    assert "No purchases yet" in listed(client, alice)


# The receipt


def test_a_receipt_has_all_that_a_dispute_needs(client: Any, alice: User, charge: Charge) -> None:
    page = client.as_(alice).get("/purchases/stxAlice1", headers=HTMX).text
    for words in (
        "Atlas",
        "250 Stars",
        "1 May 2026, 12:00:00 UTC",
        "stxAlice1",
        charges.get("stxAlice1").order.public_id,
        TERMS_VERSION,
        "@starfront_bot",
        f"Telegram id {alice.telegram_id}",
    ):
        assert words in page
    assert "Refunded" not in page


@on_sqlite
def test_a_receipt_says_when_and_why_its_stars_went_back(client: Any, alice: User, charge: Charge) -> None:
    arrange.settle(charge, at=NOW + DAY)
    page = client.as_(alice).get("/purchases/stxAlice1", headers=HTMX).text
    assert "2 May 2026, 12:00:00 UTC" in page
    assert "Refunded through Telegram." in page
    assert "Refund<small>" not in page


@on_sqlite
def test_a_receipt_of_a_renewal_says_until_when_it_paid(client: Any, alice: User) -> None:
    arrange.renew(arrange.subscribe(alice), "second", at=NOW + MONTH)
    page = client.as_(alice).get("/purchases/second", headers=HTMX).text
    assert "renewal" in page
    assert "30 June 2026, 12:00:00 UTC" in page


@on_sqlite
def test_a_receipt_without_its_order_shows_what_is_left(client: Any, alice: User) -> None:
    arrange.pay(arrange.facts(arrange.order(alice), payload="not ours", currency="EUR"))
    page = client.as_(alice).get("/purchases/charge-1", headers=HTMX).text
    assert "250 EUR" in page
    assert "Order number" not in page


@pytest.mark.proves("S43")
def test_a_receipt_is_its_payers_alone(client: Any, bob: User, charge: Charge) -> None:
    assert client.as_(bob).get("/purchases/stxAlice1", headers=HTMX).status_code == 404
    page = client.get("/purchases/stxAlice1", headers=HTMX)
    assert page.status_code == 200
    assert 'hx-get="/purchases/stxAlice1" hx-trigger="session:ready' in page.text
    assert "250" not in page.text


@pytest.mark.parametrize("charge_id", NOBODYS)
def test_a_receipt_that_does_not_exist_is_not_found(client: Any, alice: User, charge_id: str) -> None:
    assert client.as_(alice).get(f"/purchases/{charge_id}", headers=HTMX).status_code == 404
    assert client.as_(alice).get(f"/refunds/{charge_id}", headers=HTMX).status_code == 404


# Giving back


def test_giving_back_is_asked_about_and_says_what_closes(
    client: Any, alice: User, charge: Charge, telegram: Telegram
) -> None:
    assert "Refund<small>until 15 May</small>" in row(listed(client, alice), "stxAlice1")
    sure = look(client.as_(alice), sure="1").text
    assert "Refund Atlas?" in sure
    assert "You get 250 Stars back." in sure
    assert "You lose access to Deep Sky Atlas right away." in sure
    assert "You can refund this yourself only once" in sure
    assert "Refund<small>" in look(client.as_(alice)).text
    assert telegram.calls == []


def test_giving_back_returns_the_stars_and_closes_the_page(
    client: Any, alice: User, charge: Charge, telegram: Telegram
) -> None:
    page = give_back(client.as_(alice)).text
    assert telegram.asked() == ["refundStarPayment"]
    assert "Refunded on 1 May: 250 Stars. You asked for this refund." in page
    assert "hx-trigger" not in page
    assert "Unlock this page" in client.as_(alice).get("/pages/atlas", headers=HTMX).text


@pytest.mark.proves("S49")
def test_giving_back_twice_is_one_refund(
    client: Any, alice: User, charge: Charge, telegram: Telegram
) -> None:
    first, second = (give_back(client.as_(alice)).text for _tap in range(2))
    assert first == second
    assert telegram.asked() == ["refundStarPayment"]


@on_sqlite
def test_a_refund_that_telegram_did_not_answer_is_on_its_way(
    client: Any, alice: User, charge: Charge, telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    telegram.is_down = True
    page = give_back(client.as_(alice)).text
    assert "Refund on its way: 250 Stars." in page
    assert 'hx-get="/refunds/stxAlice1?seen=unknown-3" hx-trigger="every 3s"' in page
    assert look(client.as_(alice), seen="unknown-3").status_code == 204
    assert 'hx-trigger="every 3s"' in row(listed(client, alice), "stxAlice1")
    wind(monkeypatch, timedelta(minutes=1))
    assert 'hx-trigger="every 30s"' in look(client.as_(alice), seen="unknown-3").text
    arrange.settle(charge)
    assert "Refunded on 1 May: 250 Stars" in look(client.as_(alice), seen="unknown-30").text


@on_sqlite
def test_when_too_many_wait_for_telegram_the_refund_is_kept(
    client: Any, alice: User, charge: Charge, telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    extensions = client.application.extensions
    slots = threading.BoundedSemaphore(0)
    monkeypatch.setitem(extensions, "context", replace(extensions["context"], slots=slots))
    assert "Refund on its way" in give_back(client.as_(alice)).text
    assert telegram.calls == []


@on_sqlite
def test_22_a_refusal_by_telegram_opens_it_again_and_may_be_tried_after_an_hour(
    client: Any, alice: User, charge: Charge, telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    telegram.refuses = "Bad Request: BALANCE_TOO_LOW"
    page = give_back(client.as_(alice)).text
    assert "Telegram refused the refund on 1 May, so you have access again." in page
    assert "Refund<small>" not in page
    assert "BALANCE_TOO_LOW" not in page
    assert "Unlock this page" not in client.as_(alice).get("/pages/atlas", headers=HTMX).text
    telegram.refuses = ""
    wind(monkeypatch, timedelta(hours=1))
    assert "Refund<small>" in listed(client, alice)
    assert "Refunded on 1 May: 250 Stars" in give_back(client.as_(alice)).text


@on_sqlite
def test_giving_a_plan_back_stops_its_renewal_first(client: Any, alice: User, telegram: Telegram) -> None:
    made = arrange.subscribe(alice, charge_id="stxAlice1")
    sure = look(client.as_(alice), sure="1").text
    assert "You lose access to Tonight&#39;s Sky right away." in sure
    assert "The plan won&#39;t renew." in sure
    give_back(client.as_(alice))
    assert telegram.asked() == ["editUserStarSubscription", "refundStarPayment"]
    plan = subscriptions.find(made.public_id)
    assert plan
    assert not plan.renews


@on_sqlite
def test_what_is_open_another_way_stays_open(client: Any, alice: User, telegram: Telegram) -> None:
    pay(alice)
    pay(alice, "whole-sky", "stx2")
    assert "You keep your access: you also have it another way." in look(client.as_(alice), sure="1").text
    arrange.open_shop(arrange.item(**{**vars(arrange.WEEK), "refund_days": 3}))
    pay(alice, "week", "stx3")
    pay(alice, "week", "stx4")
    assert "You keep Tonight&#39;s Sky until 8 May." in look(client.as_(alice), "stx3", sure="1").text


@on_sqlite
def test_after_its_days_it_is_not_offered_and_not_taken(
    client: Any, alice: User, charge: Charge, telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    wind(monkeypatch, 14 * DAY)
    assert "Refund<small>" not in listed(client, alice)
    assert "Refund Atlas?" not in look(client.as_(alice), sure="1").text
    response = give_back(client.as_(alice))
    assert response.status_code == 409
    assert "too late to refund this yourself." in response.text
    assert telegram.calls == []


@on_sqlite
def test_what_was_given_back_before_is_not_offered_and_not_taken(
    client: Any, alice: User, charge: Charge, telegram: Telegram
) -> None:
    give_back(client.as_(alice))
    pay(alice, charge_id="stx2")
    assert "Refund<small>" not in listed(client, alice)
    response = give_back(client.as_(alice), "stx2")
    assert response.status_code == 409
    assert "something that unlocks the same, once." in response.text
    assert telegram.asked() == ["refundStarPayment"]


@on_sqlite
def test_what_has_no_window_is_not_offered(client: Any, alice: User) -> None:
    buy(alice, "notes")
    assert "Refund<small>" not in listed(client, alice)


@pytest.mark.proves("S51")
@on_sqlite
def test_giving_back_has_its_pace(client: Any, alice: User, charge: Charge, telegram: Telegram) -> None:
    telegram.is_down = True
    taps = [give_back(client.as_(alice)).status_code for _tap in range(7)]
    assert taps == [200] * 6 + [429]
    assert len(telegram.calls) == 6


@pytest.mark.proves("S49")
def test_a_strangers_charge_is_not_given_back(
    client: Any, alice: User, bob: User, charge: Charge, telegram: Telegram
) -> None:
    assert give_back(client.as_(bob)).status_code == 404
    assert give_back(client).status_code == 401
    assert look(client.as_(bob)).status_code == 404
    assert look(client).status_code == 401
    assert refunds.find("stxAlice1") is None
    assert telegram.calls == []


@pytest.mark.parametrize("charge_id", [*NOBODYS, ""])
def test_a_charge_that_does_not_exist_is_not_given_back(
    client: Any, alice: User, telegram: Telegram, charge_id: str
) -> None:
    typed = {**HTMX, "Content-Type": "application/x-www-form-urlencoded"}
    assert client.as_(alice).post("/refunds", data=f"charge={charge_id}", headers=typed).status_code == 404
    assert client.as_(alice).post("/refunds", headers=HTMX).status_code == 404
    assert telegram.calls == []
