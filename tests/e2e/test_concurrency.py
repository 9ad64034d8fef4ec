"""T5: the same charge from everywhere at once counts once."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from flask import Flask

from tests.kit.factories import WEBHOOK_SECRET
from tests.kit.played import ALICE
from tests.kit.processes import Shopper, Stage, eventually
from webapp.config import WEBHOOK_PATH
from webapp.db.engine import db
from webapp.usecases import statement
from webapp.views.telegram import SECRET_HEADER

DELIVERIES = 1000
CONNECTIONS = 50
RECONCILE_AT_EVERY = 100  # deliveries


@pytest.mark.proves("I1", "F15", "T5")
def test_a_thousand_deliveries_of_one_charge_by_every_way_are_one_charge(tmp_path, database_url, rows):
    stage = Stage(tmp_path, database_url)
    try:
        stage.open("web", "bot", "bot-2")
        alice = Shopper(stage, ALICE).sign_in()
        slug = alice.order("deep-sky-atlas")["link"].rpartition("$")[2]
        # Telegram has the Stars and has said nothing yet.
        charge = stage.control("POST", "charges", person=ALICE, slug=slug, silent=True)
        command = stage.start("reconcile", "flask --app webapp reconcile")
        with stage.inside() as app:
            begun = time.monotonic()
            statuses = deliver(stage, app, charge)
        assert set(statuses) == {200}
        eventually(lambda: rows("SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL") == 1)
        print(f"{DELIVERIES} deliveries settled and told in {time.monotonic() - begun:.1f} s")
        assert command.wait(20) == 0, stage.output("reconcile")
        assert alice.has("/pages/atlas")
        # By poll, by webhook under ids of their own, and by webhook under one.
        own, alike = DELIVERIES // 2 + DELIVERIES // 4, 1
        eventually(lambda: rows("SELECT count(*) FROM inbox WHERE done_at IS NOT NULL") == own + alike)
        assert rows("SELECT count(*) FROM inbox") == own + alike
        assert rows("SELECT count(*) FROM ledger_entries") == 1
        assert rows("SELECT count(*) FROM charges") == 1
        assert rows("SELECT count(*) FROM outbox") == 1
        assert sum("Atlas is unlocked" in message.get("text", "") for message in stage.messages(ALICE)) == 1
    finally:
        stage.close()


def deliver(stage: Stage, app: Flask, charge: dict[str, Any]) -> list[int]:
    """Tell of a charge many times at once: half by webhook, half by poll, and by the statement."""
    own = threading.local()

    def begin() -> None:
        # One each: in a client that threads share, one closes a connection just as another begins to use it.
        own.http = stage.client()

    def once(number: int) -> int:
        http = own.http
        if number % RECONCILE_AT_EVERY == 0:
            with app.app_context():
                statement.reconcile(app.extensions["context"])
                db.session.remove()
        if number % 2:
            return http.post(f"{stage.sandbox}/sandbox/charges/{charge['id']}/tell").status_code
        # Half of the copies under one update id.
        return push(http, stage, payment(charge, update_id=7 + (number if number % 4 else 0)))

    with ThreadPoolExecutor(CONNECTIONS, initializer=begin) as pool:
        return list(pool.map(once, range(DELIVERIES)))


def push(http: httpx.Client, stage: Stage, update: dict[str, Any]) -> int:
    headers = {SECRET_HEADER: WEBHOOK_SECRET, "Content-Type": "application/json"}
    return http.post(f"{stage.web}{WEBHOOK_PATH}", content=json.dumps(update), headers=headers).status_code


def payment(charge: dict[str, Any], *, update_id: int) -> dict[str, Any]:
    person = {"id": charge["person"], "is_bot": False, "first_name": "Alice"}
    facts = {
        "currency": "XTR",
        "total_amount": charge["stars"],
        "invoice_payload": charge["payload"],
        "telegram_payment_charge_id": charge["id"],
        "provider_payment_charge_id": "",
    }
    message = {"message_id": 9, "chat": {"id": charge["person"], "type": "private"}, "from": person}
    return {
        "update_id": update_id,
        "message": {**message, "date": charge["date"], "successful_payment": facts},
    }
