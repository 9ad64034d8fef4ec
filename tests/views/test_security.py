"""What every answer carries and what is refused unread; the names S24 to S53 are the failure model's."""

import base64
import hashlib
import json
import re
import time
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from tests.kit.factories import BOT_TOKEN, METRICS_TOKEN, SECRET_KEY, WEBHOOK_SECRET, make_config
from webapp import clock, config, create_app
from webapp.config import WEBHOOK_PATH
from webapp.db.engine import db
from webapp.db.models import RateLimit
from webapp.views.telegram import SECRET_HEADER
from webapp.web.assets import critical_style

# Nothing here depends on the database, so one is enough.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

FORM = "application/x-www-form-urlencoded"
TELEGRAM_FRAMES = "https://web.telegram.org https://webk.telegram.org https://webz.telegram.org"
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


def shop(database_url: str, **changes: Any) -> Any:
    return create_app(make_config(database_url=database_url, **changes)).test_client()


def policy(answer: Any) -> dict[str, str]:
    rules = answer.headers["Content-Security-Policy"].split("; ")
    return {name: value for name, _, value in (rule.partition(" ") for rule in rules)}


def address_of(app: Flask, rule: Any) -> str:
    """Return an address that a rule answers to."""
    with app.test_request_context():
        return app.url_map.bind("").build(rule.endpoint, dict.fromkeys(rule.arguments, "x"))


def routes(app: Flask, methods: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return each address with each of these methods that it takes, from the URL map itself."""
    return sorted(
        (address_of(app, rule), method)
        for rule in app.url_map.iter_rules()
        for method in methods
        if method in rule.methods
    )


# Addresses and requests that end in every kind of answer.
ANSWERS = {
    "page": ("GET", "/", {}, 200),
    "fragment": ("GET", "/", {"headers": {"HX-Request": "true"}}, 200),
    "sign in": ("POST", "/orders", {}, 401),
    "forbidden": ("POST", "/orders", {"headers": {"Origin": "https://evil.example"}}, 403),
    "unknown": ("GET", "/no/such/page", {}, 404),
    "method": ("PUT", "/", {}, 405),
    "too large": ("POST", "/orders", {"data": b"x" * 65537}, 413),
    "type": ("POST", "/orders", {"data": "x", "content_type": "text/plain"}, 415),
    "refused launch": ("POST", "/session", {"json": {}}, 401),
    "webhook": ("POST", WEBHOOK_PATH, {}, 401),
    "health": ("GET", "/healthz", {}, 200),
    "options": ("OPTIONS", "/", {}, 200),
}


@pytest.fixture(params=ANSWERS.values(), ids=ANSWERS)
def answer(request: pytest.FixtureRequest, client: Any) -> Any:
    method, path, options, status = request.param
    found = client.open(path, method=method, **options)
    assert found.status_code == status
    return found


@pytest.mark.proves("S28")
def test_s28_every_answer_is_protected(answer):
    headers = answer.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert int(re.search(r"max-age=(\d+)", headers["Strict-Transport-Security"])[1]) >= 31536000
    assert {"camera=()", "microphone=()", "geolocation=()"} <= set(headers["Permissions-Policy"].split(", "))
    assert policy(answer)["default-src"] == "'none'"
    assert headers["Cache-Control"] == "no-store"
    if answer.mimetype == "text/html":
        assert headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.proves("S25")
def test_s25_no_other_site_is_told_it_may_read(answer):
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.proves("S30")
def test_s30_frames_are_ruled_by_the_policy_alone(answer):
    assert "X-Frame-Options" not in answer.headers
    assert policy(answer)["frame-ancestors"]


@pytest.mark.proves("S28")
def test_s28_no_promise_of_https_where_there_is_none(database_url):
    answer = shop(database_url, public_url="http://localhost:8080").get("/healthz")
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.proves("S29")
def test_s29_scripts_come_from_us_and_from_telegram(client):
    rules = policy(client.get("/"))
    assert rules["script-src"] == "'self' https://telegram.org/js/telegram-web-app.js"
    assert rules["object-src"] == rules["base-uri"] == "'none'"
    assert rules["form-action"] == rules["connect-src"] == "'self'"
    assert "unsafe" not in str(rules)
    assert "*" not in str(rules)


@pytest.mark.proves("S29")
def test_s29_the_one_inline_style_is_known_by_its_hash(client):
    page = client.get("/").get_data(as_text=True)
    styles = re.findall(r"<style[^>]*>(.*?)</style>", page, re.DOTALL)
    assert styles == [critical_style()]
    # Telegram's script adds a style element before it fills it.
    allowed = {"'self'", *(hash_of(style) for style in (*styles, ""))}
    assert set(policy(client.get("/"))["style-src"].split()) == allowed


def hash_of(style: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"


@pytest.mark.proves("S29")
def test_s29_another_script_address_is_allowed_instead(database_url):
    elsewhere = "http://127.0.0.1:8081/telegram-web-app.js"
    answer = shop(database_url, telegram_js_url=elsewhere).get("/support")
    assert policy(answer)["script-src"] == f"'self' {elsewhere}"


@pytest.mark.proves("S30")
def test_s30_telegram_may_frame_the_shop(client):
    assert policy(client.get("/"))["frame-ancestors"] == TELEGRAM_FRAMES


@pytest.mark.proves("S30")
def test_s30_the_owner_may_name_more_frames(database_url):
    answer = shop(database_url, frame_ancestors=("http://127.0.0.1:8081",)).get("/support")
    assert policy(answer)["frame-ancestors"] == f"{TELEGRAM_FRAMES} http://127.0.0.1:8081"


@pytest.mark.proves("S30")
@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/healthz", {}),
        ("GET", "/readyz", {}),
        ("GET", "/metrics", {"Authorization": f"Bearer {METRICS_TOKEN}"}),
        ("POST", WEBHOOK_PATH, {SECRET_HEADER: WEBHOOK_SECRET}),
        ("POST", "/session", {}),
    ],
)
def test_s30_nobody_frames_what_is_no_page(client, method, path, headers):
    answer = client.open(path, method=method, headers=headers)
    assert policy(answer) == {"default-src": "'none'", "frame-ancestors": "'none'"}


@pytest.mark.proves("S25")
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://shop.test.evil.example"},
        {"Origin": "https://evil.example/https://shop.test"},
        {"Origin": "http://shop.test"},
        {"Origin": "https://shop.test:8443"},
        {"Origin": "https://web.telegram.org"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "Same-Origin"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://shop.test"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    ],
    ids=str,
)
def test_s25_no_other_site_changes_anything(app, client, alice, headers):
    changing = [one for one in routes(app, UNSAFE) if one[0] != WEBHOOK_PATH]
    assert ("/session", "POST") in changing
    assert ("/orders", "POST") in changing
    for path, method in changing:
        answer = client.as_(alice).open(path, method=method, headers=headers)
        assert answer.status_code == 403, (method, path)


@pytest.mark.proves("S25")
@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "https://shop.test"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}]
    + [{"Sec-Fetch-Site": "same-origin", "Origin": "https://shop.test"}],
    ids=str,
)
def test_s25_our_own_pages_may(client, alice, headers):
    assert client.as_(alice).delete("/session", headers=headers).status_code == 204


@pytest.mark.proves("S25")
def test_s25_reading_is_free_to_come_from_a_frame_elsewhere(client):
    frame = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}
    assert client.get("/", headers=frame).status_code == 200


@pytest.mark.proves("S25")
def test_s25_telegrams_deliveries_come_from_nowhere(client):
    headers = {SECRET_HEADER: WEBHOOK_SECRET, "Origin": "https://api.telegram.org"}
    assert client.post(WEBHOOK_PATH, json={"update_id": 1}, headers=headers).status_code == 200


@pytest.mark.proves("S25")
@pytest.mark.parametrize(
    ("public_url", "origin"),
    [
        ("https://Shop.Test", "https://shop.test"),
        ("https://shop.test:443", "https://shop.test"),
        ("https://shop.test:8443", "https://shop.test:8443"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://localhost:80", "http://localhost"),
        pytest.param("https://магазин.рф", "https://xn--80aairftm.xn--p1ai", id="15"),
    ],
)
def test_s25_our_origin_is_spelled_as_browsers_spell_it(database_url, public_url, origin):
    settings = {"PUBLIC_URL": public_url, "BOT_TOKEN": BOT_TOKEN, "SECRET_KEY": SECRET_KEY}
    client = shop(database_url, public_url=config.load(settings).public_url)
    assert client.delete("/session", headers={"Origin": origin}).status_code == 401


@pytest.mark.proves("S27")
@pytest.mark.parametrize(
    "mimetype", ["text/plain", "application/json", "multipart/form-data; boundary=x", "text/html", "", None]
)
def test_s27_changes_come_as_forms(app, client, alice, mimetype):
    for path, method in routes(app, UNSAFE):
        if path not in {WEBHOOK_PATH, "/session"}:
            answer = client.as_(alice).open(path, method=method, data=b"x", content_type=mimetype)
            assert answer.status_code == 415, (method, path)


@pytest.mark.proves("S27")
def test_s27_a_body_without_a_length_is_a_body_too(client, alice):
    answer = client.as_(alice).post("/orders", data=b"x", content_type="text/plain", **chunked())
    assert answer.status_code == 415


def chunked() -> dict[str, Any]:
    """Return what makes the test client send a body as chunks, as a server hands it on."""
    ends = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    return {"headers": {"Transfer-Encoding": "chunked"}, "environ_overrides": ends}


@pytest.mark.proves("F14", "S53")
@pytest.mark.parametrize(
    ("path", "most"), [("/orders", 64 * 1024), ("/session", 32 * 1024), (WEBHOOK_PATH, 1024 * 1024)]
)
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunks"])
def test_s53_bodies_have_an_end(client, alice, path, most, is_chunked):
    for length, is_taken in ((most - 2, True), (most + 1, False)):
        more = chunked() if is_chunked else {"headers": {}}
        more["headers"] |= {SECRET_HEADER: WEBHOOK_SECRET}
        body = b"x=" + b"y" * (length - 2)
        answer = client.as_(alice).post(path, data=body, content_type=FORM, **more)
        assert (answer.status_code != 413) is is_taken, length


@pytest.mark.proves("S53")
@pytest.mark.parametrize(("parts", "is_taken"), [(100, True), (101, False), (1001, False)])
def test_s53_forms_have_few_parts(client, alice, parts, is_taken):
    body = "&".join(f"a{number}=" for number in range(parts))
    answer = client.as_(alice).post("/orders", data=body, content_type=FORM)
    assert (answer.status_code != 413) is is_taken
    answer = client.as_(alice).post("/orders", data="a=&" * (parts - 1) + "a=", content_type=FORM)
    assert (answer.status_code != 413) is is_taken


@pytest.mark.proves("S53")
@pytest.mark.parametrize(("pairs", "status"), [(100, 200), (101, 400), (10000, 400)])
def test_s53_addresses_have_few_pairs(client, pairs, status):
    assert client.get("/support?" + "&".join(["a=1"] * pairs)).status_code == status


@pytest.mark.parametrize(
    "options",
    [
        {"method": "POST", "path": "/orders", "data": b"product=a%00b", "content_type": FORM},
        {"method": "POST", "path": "/orders", "data": b"product=a\0b", "content_type": FORM},
        {"method": "GET", "path": "/shelf", "query_string": "page=%00"},
        {"method": "GET", "path": "/products/a%00b"},
    ],
    ids=["form", "bare", "query", "path"],
)
def test_3_no_zero_byte_comes_near_the_database(client, alice, options):
    assert client.as_(alice).open(**options).status_code == 400


@pytest.mark.proves("S53")
@pytest.mark.parametrize(
    "options",
    [
        {"method": "POST", "path": "/orders", "data": b"a=" + b"x" * 10**6, "content_type": FORM},
        {"method": "POST", "path": "/orders", "data": b"a=&" * 20000, "content_type": FORM},
        {"method": "GET", "path": "/?" + "a=1&" * 10000},
        {"method": "POST", "path": "/session", "data": b"[" * 16000, "content_type": "application/json"},
        {"method": "POST", "path": "/session", "json": {"init_data": "user=" + "[" * 4000}},
    ],
    ids=["large", "parts", "pairs", "nested", "launch"],
)
def test_s53_refusing_takes_no_time(client, alice, options):
    taken = []
    for _ in range(5):
        begun = time.thread_time()  # others may have the processor meanwhile
        answer = client.as_(alice).open(**options)
        taken.append(time.thread_time() - begun)
        assert 400 <= answer.status_code < 500
    assert min(taken) < 0.05


@pytest.mark.proves("S32")
def test_s32_no_redirect_leaves_the_shop(app, client):
    for path, method in routes(app, ("GET",)):
        for target in (path, f"{path.rstrip('/')}/", f"/{path}", f"{path}?next=https://evil.example"):
            answer = client.open(target, method=method, base_url="https://shop.test")
            location = answer.headers.get("Location", "/")
            assert re.match(r"/(?!/)|https://shop\.test(/|$)", location), (target, location)


@pytest.mark.parametrize("path", ["/purchases//x", "/products//x//offer", "/orders//x?y=//z"])
def test_15_no_redirect_repeats_a_host_that_is_not_ours(client, path):
    answer = client.get(path, headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["Location"]) == (308, re.sub("//(?!z)", "/", path))


def test_15_a_change_that_another_site_asks_for_is_in_the_log(client, caplog):
    with caplog.at_level("INFO", "webapp.web.security"):
        client.post("/orders", headers={"Origin": "https://evil.example"})
    assert [one.origin for one in caplog.records if one.msg == "foreign origin"] == ["https://evil.example"]


@pytest.mark.proves("S32")
@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "X-Original-URL", "X-Rewrite-URL"])
def test_s32_no_header_leads_elsewhere(client, header):
    answer = client.get("/", headers={header: "evil.example"})
    assert "evil.example" not in answer.get_data(as_text=True) + str(answer.headers)


@pytest.mark.proves("S26")
def test_s26_reading_changes_nothing(app, client, alice):
    def everything() -> str:
        tables = {table.name: db.session.execute(table.select()).all() for table in db.metadata.sorted_tables}
        db.session.commit()
        return json.dumps(tables, default=str)

    before = everything()
    for path, method in routes(app, ("GET", "HEAD")):
        for somebody in (client, client.as_(alice)):
            assert somebody.open(path, method=method).status_code != 500, path
            somebody.open(path, method=method, headers={"HX-Request": "true"})
    assert everything() == before


@pytest.mark.proves("S37")
def test_s37_wrong_webhook_secrets_are_limited_by_network(client, monkeypatch):
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)  # a minute that begins meanwhile has a share of its own

    def status(secret: str, address: str = "203.0.113.7") -> int:
        answer = client.post(
            WEBHOOK_PATH, json={}, headers={SECRET_HEADER: secret}, environ_overrides={"REMOTE_ADDR": address}
        )
        assert answer.data == b""
        return answer.status_code

    assert [status("wrong") for _ in range(12)] == [401] * 10 + [429] * 2
    assert status("wrong", "203.0.113.8") == 401
    assert status(WEBHOOK_SECRET) == 200
    assert sorted(db.session.scalars(select(RateLimit.hits))) == [1, 10]


@pytest.mark.proves("F23", "S37")
def test_s37_telegram_itself_is_never_limited(client):
    for number in range(200):
        answer = client.post(
            WEBHOOK_PATH, json={"update_id": number}, headers={SECRET_HEADER: WEBHOOK_SECRET}
        )
        assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.proves("S33")
def test_s33_a_wrong_secret_is_refused_even_without_a_database(client):
    db.session.execute(text("DROP TABLE rate_limits"))
    db.session.commit()
    assert client.post(WEBHOOK_PATH, json={}, headers={SECRET_HEADER: "wrong"}).status_code == 401
