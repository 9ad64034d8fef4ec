"""Who may do what, for every route, method and kind of visitor; T26, S24 are names of the failure model."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select

from tests.kit import arrange
from tests.kit.arrange import ALICE, BOB, DAY
from tests.kit.factories import TERMS_VERSION, make_init_data
from tests.kit.shared import app, config, database_url, postgresql_place, sqlite_place
from webapp import clock
from webapp.db.engine import db
from webapp.db.models import Logout, Order, User
from webapp.db.transactions import transaction
from webapp.domain.people import sessions, users
from webapp.domain.people.keys import KeyRing
from webapp.domain.sales import orders, subscriptions
from webapp.web.guards import COOKIE

__all__ = ["app", "config", "database_url", "postgresql_place", "sqlite_place"]

MALLORY = 1003
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND")
# nobody; Alice, whose order it is; Bob; Mallory, who is banned; Alice a day ago; somebody who signed
# a session with another key; Alice with nothing but her cookie; Mallory with nothing but hers
VISITORS = ("anonymous", "alice", "bob", "banned", "expired", "forged", "cookie", "banned cookie")
COOKIES = {"cookie": ALICE, "banned cookie": MALLORY}
ANYBODY = (200,) * 8
# A bearer that is no good is told so; without one, a page about nobody in particular is shown.
PERSONAL = (200, 200, 200, 401, 401, 401, 200, 200)
SIGNED_IN = (401, 200, 200, 401, 401, 401, 200, 401)
TOUCHING = (401, 200, 200, 401, 401, 401, 401, 401)
EXPECTED = {
    ("GET", "/"): ANYBODY,
    ("GET", "/products/<slug>"): ANYBODY,
    ("GET", "/products/<slug>/offer"): SIGNED_IN,
    ("POST", "/products/<slug>/share"): (401, 503, 503, 401, 401, 401, 401, 401),
    ("GET", "/shelf"): PERSONAL,
    ("GET", "/me"): SIGNED_IN,
    ("GET", "/upgrades"): PERSONAL,
    ("GET", "/purchases"): PERSONAL,
    ("GET", "/purchases/<path:charge_id>"): (200, 200, 404, 401, 401, 401, 200, 200),
    ("GET", "/why"): PERSONAL,
    ("GET", "/pages/<name>"): PERSONAL,
    ("GET", "/support"): ANYBODY,
    ("GET", "/terms"): ANYBODY,
    ("GET", "/privacy"): ANYBODY,
    ("GET", "/open"): ANYBODY,
    ("GET", "/language"): ANYBODY,
    ("GET", "/settings"): ANYBODY,
    ("POST", "/orders"): TOUCHING,
    ("GET", "/orders/<public_id>"): (401, 200, 404, 401, 401, 401, 200, 401),
    # Nobody plays Telegram here, so the one who may look into its statement hears that it is busy.
    ("POST", "/orders/<public_id>/check"): (401, 503, 404, 401, 401, 401, 401, 401),
    # Once a minute altogether: Alice had her look just above.
    ("POST", "/restorations"): (401, 429, 503, 401, 401, 401, 401, 401),
    ("GET", "/subscriptions/<public_id>"): (401, 200, 404, 401, 401, 401, 200, 401),
    ("DELETE", "/subscriptions/<public_id>/renewal"): (401, 200, 404, 401, 401, 401, 401, 401),
    ("PUT", "/subscriptions/<public_id>/renewal"): (401, 200, 404, 401, 401, 401, 401, 401),
    ("GET", "/refunds/<path:charge_id>"): (401, 200, 404, 401, 401, 401, 200, 401),
    # The atlas here is sold without days in which its buyer may give it back.
    ("POST", "/refunds"): (401, 409, 404, 401, 401, 401, 401, 401),
    # Each with a launch of their own, as good as their session.
    ("POST", "/session"): (401, 200, 200, 401, 401, 401, 401, 401),
    # A choice without a session is kept in the browser alone.
    ("POST", "/language"): (303, 303, 303, 401, 401, 401, 303, 303),
    ("POST", "/settings/news"): TOUCHING,
    ("GET", "/settings/forgetting"): SIGNED_IN,
    ("DELETE", "/session"): (401, 204, 204, 401, 401, 401, 401, 401),
    ("DELETE", "/me"): TOUCHING,
    ("DELETE", "/sessions"): (401, 204, 204, 401, 401, 401, 401, 401),
    # No session opens what belongs to Telegram and to the owner.
    ("POST", "/telegram/webhook"): (401,) * 8,
    ("GET", "/metrics"): (404,) * 8,
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/favicon.ico"): ANYBODY,
    ("GET", "/apple-touch-icon.png"): ANYBODY,
    ("GET", "/apple-touch-icon-precomposed.png"): ANYBODY,
    ("GET", "/robots.txt"): ANYBODY,
    ("GET", "/previews/<stem>.<version>.png"): ANYBODY,
    ("GET", "/proxies"): (404,) * 8,
    ("GET", "/readyz"): (503,) * 8,  # no bot is at work
}
GATES = {
    "/pages/<name>": "atlas",
    "/pages/atlas": "atlas",
    "/pages/tonight": "tonight",
    "/pages/field-notes": "notes",
}


@pytest.fixture
def order(alice: User, bob: User, monkeypatch: pytest.MonkeyPatch) -> Order:
    """Alice's order; she owns the atlas and has a plan, and Mallory may not come in."""
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    arrange.meet(MALLORY, first_name="Mallory")
    arrange.pay(arrange.facts(arrange.order(alice, "atlas", now=now), charged_at=now), now=now)
    for buyer in (bob, alice):
        made = arrange.order(buyer, "week", now=now)
        with transaction():
            orders.remember_link(made, f"https://t.me/${buyer.telegram_id}")
    arrange.subscribe(alice, at=now)
    with transaction():
        users.ban(MALLORY, now)
    return made


def token(app: Flask, telegram_id: int, **changes: Any) -> str:
    now = clock.now()
    epoch = db.session.scalar(select(User.session_epoch).where(User.telegram_id == telegram_id))
    facts = {"bot_id": 7342037359, "auth_at": now, "keys": app.extensions["keys"], "now": now}
    return sessions.mint(telegram_id, epoch or 0, **{**facts, **changes})


def credentials(app: Flask, visitor: str) -> dict[str, str]:
    """Return the headers that a visitor sends beside their cookies."""
    ago = clock.now() - 2 * DAY
    made = {
        "alice": lambda: f"Bearer {token(app, ALICE)}",
        "bob": lambda: f"Bearer {token(app, BOB)}",
        "banned": lambda: f"Bearer {token(app, MALLORY)}",
        "expired": lambda: f"Bearer {token(app, ALICE, now=ago, auth_at=ago)}",
        "forged": lambda: f"Bearer {token(app, ALICE, keys=KeyRing.of('Zt7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4'))}",
    }
    return {"Authorization": made[visitor]()} if visitor in made else {}


def launch(visitor: str) -> str:
    """Return the launch that a visitor has, as good as their session."""
    now = int(clock.now().timestamp())
    people = {"alice": ALICE, "bob": BOB, "banned": MALLORY, "expired": ALICE, "forged": ALICE}
    if visitor not in people:
        return ""
    at = now - 2 * 86400 if visitor == "expired" else now
    raw = make_init_data({"id": people[visitor], "first_name": "Alice"}, at)
    return raw[:-1] + ("0" if raw[-1] != "0" else "1") if visitor == "forged" else raw


def ask(app: Flask, client: Any, method: str, rule: str, visitor: str, order: Order) -> Any:
    public_id = subscriptions.list_for(ALICE)[0].public_id if "subscriptions" in rule else order.public_id
    path = rule.replace("<slug>", "atlas").replace("<public_id>", public_id)
    path = path.replace("<path:charge_id>", "charge-1").replace("<name>", "atlas")
    path = path.replace("<stem>.<version>", "hero.0123456789")
    form = {"product": "week", "terms": TERMS_VERSION, "beside_plan": "1", "charge": "charge-1"}
    form |= {"code": "fa", "wanted": "no"}
    if rule == "/session" and method == "POST":
        form = {"init_data": launch(visitor)}
    if visitor in COOKIES:
        client.set_cookie(COOKIE, token(app, COOKIES[visitor]), domain="shop.test", secure=True)
    return client.open(
        path,
        method=method,
        data=form if method == "POST" else None,
        headers=credentials(app, visitor),
        base_url="https://shop.test",
        environ_overrides={"REMOTE_ADDR": f"203.0.113.{VISITORS.index(visitor)}"},
    )


def everything() -> str:
    """Return all that a visitor could have changed; that they were counted is no change."""
    kept = [table for table in db.metadata.sorted_tables if table.name != "rate_limits"]
    rows = {table.name: sorted(map(repr, db.session.execute(table.select()))) for table in kept}
    db.session.commit()
    return str(rows)


def routes(app: Flask) -> set[tuple[str, str]]:
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }


@pytest.mark.proves("T26")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_t26_every_route_says_whom_it_is_for(app):
    """A new route fails here until it has a row above."""
    assert routes(app) == set(EXPECTED)


@pytest.mark.proves("I27", "S43", "T26")
@pytest.mark.parametrize("visitor", VISITORS)
def test_t26_everybody_may_do_what_is_written_and_no_more(app, client, order, visitor):
    before = everything()
    for (method, rule), statuses in EXPECTED.items():
        expected = statuses[VISITORS.index(visitor)]
        answer = ask(app, client, method, rule, visitor, order)
        assert answer.status_code == expected, (method, rule)
        # A launch refreshes the name of whoever it is of, even of somebody who may not come in.
        if method == "GET" or (expected >= 400 and rule != "/session"):
            assert everything() == before, (method, rule)
        else:
            with transaction():
                db.session.execute(delete(Logout))  # who logged out has come back
            before = everything()
        if method == "GET":
            assert ask(app, client, "HEAD", rule, visitor, order).status_code == expected, rule
        if expected in {401, 404}:
            assert not [name for name, _ in answer.headers if name == "Set-Cookie"], (method, rule)


@pytest.mark.proves("T26")
@pytest.mark.parametrize("visitor", VISITORS)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_t26_every_other_method_is_refused(app, client, order, visitor):
    allowed: dict[str, set[str]] = {}
    for method, rule in EXPECTED:
        allowed.setdefault(rule, {"OPTIONS"}).update({method, "HEAD"} if method == "GET" else {method})
    before = everything()
    for rule, methods in allowed.items():
        for method in set(METHODS) - methods:
            answer = ask(app, client, method, rule, visitor, order)
            assert answer.status_code == 405, (method, rule)
            assert set(answer.headers["Allow"].split(", ")) == methods, (method, rule)
        told = ask(app, client, "OPTIONS", rule, visitor, order)
        assert (told.status_code, set(told.headers["Allow"].split(", "))) == (200, methods), rule
    assert everything() == before


@pytest.mark.proves("T26")
@pytest.mark.parametrize("visitor", VISITORS)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_t26_what_does_not_exist_exists_for_nobody(app, client, order, visitor):
    for path in ("/admin", "/orders/", "/products", "/static", "/session/1", "/.env", "/me/"):
        for method in METHODS:
            answer = client.open(path, method=method, headers=credentials(app, visitor))
            assert answer.status_code in {404, 405}, (method, path)
            assert "Location" not in answer.headers, (method, path)


@pytest.mark.proves("I27", "S50", "T26")
@pytest.mark.parametrize("visitor", VISITORS)
def test_t26_what_was_bought_opens_to_the_buyer_alone(app, client, order, visitor):
    for rule, product in GATES.items():
        page = ask(app, client, "GET", rule, visitor, order)
        is_open = visitor in {"alice", "cookie"} and product != "notes"
        if page.status_code == 200:
            assert ("Unlock this page" not in page.text) == is_open, rule
    for rule in ("/purchases", "/purchases/<path:charge_id>", "/why"):
        page = ask(app, client, "GET", rule, visitor, order).text
        assert ("250" in page) == (visitor in {"alice", "cookie"}), rule


@pytest.mark.proves("S24")
@pytest.mark.parametrize("visitor", ["cookie", "banned cookie"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_s24_a_cookie_changes_nothing(app, client, order, visitor):
    before = everything()
    for method, rule in EXPECTED:
        if method != "GET":
            answer = ask(app, client, method, rule, visitor, order)
            assert answer.status_code == (303 if rule == "/language" else 401), (method, rule)
    assert everything() == before
