"""T4: processes killed at random moments in the middle of sales; nothing may be lost, doubled or stuck."""

import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.processes import Shopper, Stage, eventually

KILLS = int(os.environ.get("KILLS", "20"))  # of the web process, and as many of the bot; make kill: 1,000
PAYMENTS_A_KILL = 3
BUYERS = 8
STUCK_SECONDS = 60


# The long campaign crosses every database with every mode; the short one meets each of them once.
EVERY = [(database, mode) for database in ("sqlite", "postgresql") for mode in ("polling", "webhook")]
PAIRS = EVERY if KILLS > 20 else [EVERY[0], EVERY[3]]


@pytest.mark.parametrize(("database_url", "mode"), PAIRS, indirect=["database_url"])
def test_nothing_is_lost_however_often_processes_die(tmp_path, database_url, rows, mode):
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    print(f"SEED={seed} KILLS={KILLS}")
    stage = Stage(tmp_path, database_url, BOT_MODE=mode).open()
    try:
        stage.start("bot-2")
        done = threading.Event()
        with ThreadPoolExecutor(BUYERS) as pool:
            sales = [pool.submit(sell_until, done, stage) for _ in range(BUYERS)]
            try:
                kill_often(stage, random.Random(seed))
            finally:
                done.set()
            paid = [charge for sale in sales for charge in sale.result()]
        compare(stage, rows, paid)
    finally:
        stage.close()


def sell_until(done: threading.Event, stage: Stage) -> list[str]:
    """Have one person after the other buy, trying again when something does not answer."""
    paid: list[str] = []
    http = stage.client()
    while not done.is_set():
        person = http.post(f"{stage.sandbox}/sandbox/people", json={"first_name": "Buyer"}).json()["id"]
        shopper = Shopper(stage, person)
        while not done.is_set():
            try:
                result = shopper.sign_in().pay(shopper.order("tonight-week")["link"])
            except (httpx.HTTPError, AssertionError, KeyError):
                time.sleep(0.1)
                continue
            if result["status"] == "paid":
                paid.append(result["charge_id"])
                break
        shopper.http.close()
    return paid


def kill_often(stage: Stage, draw: random.Random) -> None:
    """Kill web and bot by turns at random moments, and have them started again as a platform does."""
    for number in range(2 * KILLS):
        name = ("web", "bot", "web", "bot-2")[number % 4]
        sold = len(stage.control("GET", "statement"))
        wanted = sold + PAYMENTS_A_KILL
        deadline = time.monotonic() + 20
        while len(stage.control("GET", "statement")) < wanted and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(draw.uniform(0, 0.3))
        stage.kill(name)
        stage.start(name)


def compare(stage: Stage, rows: Any, paid: list[str]) -> None:
    """Hold our ledger against Telegram's statement, row by row."""
    statement = stage.control("GET", "statement")
    charged = [row for row in statement if "source" in row]
    assert set(paid) <= {row["id"] for row in charged}
    begun = time.monotonic()
    eventually(lambda: rows("SELECT count(*) FROM charges") >= len(charged), seconds=STUCK_SECONDS)
    took = time.monotonic() - begun
    undone = "SELECT count(*) FROM inbox WHERE done_at IS NULL AND quarantined_at IS NULL"
    eventually(lambda: rows(undone) == 0, seconds=STUCK_SECONDS)
    refunded = sum(row["amount"] for row in statement if "receiver" in row)
    assert rows("SELECT count(*) FROM charges") == len(charged)
    assert rows("SELECT count(*) FROM ledger_entries WHERE kind = 'charge'") == len(charged)
    assert rows("SELECT sum(stars) FROM ledger_entries") == sum(row["amount"] for row in charged) - refunded
    assert rows("SELECT count(*) FROM inbox WHERE quarantined_at IS NOT NULL") == 0
    assert rows("SELECT count(*) FROM charges WHERE quarantined_because IS NOT NULL") == 0
    assert stage.run("check", "flask --app webapp entitlements rebuild --check") == 0, stage.output("check")
    print(f"{len(charged)} payments, {2 * KILLS} kills, caught up {took:.1f} s after the last")
