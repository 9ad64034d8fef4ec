"""What Telegram's deliveries meet; the names S33 to S36 and F20 to F24 are those of the failure model.

How wrong secrets are limited is in tests/views/test_security.py.
"""

import json
import socket
from typing import Any

import pytest
from sqlalchemy import text

from tests.kit.arrange import MINUTE, NOW
from tests.kit.factories import WEBHOOK_SECRET, make_config
from webapp import clock, create_app
from webapp.config import WEBHOOK_PATH
from webapp.db import patience
from webapp.db.engine import db
from webapp.db.models import InboxItem
from webapp.db.transactions import transaction
from webapp.domain.people import retired_secrets
from webapp.views.telegram import SECRET_HEADER
from webapp.web.security import LARGEST_UPDATE

PREVIOUS = "Pr7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4"
HELLO = {"update_id": 7, "message": {"text": "hello", "from": {"id": 1001}}}
# What nobody expects from Telegram, and the kind it is kept as.
STRANGE = {
    b"": "unreadable",
    b"not json": "unreadable",
    b"\x00\xff\xfe": "unreadable",
    b"[" * 100_000: "unreadable",
    b'{"update_id":1,"message":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001: "unreadable",
    b'{"update_id":' + b"9" * 5000 + b"}": "unreadable",
    b'{"update_id":1,"message":{"date":' + b"9" * 5000 + b"}}": "unreadable",
    b'{"update_id":9223372036854775808}': "unreadable",
    b'{"update_id":9223372036854775807}': "empty",
    b'{"update_id":-1}': "empty",
    b'{"update_id":1,"guest_message":{}}': "guest_message",
    b'{"update_id":1,"message":{"successful_payment":7}}': "successful_payment",
    b'{"update_id":1,"message":{"text":"\\u0000\\ud800"}}': "message",
    b'{"update_id":1,"a\\u0000b":{}}': "a\\x00b",
    b'{"update_id":1,"\\ud83d":{}}': "\\ud83d",
    b'{"update_id":1,"":{}}': "",
    b'{"update_id":1,"message":NaN}': "message",
}
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def deliver(client: Any, body: Any = HELLO, secret: str | None = WEBHOOK_SECRET, **options: Any) -> Any:
    """Deliver a body as Telegram does, and return the answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    if secret is not None:
        headers[SECRET_HEADER] = secret
    return client.post(WEBHOOK_PATH, data=data, headers=headers, **options)


def kept() -> list[InboxItem]:
    return list(
        db.session.scalars(
            db.select(InboxItem).order_by(InboxItem.id), execution_options={"populate_existing": True}
        )
    )


@pytest.mark.proves("S35")
def test_s35_a_delivery_is_kept_and_answered_with_nothing(client):
    answer = deliver(client)
    assert (answer.status_code, answer.data) == (200, b"")
    [item] = kept()
    assert (item.update_id, item.source, item.telegram_id) == (7, "webhook", 1001)
    assert json.loads(item.body) == HELLO


@pytest.mark.proves("S34")
def test_s34_a_payment_is_acknowledged_twice(client, open_shop):
    person = {"id": 1001, "is_bot": False, "first_name": "Alice"}
    payment = {
        "currency": "XTR",
        "total_amount": 250,
        "invoice_payload": "nobody's",
        "telegram_payment_charge_id": "stx-twice",
    }
    message = {"date": 1777636800, "chat": {"id": 1001, "type": "private"}, "from": person}
    paid = {"update_id": 7, "message": {**message, "successful_payment": payment}}
    # Each request has a session of its own, as processes have.
    assert [deliver(client, paid).status_code for _ in range(2)] == [200, 200]
    assert [item.state for item in kept()] == ["done"]


@pytest.mark.proves("I4")
def test_i4_what_is_acknowledged_is_there_for_everybody(client, rows):
    assert deliver(client).status_code == 200
    assert rows("SELECT count(*) FROM inbox") == 1


@pytest.mark.proves("S33", "S47")
@on_sqlite
@pytest.mark.parametrize(
    "secret",
    [None, "", "wrong", WEBHOOK_SECRET[:-1], f"{WEBHOOK_SECRET}x", f"{WEBHOOK_SECRET},{WEBHOOK_SECRET}"]
    + [WEBHOOK_SECRET.lower(), "x" * 257, "x" * 8000, "é" * 32, "\xff" * 32, PREVIOUS],
    ids=lambda secret: ascii(secret)[:40],
)
def test_s33_without_the_secret_nothing_is_kept(client, secret):
    answer = deliver(client, secret=secret)
    assert (answer.status_code, answer.data) == (401, b"")
    assert kept() == []


@pytest.mark.proves("S33")
@on_sqlite
@pytest.mark.parametrize("how", ["bearer", "query", "body"])
def test_s33_the_secret_counts_in_its_own_header_only(client, how):
    headers = {"Authorization": f"Bearer {WEBHOOK_SECRET}"} if how == "bearer" else {}
    query = {"secret_token": WEBHOOK_SECRET} if how == "query" else {}
    told = {**HELLO, "secret_token": WEBHOOK_SECRET} if how == "body" else HELLO
    assert client.post(WEBHOOK_PATH, json=told, headers=headers, query_string=query).status_code == 401
    assert kept() == []


@pytest.mark.proves("S33")
@on_sqlite
def test_s33_a_shop_without_a_secret_takes_no_deliveries(database_url):
    app = create_app(make_config(database_url=database_url, webhook_secret=""))
    for secret in ("", "x", WEBHOOK_SECRET):
        assert deliver(app.test_client(), secret=secret).status_code == 401


def deliver_to_another(database_url: str, secret: str) -> int:
    """Deliver to a process that has just begun and knows a secret before; return its answer's status."""
    app = create_app(make_config(database_url=database_url, previous_webhook_secret=PREVIOUS))
    status: int = deliver(app.test_client(), secret=secret).status_code
    with app.app_context():
        db.engine.dispose()
    return status


@pytest.mark.proves("I22", "F53", "S36")
def test_s36_13_the_secret_before_ends_after_ten_minutes_in_every_process(database_url, app, monkeypatch):
    def at(minutes: float, secret: str) -> int:
        monkeypatch.setattr(clock, "now", lambda: NOW + minutes * MINUTE)
        return deliver_to_another(database_url, secret)

    assert [at(0, one) for one in (PREVIOUS, WEBHOOK_SECRET, "wrong")] == [200, 200, 401]
    assert [at(9.9, PREVIOUS), at(10, PREVIOUS), at(10_000, PREVIOUS)] == [200, 401, 401]
    assert at(10_000, WEBHOOK_SECRET) == 200


@pytest.mark.proves("I22")
def test_13_its_time_runs_although_nobody_delivers_with_it(database_url, app, monkeypatch):
    """The release or the bot saw it; somebody who stole it comes a month later."""
    with transaction():
        retired_secrets.note(PREVIOUS, NOW)
        retired_secrets.note(PREVIOUS, NOW + 5 * MINUTE)
        retired_secrets.note("", NOW)
    monkeypatch.setattr(clock, "now", lambda: NOW + 11 * MINUTE)
    assert deliver_to_another(database_url, PREVIOUS) == 401


def test_13_the_secret_itself_is_not_kept(app, table):
    with transaction():
        retired_secrets.note(PREVIOUS, NOW)
    [row] = table("SELECT * FROM retired_secrets")
    assert PREVIOUS not in str(row)


@pytest.mark.proves("F20", "S34", "S55")
def test_s34_f20_telegram_is_never_made_to_repeat_garbage(client):
    for body, kind in STRANGE.items():
        for _ in range(2):
            answer = deliver(client, body)
            assert (answer.status_code, answer.data) == (200, b""), body[:80]
        item = kept()[-1]
        assert (item.kind, bool(item.quarantined_at)) == (kind, kind == "unreadable"), body[:80]
    assert len(kept()) == len(STRANGE)


@pytest.mark.proves("F20")
@on_sqlite
@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_f20_the_body_is_kept_whatever_it_is_called(client, content_type):
    headers = {SECRET_HEADER: WEBHOOK_SECRET, "Content-Type": content_type}
    answer = client.post(WEBHOOK_PATH, data=json.dumps(HELLO), headers=headers)
    assert (answer.status_code, answer.data) == (200, b"")
    assert [item.update_id for item in kept()] == [7]


def test_an_update_delivered_twice_is_one_row(client):
    assert [deliver(client).status_code for _ in range(3)] == [200] * 3
    assert deliver(client, dict(reversed(HELLO.items()))).status_code == 200
    assert len(kept()) == 1


def test_a_mebibyte_is_taken_and_no_more(client):
    def padded(size: int) -> bytes:
        body = b'{"update_id":8,"message":{"text":"'
        return body + b"x" * (size - len(body) - 3) + b'"}}'

    assert deliver(client, padded(LARGEST_UPDATE)).status_code == 200
    refused = deliver(client, padded(LARGEST_UPDATE + 1))
    assert (refused.status_code, refused.data) == (413, b"")
    assert [item.update_id for item in kept()] == [8]


@pytest.mark.proves("S33")
@on_sqlite
def test_s33_a_large_body_is_not_read_for_a_stranger(client):
    answer = deliver(client, b"x" * (LARGEST_UPDATE + 1), secret="wrong")
    assert answer.status_code in {401, 413}
    assert kept() == []


@pytest.mark.proves("I4", "F23", "F24")
def test_f24_what_could_not_be_kept_is_not_acknowledged(client):
    db.session.execute(text("ALTER TABLE inbox RENAME TO elsewhere"))
    db.session.commit()
    answer = deliver(client)
    assert (answer.status_code, answer.data, answer.headers["Retry-After"]) == (503, b"", "2")
    db.session.execute(text("ALTER TABLE elsewhere RENAME TO inbox"))
    db.session.commit()
    assert deliver(client).status_code == 200
    assert len(kept()) == 1


@pytest.mark.proves("F24")
def test_f24_a_database_out_of_reach_is_not_an_acknowledgement(monkeypatch):
    monkeypatch.setattr(patience, "WAKING_SECONDS", 0)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"postgres://shop:{PREVIOUS}@127.0.0.1:{probe.getsockname()[1]}/shop"
    app = create_app(make_config(database_url=url))
    answer = deliver(app.test_client())
    assert (answer.status_code, answer.data, answer.headers["Retry-After"]) == (503, b"", "2")
    assert deliver(app.test_client(), secret="wrong").status_code == 401
    with app.app_context():
        db.engine.dispose()


@on_sqlite
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_only_post_delivers(client, method):
    answer = client.open(WEBHOOK_PATH, method=method, headers={SECRET_HEADER: WEBHOOK_SECRET})
    assert (answer.status_code, answer.data) == (405, b"")
    assert answer.headers["Allow"]
