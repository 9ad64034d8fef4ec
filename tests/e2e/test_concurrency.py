"""The same thing from everywhere at once counts once."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.e2e.conftest import ALICE
from tests.factories import WEBHOOK_SECRET
from tests.processes import Shopper, Stage, eventually
from webapp.config import WEBHOOK_PATH
from webapp.views.telegram import SECRET_HEADER

DELIVERIES = 1000
CONNECTIONS = 50


def test_a_thousand_deliveries_of_one_charge_are_one_charge(tmp_path, database_url, rows):
    stage = Stage(tmp_path, database_url, BOT_MODE="webhook").open()
    try:
        stage.start("bot-2")
        stage.control("POST", f"people/{ALICE}/messages", text="/start")
        alice = Shopper(stage, ALICE).sign_in()
        opened = alice.order("deep-sky-atlas")
        update = payment(payload_of(stage, opened["link"]))
        with httpx.Client(limits=httpx.Limits(max_connections=CONNECTIONS), timeout=60) as http:
            statuses = deliver(http, stage, update)
        assert set(statuses) == {200}
        eventually(lambda: alice.has("/atlas"), seconds=20)
        eventually(lambda: rows("SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL") == 1)
        assert rows("SELECT count(*) FROM ledger_entries") == 1
        assert rows("SELECT count(*) FROM charges") == 1
        assert rows("SELECT count(*) FROM outbox") == 1
        assert sum("Atlas is unlocked" in message.get("text", "") for message in stage.messages(ALICE)) == 1
    finally:
        stage.close()


def deliver(http: httpx.Client, stage: Stage, update: dict[str, object]) -> list[int]:
    """Deliver an update many times at once, half of the copies under update ids of their own."""

    def once(number: int) -> int:
        body = {**update, "update_id": 7 + (number if number % 2 else 0)}
        headers = {SECRET_HEADER: WEBHOOK_SECRET, "Content-Type": "application/json"}
        return http.post(f"{stage.web}{WEBHOOK_PATH}", content=json.dumps(body), headers=headers).status_code

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return list(pool.map(once, range(DELIVERIES)))


def payload_of(stage: Stage, link: str) -> str:
    slug = link.rpartition("$")[2]
    calls = stage.calls("createInvoiceLink")
    return next(call["params"]["payload"] for call in calls if call["result"].endswith(slug))


def payment(payload: str) -> dict[str, object]:
    person = {"id": ALICE, "is_bot": False, "first_name": "Alice"}
    facts = {
        "currency": "XTR",
        "total_amount": 250,
        "invoice_payload": payload,
        "telegram_payment_charge_id": "stx-delivered-a-thousand-times",
        "provider_payment_charge_id": "",
    }
    message = {"message_id": 9, "chat": {"id": ALICE, "type": "private"}, "from": person}
    return {"update_id": 7, "message": {**message, "date": int(time.time()), "successful_payment": facts}}
