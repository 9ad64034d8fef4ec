"""Renewal turned off and on again by the person who pays for it."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.kit import arrange
from tests.kit.arrange import DAY, MONTH, NOW
from tests.views.conftest import Telegram, wind
from webapp.db.models import Order, Subscription, User
from webapp.db.transactions import transaction
from webapp.domain.owner import withdrawals
from webapp.domain.sales import billing, renewals, subscriptions
from webapp.domain.sales.billing import Renewal

pytestmark = pytest.mark.usefixtures("noon")
HTMX = {"HX-Request": "true"}
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOBODYS = ["nothing", "a" * 400, "%F0%9F%8C%8C", "..%2f..", "%ED%A0%80"]


@pytest.fixture
def made(alice: User) -> Order:
    """Alice's plan, a moment old."""
    return arrange.subscribe(alice)


def plan(made: Order) -> Subscription:
    found = subscriptions.find(made.public_id)
    assert found
    return found


def look(client: Any, made: Order, **query: str) -> Any:
    return client.get(f"/subscriptions/{made.public_id}", query_string=query, headers=HTMX)


def cancel(client: Any, made: Order) -> Any:
    return client.delete(f"/subscriptions/{made.public_id}/renewal", headers=HTMX)


def resume(client: Any, made: Order) -> Any:
    return client.put(f"/subscriptions/{made.public_id}/renewal", headers=HTMX)


def note(made: Order, state: str, *, update_id: int = 10) -> None:
    with transaction():
        billing.note_state(Renewal(made.public_id, made.telegram_id, state, update_id), NOW)


def test_cancelling_stops_the_renewal_at_telegram_and_keeps_what_is_paid(
    client: Any, alice: User, made: Order, telegram: Telegram
) -> None:
    page = cancel(client.as_(alice), made).text
    expected = {"user_id": alice.telegram_id, "telegram_payment_charge_id": "first", "is_canceled": True}
    assert telegram.calls == [("editUserStarSubscription", expected)]
    assert "Cancelled" in page
    assert "You keep Plan until 31 May. You won&#39;t be charged again." in page
    assert "hx-trigger" not in page
    assert f'hx-put="/subscriptions/{made.public_id}/renewal"' in page
    assert "Unlock this page" not in client.as_(alice).get("/pages/tonight", headers=HTMX).text


def test_cancelling_twice_is_one_cancellation(
    client: Any, alice: User, made: Order, telegram: Telegram
) -> None:
    first, second = (cancel(client.as_(alice), made).text for _tap in range(2))
    assert first == second
    assert len(telegram.calls) == 1


def test_nothing_is_called_cancelled_before_telegram_agrees(
    client: Any, alice: User, made: Order, telegram: Telegram
) -> None:
    telegram.is_down = True
    response = cancel(client.as_(alice), made)
    assert response.status_code == 200
    assert "Telegram hasn&#39;t confirmed yet" in response.text
    assert "Cancelled" not in response.text
    assert f'hx-get="/subscriptions/{made.public_id}?seen=cancelling-2" hx-trigger="every 2s' in response.text
    assert look(client.as_(alice), made, seen="cancelling-2").status_code == 204
    with transaction():
        renewals.mark_done(plan(made), "cancel", NOW)
    assert "Cancelled" in look(client.as_(alice), made, seen="cancelling-2").text


@on_sqlite
def test_waiting_slows_down(
    client: Any, alice: User, made: Order, telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    telegram.is_down = True
    cancel(client.as_(alice), made)
    wind(monkeypatch, timedelta(minutes=1))
    assert 'hx-trigger="every 10s' in look(client.as_(alice), made, seen="cancelling-2").text


@on_sqlite
def test_a_refused_cancellation_says_that_it_still_renews(
    client: Any, alice: User, made: Order, telegram: Telegram
) -> None:
    telegram.refuses = "Bad Request: CHARGE_ID_INVALID"
    page = cancel(client.as_(alice), made).text
    assert "Telegram didn&#39;t accept the cancellation, so the plan still renews." in page
    assert "Renews on 31 May" in page
    assert "CHARGE_ID_INVALID" not in page
    assert "hx-trigger" not in page


def test_letting_it_renew_is_only_a_permission(
    client: Any, alice: User, made: Order, telegram: Telegram
) -> None:
    cancel(client.as_(alice), made)
    page = resume(client.as_(alice), made).text
    assert telegram.calls[-1][1]["is_canceled"] is False
    assert "Cancelled" in page
    assert "turn it on in Telegram: Settings, My Stars, Plan." in page
    assert 'hx-trigger="every 5s, order:ask from:body"' in page
    note(made, "active")
    shown = look(client.as_(alice), made, seen="cancelled-5").text
    assert "Renews on 31 May" in shown
    assert "hx-trigger" not in shown


@on_sqlite
def test_a_page_that_was_forgotten_stops_looking_by_itself(
    client: Any,
    alice: User,
    made: Order,
    telegram: Telegram,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cancel(client.as_(alice), made)
    resume(client.as_(alice), made)
    wind(monkeypatch, timedelta(minutes=10))
    assert 'hx-trigger="order:ask from:body"' in look(client.as_(alice), made, seen="cancelled-5").text


@on_sqlite
def test_what_the_person_turned_off_in_telegram_only_they_turn_on(
    client: Any, alice: User, made: Order, telegram: Telegram
) -> None:
    note(made, "canceled")
    page = look(client.as_(alice), made).text
    assert "Only you can do that; this page updates on its own." in page
    assert "hx-put" not in page


@on_sqlite
def test_a_refused_permission_leaves_it_cancelled(
    client: Any, alice: User, made: Order, telegram: Telegram
) -> None:
    cancel(client.as_(alice), made)
    telegram.refuses = "Bad Request: CHARGE_ID_INVALID"
    page = resume(client.as_(alice), made).text
    assert "Telegram didn&#39;t turn renewal back on. The plan stays cancelled." in page
    assert "hx-put" in page


@on_sqlite
def test_permission_that_is_not_answered_yet_is_said_so(
    client: Any, alice: User, made: Order, telegram: Telegram
) -> None:
    cancel(client.as_(alice), made)
    telegram.is_down = True
    page = resume(client.as_(alice), made).text
    assert "Turning renewal back on for Plan. Telegram hasn&#39;t confirmed yet." in page
    assert 'hx-trigger="every 2s' in page


@on_sqlite
def test_what_is_no_longer_sold_is_not_let_to_renew(
    client: Any, alice: User, made: Order, telegram: Telegram
) -> None:
    cancel(client.as_(alice), made)
    with transaction():
        withdrawals.replace_catalogue([arrange.ATLAS], NOW)
    page = look(client.as_(alice), made).text
    assert "It&#39;s no longer sold, so it can&#39;t renew." in page
    assert "hx-put" not in page
    assert resume(client.as_(alice), made).status_code == 409
    assert telegram.calls[-1][1]["is_canceled"] is True


@on_sqlite
def test_a_renewal_that_is_late_or_failed_says_what_to_do(
    client: Any, alice: User, made: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    wind(monkeypatch, MONTH)
    late = look(client.as_(alice), made).text
    assert "Plan was due on 31 May" in late
    assert "Meanwhile you keep it until 1 Jun." in late
    note(made, "failed")
    failed = look(client.as_(alice), made).text
    assert "Renewal failed" in failed
    assert "Telegram couldn&#39;t charge 100 Stars for Plan. You keep it until 1 Jun." in failed
    assert "Top up your Stars in Telegram" in failed
    assert "hx-delete" in failed


@on_sqlite
def test_a_plan_that_ended_is_over(
    client: Any, alice: User, made: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    wind(monkeypatch, MONTH + DAY)
    page = look(client.as_(alice), made).text
    assert "Ended on 1 Jun" in page
    assert "hx-" not in page


@on_sqlite
def test_changing_ones_mind_has_its_pace(client: Any, alice: User, made: Order, telegram: Telegram) -> None:
    telegram.is_down = True
    taps = [cancel(client.as_(alice), made) for _tap in range(7)]
    assert [tap.status_code for tap in taps] == [200] * 6 + [429]
    assert "Retry-After" in taps[-1].headers
    assert 'id="said"' in taps[-1].text
    assert len(telegram.calls) == 6


@on_sqlite
def test_when_too_many_wait_for_telegram_the_wish_is_kept(
    client: Any, alice: User, made: Order, telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    extensions = client.application.extensions
    slots = threading.BoundedSemaphore(0)
    monkeypatch.setitem(extensions, "context", replace(extensions["context"], slots=slots))
    assert "Telegram hasn&#39;t confirmed yet" in cancel(client.as_(alice), made).text
    assert plan(made).wish == "cancel"
    assert telegram.calls == []


@pytest.mark.proves("S43")
def test_a_strangers_plan_does_not_exist(
    client: Any, alice: User, bob: User, made: Order, telegram: Telegram
) -> None:
    for do in (look, cancel, resume):
        assert do(client.as_(bob), made).status_code == 404
        assert do(client, made).status_code == 401
    assert plan(made).wish is None
    assert telegram.calls == []


@pytest.mark.parametrize("public_id", NOBODYS)
def test_a_plan_that_does_not_exist_is_not_found(client: Any, alice: User, public_id: str) -> None:
    alices = client.as_(alice)
    assert alices.get(f"/subscriptions/{public_id}", headers=HTMX).status_code == 404
    assert alices.delete(f"/subscriptions/{public_id}/renewal", headers=HTMX).status_code == 404
    assert alices.put(f"/subscriptions/{public_id}/renewal", headers=HTMX).status_code == 404


@on_sqlite
def test_what_a_page_says_it_has_seen_is_only_compared(client: Any, alice: User, made: Order) -> None:
    for seen in ("", "<script>", "x" * 3000):
        shown = look(client.as_(alice), made, seen=seen)
        assert shown.status_code == 200
        assert "<script" not in shown.text
