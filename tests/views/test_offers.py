"""What a person is offered: a plan, its trial, another tier, a pass beside it, or the way in."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from tests.kit import arrange
from tests.kit.arrange import BIG_PLAN, DAY, MONTH, NOW, PLAN, buy
from tests.kit.factories import TERMS_VERSION
from tests.views.conftest import Telegram, wind
from webapp.db.models import Order, User
from webapp.db.transactions import transaction
from webapp.domain.sales import billing, subscriptions
from webapp.domain.sales.billing import Renewal

pytestmark = [
    pytest.mark.usefixtures("noon"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
HTMX = {"HX-Request": "true"}


def offer(client: Any, buyer: User, slug: str = "plan") -> str:
    page = client.as_(buyer).get(f"/products/{slug}/offer", headers=HTMX)
    assert page.status_code == 200
    return str(page.text)


def choices(page: str) -> list[str]:
    """Return the ids of the buttons that make an order."""
    return re.findall(r'<button class="button[^"]*" id="(buy|try)"', page)


def cancel(made: Order) -> None:
    with transaction():
        billing.note_state(Renewal(made.public_id, made.telegram_id, "canceled", 1), NOW + DAY)


def tap(client: Any, **form: str) -> Any:
    form = {"product": "plan", "terms": TERMS_VERSION, **form}
    return client.post("/orders", data=form, headers=HTMX)


def test_a_price_that_comes_back_is_spelled_for_eye_and_ear(client: Any, open_shop: None) -> None:
    for path in ("/", "/products/plan"):
        price = re.search(r'id="price-plan">(.*?)</span>\n?(</div>|</p>)', client.get(path).text, re.DOTALL)
        assert price
        heard = re.sub(r"<span[^>]*aria-hidden.*?</span>|<[^>]+>", "", price[1])
        seen = re.sub(r'<span class="sr">.*?</span>|<[^>]+>', "", price[1])
        assert heard.split() == ["100", "Stars", "every", "30", "days"]
        assert seen.split() == ["100/", "30", "days"]
    assert "every 30 days" not in client.get("/products/atlas").text


def test_a_plan_says_what_it_takes_before_anybody_is_known(client: Any, open_shop: None) -> None:
    page = client.get("/products/plan").text
    assert "Telegram charges 100 Stars now and every 30 days until you cancel." in page
    assert 'data-main-button="Subscribe: ⭐ 100 / 30 days"' in page
    assert choices(page) == ["buy", "try"]
    assert choices(client.get("/products/big-plan").text) == ["buy"]


def test_a_plans_public_page_is_the_same_for_everyone(client: Any, alice: User, bob: User) -> None:
    arrange.subscribe(alice)
    pages = [one.get("/products/plan").data for one in (client, client.as_(alice), client.as_(bob))]
    assert len(set(pages)) == 1


def test_subscribing_opens_an_invoice_that_comes_back(client: Any, alice: User, telegram: Telegram) -> None:
    response = tap(client.as_(alice))
    assert response.status_code == 200
    [(_method, invoice)] = telegram.calls
    assert (invoice["subscription_period"], invoice["prices"][0]["amount"]) == (2_592_000, 100)
    assert "every 30 days" in client.as_(alice).get(opened(response), headers=HTMX).text


def opened(response: Any) -> str:
    """Return where the order is seen whose sheet the person just closed."""
    order = json.loads(response.headers["HX-Trigger"])["order:opened"]["order"]
    return f"/orders/{order}?told=cancelled"


def test_a_trial_is_paid_once_and_never_renews(client: Any, alice: User, telegram: Telegram) -> None:
    assert tap(client.as_(alice), trial="1").status_code == 200
    [(_method, invoice)] = telegram.calls
    assert "subscription_period" not in invoice
    assert invoice["prices"][0]["amount"] == 10


@pytest.mark.parametrize(("slug", "trial"), [("atlas", "1"), ("big-plan", "1")])
def test_there_is_no_trial_of_anything_else(
    client: Any, alice: User, telegram: Telegram, slug: str, trial: str
) -> None:
    assert tap(client.as_(alice), product=slug, trial=trial).status_code == 404
    assert telegram.calls == []


@pytest.mark.parametrize("nonsense", ["0", "yes", "1" * 3000])
def test_nonsense_is_no_wish_for_a_trial(client: Any, alice: User, telegram: Telegram, nonsense: str) -> None:
    assert tap(client.as_(alice), trial=nonsense, beside_plan=nonsense).status_code == 200
    assert telegram.calls[0][1]["prices"][0]["amount"] == 100


def test_a_trial_is_offered_once(client: Any, alice: User, telegram: Telegram) -> None:
    assert "Try it 7 days for" in offer(client, alice)
    made = arrange.order(alice, "plan", trial=True)
    arrange.pay(arrange.facts(made))
    page = offer(client, alice)
    assert choices(page) == ["buy"]
    assert "Yours until 8 May" in page
    assert "the remaining days wait until the plan ends" in page
    again = tap(client.as_(alice), trial="1")
    assert (again.status_code, "you&#39;ve had yours" in again.text) == (409, True)
    paid = client.as_(alice).get(f"/orders/{made.public_id}", headers=HTMX).text
    assert "Your trial of Plan has started" in paid
    assert "You have it for 7 days. It doesn&#39;t renew." in paid


def test_somebody_who_had_the_plan_is_offered_no_trial(
    client: Any, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel(arrange.subscribe(alice))
    wind(monkeypatch, MONTH + 2 * DAY)
    page = offer(client, alice)
    assert "Ended on 1 Jun" in page
    assert choices(page) == ["buy"]


def test_a_subscriber_sees_the_plan_and_the_way_in(client: Any, alice: User) -> None:
    made = arrange.subscribe(alice)
    page = offer(client, alice)
    assert "Renews on 31 May" in page
    assert "Plan: 100 Stars then, and every 30 days until you cancel." in page
    assert f'hx-delete="/subscriptions/{made.public_id}/renewal"' in page
    assert 'data-main-button="Open Tonight&#39;s Sky"' in page
    assert choices(page) == []
    paid = client.as_(alice).get(f"/orders/{made.public_id}", headers=HTMX).text
    assert "It renews on 31 May, then every 30 days until you cancel under My upgrades." in paid


def test_the_card_of_a_running_plan_says_until_when(client: Any, alice: User) -> None:
    arrange.subscribe(alice)
    mine = client.as_(alice).get("/me", headers=HTMX).text
    assert re.search(r'id="price-plan" hx-swap-oob="true">.*?Until 31 May', mine, re.DOTALL)
    assert "price-big-plan" not in mine
    assert re.search(r'id="price-week" hx-swap-oob="true">.*?Until 1 Jun', mine, re.DOTALL)


def test_a_pass_is_no_plan(client: Any, alice: User) -> None:
    buy(alice, "week")
    assert "price-plan" not in client.as_(alice).get("/me", headers=HTMX).text
    assert choices(offer(client, alice)) == ["buy", "try"]


def test_a_plan_in_its_grace_after_cancelling_can_be_begun_anew(
    client: Any, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel(arrange.subscribe(alice))
    wind(monkeypatch, MONTH)
    page = offer(client, alice)
    assert page.count("Yours until 1 Jun") == page.count("Yours until") == 1
    assert choices(page) == ["buy"]


def test_changing_tier_says_what_becomes_of_both_before_anybody_pays(client: Any, alice: User) -> None:
    small = arrange.subscribe(alice)
    page = offer(client, alice, "big-plan")
    assert "If you switch plans" in page
    assert "Plan won&#39;t renew. You keep it until 31 May." in page
    assert "Big-Plan starts today and renews on 31 May." in page
    assert "adds nothing you don&#39;t already have" not in page
    arrange.subscribe(alice, "big-plan", charge_id="second", at=NOW + timedelta(minutes=1))
    replaced = subscriptions.find(small.public_id)
    assert replaced
    assert replaced.wish == "cancel"


def test_changing_to_a_smaller_tier_says_that_it_opens_nothing_yet(client: Any, alice: User) -> None:
    arrange.subscribe(alice, "big-plan")
    page = offer(client, alice)
    assert "Big-Plan won&#39;t renew. You keep it until 31 May." in page
    assert "Until then it adds nothing you don&#39;t already have." in page


def test_a_cancelled_tier_is_said_to_be_so(client: Any, alice: User) -> None:
    cancel(arrange.subscribe(alice))
    assert "Plan is already cancelled. You keep it until 31 May." in offer(client, alice, "big-plan")


def test_a_pass_beside_a_plan_is_a_choice_of_its_own(client: Any, alice: User, telegram: Telegram) -> None:
    arrange.subscribe(alice)
    page = offer(client, alice, "week")
    assert "Included in your plan" in page
    assert "A pass you buy now starts when Plan ends." in page
    assert 'name="beside_plan" value="1"' in page
    assert 'data-main-button="Open Tonight&#39;s Sky"' in page
    assert 'data-main-button="Buy' not in page
    refused = tap(client.as_(alice), product="week")
    assert (refused.status_code, "Your plan already includes this" in refused.text) == (409, True)
    assert tap(client.as_(alice), product="week", beside_plan="1").status_code == 200


def test_a_plan_that_opens_something_else_is_not_mentioned(client: Any, alice: User) -> None:
    arrange.subscribe(alice)
    assert "plan" not in re.sub(r"<[^>]+>", "", offer(client, alice, "notes"))


@pytest.mark.parametrize("slug", ["plan", "week"])
def test_what_is_open_for_good_is_not_sold_again(client: Any, alice: User, slug: str) -> None:
    arrange.open_shop(PLAN, BIG_PLAN, arrange.WEEK, arrange.item("skies", keys=("tonight",)))
    buy(alice, "skies")
    page = offer(client, alice, slug)
    assert "Yours for good" in page
    assert choices(page) == []


def test_what_can_be_given_back_says_so_before_it_is_paid(client: Any, open_shop: None) -> None:
    assert "refund within" not in client.get("/products/atlas").text
    arrange.open_shop(arrange.item(refund_days=14))
    assert "Full refund within 14 days." in client.get("/products/atlas").text


def test_short_of_stars_nobody_is_led_to_a_plan(client: Any, alice: User) -> None:
    made = arrange.order(alice, "big-plan")
    with transaction():
        made.invoice_link = "https://t.me/$abc"
    page = client.as_(alice).get(f"/orders/{made.public_id}?told=failed", headers=HTMX).text
    assert 'href="/products/atlas"' in page
    assert 'href="/products/plan"' not in page


def test_a_payment_that_goes_back_by_itself_says_why(client: Any, alice: User) -> None:
    made = arrange.order(alice, "atlas")
    buy(alice, "whole-sky")
    charge = arrange.pay(arrange.facts(made))
    page = client.as_(alice).get(f"/orders/{made.public_id}", headers=HTMX).text
    assert "on their way back" in page
    assert "Refunded automatically: paid twice." in page
    arrange.settle(charge)
    page = client.as_(alice).get(f"/orders/{made.public_id}", headers=HTMX).text
    assert "Refunded automatically: paid twice. 250 Stars are back" in page
