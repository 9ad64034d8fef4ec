"""A launch exchanged for a session; the names S1 to S55 are those of the failure model."""

import json
import os
import random
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from flask import Flask
from sqlalchemy import event, select, text

from tests.kit.arrange import ALICE, BOB, DAY, MINUTE, NOW
from tests.kit.factories import make_config, make_init_data
from webapp import clock, create_app
from webapp.db.engine import db
from webapp.db.models import Logout, RateLimit, SignInCode, User
from webapp.db.transactions import transaction
from webapp.domain.people import logouts, sessions, sign_in_codes
from webapp.errors import RateLimited

MUTATIONS = int(os.environ.get("HTTP_MUTATIONS", "300"))
HTTPS = "https://shop.test"
# What says nothing about the database is asked of one.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    wind(monkeypatch, timedelta())


def wind(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW + by)


def launch(telegram_id: int = ALICE, first_name: str = "Alice", ago: float = 0, **pairs: str) -> str:
    person = {"id": telegram_id, "first_name": first_name, "language_code": "en"}
    return make_init_data(person, int(NOW.timestamp() - ago), **pairs)


def exchange(client: Any, raw: str, address: str = "203.0.113.7", **options: Any) -> Any:
    return client.post(
        "/session",
        json={"init_data": raw},
        base_url=HTTPS,
        environ_overrides={"REMOTE_ADDR": address},
        **options,
    )


def session_of(app: Flask, token: str) -> sessions.Session:
    return sessions.verify(token, bot_id=7342037359, keys=app.extensions["keys"], now=clock.now())


def upgrades(client: Any, bearer: str) -> int:
    """Return the status of something that only a person with a session may do."""
    headers = {"Authorization": f"Bearer {bearer}"}
    return client.post("/settings/news", data={"wanted": "yes"}, headers=headers).status_code


def metric(app: Flask, name: str, **labels: str) -> float:
    return app.extensions["metrics"].registry.get_sample_value(name, labels) or 0


@pytest.mark.proves("S1")
def test_s1_alice_opens_the_shop(app, client):
    answer = exchange(client, launch())
    assert answer.status_code == 200
    token = answer.json.pop("token")
    assert {**answer.json, "token": ""} == {
        "token": "",
        "expires_in": 900,
        "user": {"id": ALICE, "first_name": "Alice", "language": "en"},
    }
    assert session_of(app, token) == sessions.Session(ALICE, 0, NOW, NOW + 15 * MINUTE, NOW)
    assert answer.headers["Cache-Control"] == "no-store"
    assert db.session.get(User, ALICE).seen_at == NOW


@pytest.mark.proves("S1")
def test_s1_a_form_is_as_good_as_json(app, client):
    answer = client.post("/session", data={"init_data": launch()})
    assert session_of(app, answer.json["token"]).telegram_id == ALICE


def test_a_person_who_changed_their_name_is_known_by_the_new_one(app, client):
    exchange(client, launch())
    exchange(client, launch(first_name="Alicia", ago=-1))
    people = db.session.scalars(select(User)).all()
    assert [(user.telegram_id, user.first_name) for user in people] == [(ALICE, "Alicia")]


@pytest.mark.proves("S56")
def test_s56_a_name_is_only_a_name(app, client):
    name = '</script><script>alert(1)</script>{{7*7}}"\u202e🌌'
    answer = exchange(client, launch(first_name=name))
    assert answer.json["user"]["first_name"] == name
    assert answer.mimetype == "application/json"


def test_refusals_are_all_alike(app, client):
    ours = launch()
    bodies = [
        "",
        "x",
        ours.replace("Alice", "Alicf"),
        ours + "&user=1",
        launch(ago=86401),
        launch(ago=-61),
        launch(telegram_id=0),
        make_init_data({"id": ALICE}, int(NOW.timestamp()), token="5768337691:AAH5YkoiEuPk8-FZa32hStHTqXi"),
    ]
    answers = [exchange(client, raw, f"203.0.113.{number}") for number, raw in enumerate(bodies)]
    for answer in answers:
        assert (answer.status_code, answer.json) == (401, {"error": "unauthorized"})
        assert "Set-Cookie" not in answer.headers
    assert len({str(answer.headers) for answer in answers}) == 1
    assert db.session.scalars(select(User)).all() == []


@pytest.mark.proves("S55")
@on_sqlite
@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "null", '"x"', "7", "{}", '{"init_data":null}', '{"init_data":7}', '{"init_data":["x"]}']
    + ['{"init_data":"\\ud800"}', "[" * 16000, '{"init_data":' * 1200, '{"init_data":' + "9" * 16000 + "}"],
    ids=lambda body: body[:16] or "nothing",
)
def test_s55_a_body_that_holds_no_launch_is_refused(client, body):
    answer = client.post("/session", data=body, content_type="application/json")
    assert (answer.status_code, answer.json) == (401, {"error": "unauthorized"})


@on_sqlite
@pytest.mark.parametrize("body", [b"\xff", b"init_data=%ff", b'{"init_data":"\xff"}', b"\xff\xfe{"])
@pytest.mark.parametrize("mimetype", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_that_is_no_text_is_refused(client, body, mimetype):
    assert client.post("/session", data=body, content_type=mimetype).status_code == 401


@pytest.mark.proves("S27")
@on_sqlite
@pytest.mark.parametrize(
    "mimetype", ["text/plain", "multipart/form-data; boundary=x", "application/xml", None]
)
def test_s27_a_launch_comes_as_json_or_form(client, mimetype):
    body = urlencode({"init_data": launch()})
    assert client.post("/session", data=body, content_type=mimetype).status_code == 415


@on_sqlite
def test_17_a_launch_of_eight_kibibytes_is_taken(app, client):
    raw = launch(start_param="x" * (8192 - len(launch(start_param=""))))
    assert len(raw) == 8192
    assert session_of(app, exchange(client, raw).json["token"]).telegram_id == ALICE
    assert client.post("/session", data={"init_data": raw}, base_url=HTTPS).status_code == 200


@pytest.mark.proves("S53")
def test_s53_a_body_has_at_most_32_kib(client):
    body = json.dumps({"init_data": "x" * 32768})
    assert client.post("/session", data=body, content_type="application/json").status_code == 413


@pytest.mark.proves("S53")
def test_s53_a_body_without_a_length_has_no_more(client):
    answer = client.post(
        "/session",
        data=json.dumps({"init_data": "x" * 32768}),
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked", "Content-Length": ""},
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )
    assert answer.status_code == 413


@pytest.mark.proves("S2")
def test_s2_nothing_changed_is_let_in(client):
    seed = int(os.environ.get("SEED", random.SystemRandom().getrandbits(32)))
    print(f"SEED={seed} HTTP_MUTATIONS={MUTATIONS}")
    chance = random.Random(seed)
    raw = launch(signature="x" * 86, start_param="atlas")
    meant = sorted(parse_qsl(raw))
    for _ in range(MUTATIONS):
        place = chance.randrange(len(raw))
        letter = chr(chance.choice([ord(raw[place]) ^ 1 << chance.randrange(8), chance.randrange(0x3000)]))
        changed = raw[:place] + chance.choice([letter, "", raw[place] + letter]) + raw[place + 1 :]
        answer = exchange(client, changed)
        if answer.status_code == 200:  # %2c for %2C is another spelling of the same
            assert sorted(parse_qsl(changed)) == meant, changed
        else:
            assert answer.status_code in {401, 429}, changed


@pytest.mark.proves("S13")
def test_s13_a_page_that_reloads_every_second_stays_signed_in(app, client):
    raw = launch()
    people = {session_of(app, exchange(client, raw).json["token"]).telegram_id for _ in range(60)}
    assert people == {ALICE}


@pytest.mark.proves("S51")
def test_s51_the_same_launch_61_times_a_minute_is_too_much(client, monkeypatch):
    raw = launch()
    assert [exchange(client, raw).status_code for _ in range(61)].count(200) == 60
    answer = exchange(client, raw)
    assert (answer.status_code, answer.json) == (429, {"error": "too many requests"})
    assert answer.headers["Retry-After"] == "60"
    wind(monkeypatch, MINUTE)
    assert exchange(client, raw).status_code == 200


@pytest.mark.proves("S13")
def test_s13_a_launch_from_several_networks_is_counted(new_app):
    client = new_app.test_client()
    raw = launch(query_id=secrets.token_hex(8))  # seen by no test before
    for address in ("203.0.113.7", "203.0.113.7", "198.51.100.1", "198.51.100.1"):
        assert exchange(client, raw, address).status_code == 200
    assert metric(new_app, "miniapp_moved_launches_total") == 1


@pytest.mark.proves("S14")
@on_sqlite
def test_s14_a_launch_is_never_in_an_address(client):
    assert client.get("/session", query_string={"init_data": launch()}).status_code == 405
    answer = client.post("/session", query_string={"init_data": launch()}, json={})
    assert answer.status_code == 401


@pytest.mark.proves("S19")
@on_sqlite
@pytest.mark.parametrize(("ago", "seconds"), [(0, 900), (86400 - 900, 900), (86400 - 300, 300), (86400, 0)])
def test_s19_no_session_is_renewed_beyond_the_day_of_its_launch(app, client, ago, seconds):
    answer = exchange(client, launch(ago=ago))
    assert answer.json["expires_in"] == seconds
    assert session_of(app, answer.json["token"]).expires_at == NOW + timedelta(seconds=seconds)
    assert f"Max-Age={seconds};" in answer.headers["Set-Cookie"]


@pytest.mark.proves("S21")
def test_s21_somebody_who_was_banned_is_not_let_in(app, client):
    token = exchange(client, launch()).json["token"]
    assert upgrades(client, token) == 200
    with transaction():
        db.session.get(User, ALICE).banned_at = NOW
    assert upgrades(client, token) == 401
    answer = exchange(client, launch(ago=1))
    assert (answer.status_code, answer.json) == (401, {"error": "unauthorized"})


@pytest.mark.proves("S23")
@on_sqlite
def test_s23_the_cookie_cannot_be_read_or_sent_in_the_clear(client):
    header = exchange(client, launch()).headers["Set-Cookie"]
    value, *rules = header.split("; ")
    assert value.startswith("__Host-session=eyJ")
    rules = [rule for rule in rules if not rule.startswith("Expires=")]
    assert sorted(rules) == ["HttpOnly", "Max-Age=900", "Partitioned", "Path=/", "SameSite=None", "Secure"]


def test_logging_out_takes_the_cookie_away(client):
    token = exchange(client, launch()).json["token"]
    answer = client.delete("/session", base_url=HTTPS, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 204
    header = answer.headers["Set-Cookie"]
    assert header.startswith("__Host-session=; ")
    assert {"Max-Age=0", "Secure", "HttpOnly", "SameSite=None", "Partitioned", "Path=/"} <= set(
        header.split("; ")
    )


@pytest.mark.proves("S24")
@pytest.mark.parametrize("path", ["/session", "/sessions"])
def test_s24_a_cookie_alone_logs_nobody_out(app, client, path):
    exchange(client, launch())
    assert client.get_cookie("__Host-session", "shop.test").value
    assert client.delete(path, base_url=HTTPS).status_code == 401
    assert db.session.get(User, ALICE).session_epoch == 0


@pytest.mark.parametrize(("path", "desktop_after"), [("/session", 200), ("/sessions", 401)])
def test_19_logging_out_ends_the_session_and_its_launch(client, monkeypatch, path, desktop_after):
    phone, desktop = (exchange(client, launch(ago=ago)).json["token"] for ago in (0, 1))
    renewed = exchange(client, launch()).json["token"]
    bobs = exchange(client, launch(BOB, "Bob")).json["token"]
    answer = client.delete(path, headers={"Authorization": f"Bearer {phone}"})
    assert (answer.status_code, answer.headers["HX-Trigger"]) == (204, "session:ended")
    assert [upgrades(client, token) for token in (phone, renewed, desktop, bobs)] == [
        *(401, 401, desktop_after),
        200,
    ]
    assert [exchange(client, launch(ago=ago)).status_code for ago in (0, 1)] == [401, desktop_after]
    wind(monkeypatch, timedelta(seconds=2))
    assert upgrades(client, exchange(client, launch(ago=-2)).json["token"]) == 200


def test_19_a_page_that_logs_out_is_a_strangers(client):
    token = exchange(client, launch()).json["token"]
    headers = {"Authorization": f"Bearer {token}", "HX-Request": "true"}
    page = client.delete("/session", headers=headers)
    assert (page.status_code, page.headers["HX-Trigger"]) == (200, "session:ended")
    assert "You&#39;re logged out" in page.text
    assert "data-viewer" not in page.text


def test_19_logging_out_twice_is_logging_out_once(client, monkeypatch):
    for number in range(2):
        token = exchange(client, launch(ago=-number)).json["token"]
        assert client.delete("/sessions", headers={"Authorization": f"Bearer {token}"}).status_code == 204
        assert client.delete("/sessions", headers={"Authorization": f"Bearer {token}"}).status_code == 401
        wind(monkeypatch, timedelta(seconds=1))


def test_19_logouts_are_forgotten_when_no_launch_can_come_back(client):
    token = exchange(client, launch()).json["token"]
    client.delete("/session", headers={"Authorization": f"Bearer {token}"})
    for after, kept in [(DAY, 1), (DAY + 2 * MINUTE, 0)]:
        with transaction():
            logouts.sweep(NOW + after)
        assert len(db.session.scalars(select(Logout)).all()) == kept


@pytest.mark.proves("S51")
def test_s51_ten_refusals_a_minute_and_no_more(client, monkeypatch):
    statuses = [exchange(client, "forged").status_code for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    assert exchange(client, "forged").headers["Retry-After"] == "60"
    wind(monkeypatch, MINUTE)
    assert exchange(client, "forged").status_code == 401


@pytest.mark.proves("S66")
def test_16_a_stale_launch_is_refused_however_often_and_never_counted(client):
    token = exchange(client, launch(ago=5)).json["token"]
    client.delete("/session", headers={"Authorization": f"Bearer {token}"})
    refused = [launch(ago=86401), launch(ago=-61), launch(ago=5)]
    assert {exchange(client, raw).status_code for raw in refused * 10} == {401}
    assert [exchange(client, "forged").status_code for _ in range(12)] == [401] * 10 + [429] * 2
    # Nor are they told to wait where somebody else had tried forged ones.
    assert {exchange(client, raw).status_code for raw in refused} == {401}
    assert exchange(client, launch()).status_code == 200


def code_for(app: Flask, telegram_id: int) -> str:
    with transaction():
        return sign_in_codes.make(telegram_id, app.extensions["keys"], clock.now())


def show(client: Any, raw: str, code: str = "") -> int:
    """Return the status of a launch shown with a code."""
    told = {"init_data": raw, "code": code}
    return client.post("/session", json=told, base_url=HTTPS).status_code


def test_20_a_code_vouches_for_an_old_launch_of_the_same_person_for_a_day(app, client, monkeypatch):
    old = launch(ago=3 * 86400)
    assert show(client, old) == 401
    code = code_for(app, ALICE)
    answer = client.post("/session", json={"init_data": old, "code": f" {code.lower()} "}, base_url=HTTPS)
    assert upgrades(client, answer.json["token"]) == 200
    for after in (15 * MINUTE, DAY - MINUTE):
        wind(monkeypatch, after)
        assert show(client, old) == 200  # renewed, and after a reload
    wind(monkeypatch, DAY + MINUTE)
    assert show(client, old) == 401


def test_20_a_code_works_once_and_for_one_launch(app, client):
    code = code_for(app, ALICE)
    assert show(client, launch(BOB, "Bob", ago=100_000), code) == 401  # nor does that use it up
    assert show(client, launch(ago=100_000), code) == 200
    assert show(client, launch(ago=100_000), code) == 401
    assert show(client, launch(ago=100_001), code) == 401
    assert show(client, launch(ago=100_001)) == 401


def test_20_a_code_is_nothing_without_a_launch_of_its_person(app, client, monkeypatch):
    code = code_for(app, ALICE)
    for raw in ("", "forged", launch(BOB, "Bob", ago=100_000), launch(ago=100_000)[:-1]):
        assert show(client, raw, code) == 401
    newer = code_for(app, ALICE)
    assert show(client, launch(ago=100_000), code) == 401  # another took its place
    wind(monkeypatch, 10 * MINUTE)
    assert show(client, launch(ago=100_000), newer) == 401


def test_20_codes_and_tries_are_limited_and_logged(app, client, caplog):
    with caplog.at_level("INFO", "webapp.views.session"):
        tried = [show(client, launch(ago=100_000), "AAAA-AAAA") for _ in range(6)]
    assert tried == [401] * 5 + [429]
    events = [(one.event, one.telegram_id) for one in caplog.records if one.msg == "sign-in by code"]
    assert events == [("code_refused", ALICE)] * 5
    for _ in range(3):
        code_for(app, ALICE)
    with pytest.raises(RateLimited):
        code_for(app, ALICE)
    assert show(client, launch(BOB, "Bob", ago=100_000), code_for(app, BOB)) == 200


def test_20_who_logged_out_comes_back_with_a_code(app, client, monkeypatch):
    raw = launch(ago=5)
    token = exchange(client, raw).json["token"]
    client.delete("/sessions", headers={"Authorization": f"Bearer {token}"})
    assert show(client, raw) == 401
    wind(monkeypatch, MINUTE)
    assert show(client, raw, code_for(app, ALICE)) == 200
    assert show(client, raw) == 200


def test_20_what_a_code_vouched_for_ends_with_a_logout(app, client):
    old = launch(ago=100_000)
    told = {"init_data": old, "code": code_for(app, ALICE)}
    token = client.post("/session", json=told, base_url=HTTPS).json["token"]
    client.delete("/session", headers={"Authorization": f"Bearer {token}"})
    assert (upgrades(client, token), show(client, old)) == (401, 401)


def test_20_codes_are_kept_as_digests_and_forgotten(app):
    code = code_for(app, ALICE).replace("-", "")
    [row] = db.session.scalars(select(SignInCode)).all()
    assert code not in repr(vars(row))
    for after, kept in [(DAY, 1), (DAY + 11 * MINUTE, 0)]:
        with transaction():
            sign_in_codes.sweep(NOW + after)
        assert len(db.session.scalars(select(SignInCode)).all()) == kept


@pytest.mark.proves("S51", "S66")
def test_s51_a_flood_of_refusals_writes_nothing_more(app, client):
    asked: list[str] = []

    def note(*told: Any) -> None:
        asked.append(told[2])

    event.listen(db.engine, "before_cursor_execute", note)
    for _ in range(15):
        exchange(client, "forged")
    event.remove(db.engine, "before_cursor_execute", note)
    assert len([one for one in asked if "INSERT INTO rate_limits" in one]) == 10
    assert db.session.scalars(select(RateLimit.hits)).all() == [10]


@pytest.mark.proves("S51")
def test_s51_refusals_keep_nobody_else_out(client):
    for _ in range(12):
        exchange(client, "forged")
    assert exchange(client, launch()).status_code == 200
    assert exchange(client, "forged", "203.0.113.8").status_code == 401


@pytest.mark.proves("S51")
def test_s51_fifty_people_share_one_address(client):
    people = [exchange(client, launch(2000 + number, "Guest")) for number in range(50)]
    assert {answer.status_code for answer in people} == {200}


@pytest.mark.proves("S51")
def test_s51_one_person_opens_the_shop_five_times_a_minute(client):
    statuses = [exchange(client, launch(ago=number)).status_code for number in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    assert exchange(client, launch(BOB, "Bob")).status_code == 200
    assert exchange(client, launch(ago=0)).status_code == 200  # what was let in may come again


@pytest.mark.proves("S51")
def test_s51_a_household_on_ipv6_is_one(client):
    statuses = [exchange(client, "forged", f"2001:db8:1:2::{number}").status_code for number in range(1, 13)]
    assert statuses == [401] * 10 + [429] * 2
    assert exchange(client, "forged", "2001:db8:1:3::1").status_code == 401


@pytest.mark.proves("S52")
def test_s52_a_made_up_address_changes_nothing(client):
    statuses = [
        exchange(client, "forged", headers={"X-Forwarded-For": f"198.51.100.{number}"}).status_code
        for number in range(12)
    ]
    assert statuses == [401] * 10 + [429] * 2


@pytest.mark.proves("S52")
def test_s52_behind_a_proxy_only_its_own_word_counts(database_url):
    app = create_app(make_config(database_url=database_url, proxy_hops=1))
    client = app.test_client()

    def status(number: int, seen: str) -> int:
        told = ", ".join([f"198.51.100.{number}"] * (number + 1) + [seen])
        return exchange(client, "forged", "10.0.0.1", headers={"X-Forwarded-For": told}).status_code

    assert [status(number, "203.0.113.7") for number in range(12)] == [401] * 10 + [429] * 2
    assert status(0, "203.0.113.8") == 401
    assert status(0, "x" * 5000) == 401
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize(
    ("told", "other"),
    [("203.0.113.7:%d", "203.0.113.8:1"), ("[2001:db8:1:2::%d]:443", "[2001:db8:1:3::1]:443")],
    ids=["IPv4", "IPv6"],
)
def test_16_an_address_with_a_port_is_that_address(client, told, other):
    statuses = [exchange(client, "forged", told % number).status_code for number in range(1, 13)]
    assert statuses == [401] * 10 + [429] * 2
    assert exchange(client, "forged", other).status_code == 401


def test_sessions_are_counted_and_timed(new_app):
    client = new_app.test_client()
    for raw in (launch(), launch(), "forged", launch(ago=86401)):
        exchange(client, raw)
    assert metric(new_app, "miniapp_sessions_total") == 2
    assert metric(new_app, "miniapp_exchange_latency_seconds_count") == 4
    for bucket in ("0.01", "0.05", "0.1", "0.5", "1.0", "+Inf"):
        assert metric(new_app, "miniapp_exchange_latency_seconds_bucket", le=bucket) <= 4
    assert metric(new_app, "miniapp_refused_exchanges_total", reason="expired") == 1


def test_metrics_that_cannot_be_recorded_stop_nobody(app, client):
    app.extensions["metrics"] = None
    assert exchange(client, launch()).status_code == 200
    assert exchange(client, "forged").status_code == 401


def test_a_database_that_fails_is_an_outage_not_a_refusal(app, client):
    with transaction():
        db.session.execute(text("DROP TABLE rate_limits"))
    for raw in (launch(), "forged"):
        answer = exchange(client, raw)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "2"
        assert "Set-Cookie" not in answer.headers
