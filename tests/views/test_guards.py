"""Who is asking; the names S15 to S31 are those of the failure model."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, Response, g, request
from sqlalchemy import event

from tests.kit import arrange
from tests.kit.arrange import ALICE, BOB, MINUTE, NOW
from webapp import clock
from webapp.db.engine import db
from webapp.db.models import User
from webapp.db.transactions import transaction
from webapp.domain.people import sessions, users
from webapp.domain.people.keys import KeyRing
from webapp.web import guards
from webapp.web.guards import COOKIE, signed_in

BOT_ID = 7342037359
STRANGER = 1009
HTTPS = "https://shop.test"
# What says nothing about the database is asked of one.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def app(new_app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """A shop with a few routes that only tell who was let in."""
    monkeypatch.setattr(clock, "now", lambda: NOW)

    def who() -> str:
        user = guards.current_user()
        return str(user.telegram_id if user else "nobody")

    new_app.add_url_rule("/who", "who", who, methods=["GET", "POST", "DELETE"])
    new_app.add_url_rule("/mine", "mine", signed_in(lambda: str(g.user.telegram_id)), methods=["GET", "POST"])
    new_app.add_url_rule("/held", "held", lambda: guards.require("atlas") or "stars")
    new_app.add_url_rule("/twice", "twice", lambda: f"{who()} {who()}")
    new_app.add_url_rule("/network", "network", guards.network)
    new_app.add_url_rule("/public", "public", lambda: Response("the same for everyone"))
    return new_app


def token(telegram_id: int = ALICE, epoch: int = 0, **changes: Any) -> str:
    facts = {"bot_id": BOT_ID, "auth_at": NOW, "keys": arrange.KEYS, "now": NOW}
    return sessions.mint(telegram_id, epoch, **{**facts, **changes})


def ask(
    client: Any, path: str = "/who", bearer: str = "", cookie: str = "", **options: Any
) -> tuple[int, str]:
    """Return the status, and who was let in."""
    if cookie:
        client.set_cookie(COOKIE, cookie, domain="shop.test", secure=True)
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    answer = client.open(
        path,
        base_url=HTTPS,
        headers={**headers, **options.pop("headers", {})},
        **{"method": "GET", **options},
    )
    return answer.status_code, answer.get_data(as_text=True) if answer.status_code == 200 else ""


def test_nobody_is_nobody(client):
    assert ask(client) == (200, "nobody")
    assert ask(client, "/mine") == (401, "")


def test_a_bearer_says_who_is_asking(client, alice):
    assert ask(client, bearer=token()) == (200, "1001")
    assert ask(client, "/mine", bearer=token()) == (200, "1001")
    assert ask(client, "/mine", bearer=token(), method="POST") == (200, "1001")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_cookie_may_look(client, alice, method):
    assert ask(client, "/mine", cookie=token(), method=method)[0] == 200


@pytest.mark.proves("S24")
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_s24_a_cookie_may_not_touch(client, alice, method):
    assert ask(client, cookie=token(), method=method) == (200, "nobody")
    assert ask(client, "/mine", cookie=token(), method="POST") == (401, "")


def test_the_bearer_is_believed_before_the_cookie(client, alice, bob):
    assert ask(client, bearer=token(BOB), cookie=token(ALICE)) == (200, str(BOB))


@on_sqlite
@pytest.mark.parametrize(
    "bad",
    ["x", "a.b.c", "", "null", "undefined", "é", "x" * 5000, token() + "x", token(now=NOW - 16 * MINUTE)]
    + [token(epoch=1), token(STRANGER), token(bot_id=1), f"{token()}, Bearer {token()}", f"{token()} x"]
    + [token(keys=KeyRing.of("Zt7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4"))],
    ids=lambda bad: f"{len(bad)} characters",  # a token is another one each time
)
def test_a_bad_bearer_never_falls_back_to_the_cookie(client, alice, bad):
    sent = {"Authorization": f"Bearer {bad}"}
    assert ask(client, cookie=token(), headers=sent) == (401, "")
    assert ask(client, headers=sent) == (401, "")
    assert ask(client, "/held", headers=sent) == (401, "")


def test_a_bad_bearer_closes_no_public_page(client):
    assert ask(client, "/public", bearer="x") == (200, "the same for everyone")


@on_sqlite
@pytest.mark.parametrize("bad", ["x", token(epoch=1), token(STRANGER), token(now=NOW - 16 * MINUTE)])
def test_a_bad_cookie_is_nobody(client, alice, bad):
    assert ask(client, cookie=bad) == (200, "nobody")
    assert ask(client, "/mine", cookie=bad) == (401, "")


@on_sqlite
@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
def test_the_scheme_may_be_spelled_any_way(client, alice, scheme):
    assert ask(client, headers={"Authorization": f"{scheme} {token()}"}) == (200, "1001")


@on_sqlite
def test_33_an_own_route_reads_json_and_what_asks_for_json_gets_json(client, alice):
    client.application.add_url_rule(
        "/own", "own", signed_in(lambda: {"heard": json.loads(request.data)["word"]}), methods=["POST"]
    )
    headers = {"Authorization": f"Bearer {token()}"}
    answer = client.post("/own", json={"word": "stars"}, headers=headers)
    assert (answer.status_code, answer.json) == (200, {"heard": "stars"})
    refused = client.post("/own", json={"word": "stars"})
    assert (refused.status_code, refused.mimetype) == (401, "application/problem+json")
    assert refused.json == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "Open the shop from Telegram again to continue.",
        "code": "SignInNeeded",
    }
    foreign = client.post("/own", json={}, headers={**headers, "Origin": "https://evil.example"})
    assert (foreign.status_code, foreign.mimetype) == (403, "application/problem+json")
    assert client.post("/own", data=b"{}", headers=headers, content_type="text/plain").status_code == 415
    assert client.post("/orders", json={}, headers=headers).status_code == 415


@on_sqlite
@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        ("application/json", "application/problem+json"),
        ("application/problem+json", "application/problem+json"),
        ("application/json, text/html;q=0.5", "application/problem+json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("*/*", "text/html"),
        ("nonsense", "text/html"),
    ],
)
def test_33_an_error_comes_in_the_form_that_is_asked_for(client, accept, mimetype):
    for path, status in [("/nowhere", 404), ("/products/none", 404), ("/orders/x", 401)]:
        answer = client.get(path, headers={"Accept": accept})
        assert (answer.status_code, answer.mimetype) == (status, mimetype)
    assert client.get("/nowhere", headers={"Accept": accept, "HX-Request": "true"}).mimetype == "text/html"


@on_sqlite
@pytest.mark.parametrize("header", ["Basic YWxpY2U6eA==", "Token x", "Bearerx", ""])
def test_other_schemes_say_nothing(client, alice, header):
    assert ask(client, headers={"Authorization": header}) == (200, "nobody")
    assert ask(client, cookie=token(), headers={"Authorization": header}) == (200, "1001")


@pytest.mark.proves("S21")
def test_s21_logging_out_everywhere_ends_bearer_and_cookie(client, alice):
    with transaction():
        users.log_out_everywhere(ALICE)
    assert ask(client, "/mine", bearer=token()) == (401, "")
    assert ask(client, cookie=token()) == (200, "nobody")
    assert ask(client, bearer=token(epoch=1)) == (200, "1001")


@pytest.mark.proves("S21")
def test_s21_a_ban_holds_at_the_next_request(client, alice, bob):
    assert ask(client, "/mine", bearer=token()) == (200, "1001")
    with transaction():
        db.session.get(User, ALICE).banned_at = NOW
    assert ask(client, "/mine", bearer=token()) == (401, "")
    assert ask(client, "/mine", bearer=token(BOB)) == (200, "1002")


@pytest.mark.proves("S19")
def test_s19_a_session_is_over_after_fifteen_minutes(client, alice, monkeypatch):
    mine = token()
    for after, status in ((14, 200), (16, 401)):
        monkeypatch.setattr(clock, "now", lambda after=after: NOW + timedelta(minutes=after))
        assert ask(client, "/mine", bearer=mine)[0] == status


def test_an_entitled_page_opens_for_its_owner_only(client, alice, bob):
    arrange.pay(arrange.facts(arrange.order(alice)))
    assert ask(client, "/held", bearer=token(ALICE)) == (200, "stars")
    assert ask(client, "/held", cookie=token(ALICE)) == (200, "stars")
    assert ask(client, "/held", bearer=token(BOB)) == (403, "")


def test_an_entitled_page_asks_nobody_to_pay_before_it_knows_them(client):
    assert ask(client, "/held") == (401, "")


def test_switching_accounts_never_opens_the_other_ones_page(client, alice, bob):
    arrange.pay(arrange.facts(arrange.order(alice)))
    assert ask(client, "/held", bearer=token(BOB), cookie=token(ALICE)) == (403, "")


@pytest.fixture
def statements(app: Flask) -> Iterator[list[str]]:
    """Every question put to the database."""
    asked: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield asked
    event.remove(db.engine, "before_cursor_execute", note)


def test_a_person_is_looked_up_once_a_request(client, alice, statements):
    statements.clear()
    assert ask(client, "/twice", bearer=token()) == (200, "1001 1001")
    assert len([one for one in statements if "users" in one]) == 1


def test_a_public_page_asks_the_database_for_nobody(client, alice, statements):
    statements.clear()
    ask(client, "/public", bearer=token())
    assert statements == []


@pytest.mark.proves("S31")
def test_s31_answers_are_kept_apart_and_in_no_cache(client, alice):
    answer = client.get("/mine", headers={"Authorization": f"Bearer {token()}"})
    assert {"Authorization", "HX-Request", "Cookie"} <= set(answer.vary)
    assert answer.headers["Cache-Control"] == "no-store"


@on_sqlite
@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("x" * 5000, "unknown"),
        ("203.0.113.7:443", "203.0.113.7"),
    ],
)
def test_a_network_has_one_name(client, address, network):
    assert ask(client, "/network", environ_overrides={"REMOTE_ADDR": address}) == (200, network)


def test_a_request_without_an_address_is_from_somewhere(app):
    with app.test_request_context("/"):
        request.environ.pop("REMOTE_ADDR", None)
        assert guards.network() == "unknown"
