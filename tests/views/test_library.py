"""What people own, and the pages that upgrades open."""

import re
from datetime import timedelta
from typing import Any

import pytest

from tests.kit import arrange
from tests.kit.arrange import NOW, buy
from webapp import clock
from webapp.db.models import User
from webapp.db.transactions import transaction
from webapp.domain.catalogue import catalogue
from webapp.domain.sales import billing, refunds
from webapp.domain.sales.billing import Renewal

HTMX = {"HX-Request": "true"}
PERSONAL = ("/upgrades", "/purchases", "/why")
GATED = {
    "/pages/atlas": ("atlas", "The Whirlpool"),
    "/pages/field-notes": ("notes", "Focus on a star"),
    "/pages/tonight": ("week", "The Moon ahead"),
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
        assert "You&#39;re not signed in" in page


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
def test_a_key_that_the_catalogue_forgot_is_listed_by_its_product(client: Any, alice: User) -> None:
    whole = arrange.item("everything", keys=("rehearsals", "atlas"), title="Everything")
    arrange.open_shop(whole, arrange.item("choir", keys=("rehearsals",), title="Sunday Choir"))
    buy(alice, "choir")
    page = client.as_(alice).get("/upgrades", headers=HTMX).text
    assert re.search(r'<a href="/products/choir" .*\n.*<b dir="auto">Sunday Choir</b>', page)
    assert "rehearsals" not in page


def test_a_plan_says_when_it_renews_and_can_be_cancelled_there(client: Any, alice: User) -> None:
    made = arrange.subscribe(alice)
    page = client.as_(alice).get("/upgrades", headers=HTMX).text
    assert page.count("Renews on 31 May") == 2
    assert f'hx-delete="/subscriptions/{made.public_id}/renewal"' in page


@on_sqlite
def test_a_plan_that_is_no_longer_sold_can_still_be_cancelled(client: Any, alice: User) -> None:
    made = arrange.subscribe(alice)
    with transaction():
        catalogue.replace([arrange.ATLAS], NOW)
    page = client.as_(alice).get("/upgrades", headers=HTMX).text
    assert f'id="subscription-{made.public_id}"' in page


@on_sqlite
def test_a_cancelled_plan_is_open_until_its_paid_end(client: Any, alice: User) -> None:
    made = arrange.subscribe(alice)
    with transaction():
        billing.note_state(Renewal(made.public_id, alice.telegram_id, "canceled", 1), NOW)
    assert "Until 31 May" in client.as_(alice).get("/upgrades", headers=HTMX).text


@on_sqlite
def test_a_pass_that_waits_for_a_cancelled_plan_lengthens_what_is_open(client: Any, alice: User) -> None:
    buy(alice, "week")
    made = arrange.subscribe(alice)
    assert "Renews on 31 May" in client.as_(alice).get("/upgrades", headers=HTMX).text
    with transaction():
        billing.note_state(Renewal(made.public_id, alice.telegram_id, "canceled", 1), NOW)
    assert "Until 8 Jun" in client.as_(alice).get("/upgrades", headers=HTMX).text


# Why


def why(client: Any, user: User) -> str:
    return str(client.as_(user).get("/why", headers=HTMX).text)


def test_every_access_is_told_with_its_entries(client: Any, alice: User, bob: User) -> None:
    arrange.pay(arrange.facts(arrange.order(alice), "stx1"))
    arrange.subscribe(alice)
    page = why(client, alice)
    for words in (
        "Unlocked for good.",
        "Atlas, paid with 250 Stars: unlocks it for good.",
        "Unlocked until 1 June 2026, 12:00 UTC.",
        "Plan, paid with 100 Stars: unlocks it until 31 May 2026, 12:00 UTC, and 1 day longer",
        "Plan renews on 31 May.",
        'href="/purchases/stx1"',
    ):
        assert words in page
    assert "Nothing in our records yet" in why(client, bob)


@on_sqlite
def test_what_is_not_open_is_told_as_well(client: Any, alice: User) -> None:
    charge = arrange.pay(arrange.facts(arrange.order(alice)))
    with transaction():
        refunds.request_refund(charge, "asked", requested_by="owner", now=NOW)
    assert "Locked while a refund is in progress." in why(client, alice)
    arrange.settle(charge)
    assert "Locked: what unlocked it was refunded." in why(client, alice)
    arrange.pay(arrange.facts(arrange.order(alice, "notes"), "stx2", payload="not ours"))
    assert "Unlocks nothing yet: the shop is checking what it was for." in why(client, alice)


@on_sqlite
def test_a_key_that_the_catalogue_forgot_is_explained_by_its_product(client: Any, alice: User) -> None:
    arrange.open_shop(arrange.item("choir", keys=("rehearsals",), title="Sunday Choir"))
    buy(alice, "choir")
    assert "Sunday Choir</h2>" in why(client, alice)


@pytest.mark.parametrize("path", GATED)
def test_a_gated_page_opens_for_its_owner_alone(client: Any, alice: User, bob: User, path: str) -> None:
    slug, inside = GATED[path]
    buy(alice, slug)
    assert inside in client.as_(alice).get(path, headers=HTMX).text
    for other in (client, client.as_(bob)):
        page = other.get(path, headers=HTMX).text
        assert inside not in page
        assert "Unlock this page" in page
        assert f'href="/products/{slug}"' in page


@on_sqlite
@pytest.mark.parametrize("path", GATED)
def test_a_locked_page_looks_again_once_the_person_is_known(
    client: Any, open_shop: None, bob: User, path: str
) -> None:
    assert "session:ready" in client.get(path).text
    assert "session:ready" not in client.as_(bob).get(path, headers=HTMX).text


@pytest.mark.proves("S50")
@on_sqlite
def test_a_refund_closes_the_page(client: Any, alice: User) -> None:
    order = arrange.order(alice)
    arrange.decide(arrange.question(order))
    charge = arrange.pay(arrange.facts(order))
    arrange.settle(charge)
    assert "The Whirlpool" not in client.as_(alice).get("/pages/atlas", headers=HTMX).text


@on_sqlite
def test_what_opens_a_page_may_be_off_sale(client: Any, open_shop: None) -> None:
    arrange.open_shop(arrange.WEEK)
    assert "It&#39;s not for sale right now." in client.get("/pages/atlas").text
