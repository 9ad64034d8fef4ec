"""Many buyers at once, and whether the shop's books agree with Telegram's afterwards."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx

from tests.processes import Shopper, Stage, eventually

BUYERS = 8
STUCK_SECONDS = 60
Rows = Callable[[str], Any]  # the first column of a query's first row


class Market:
    """Buyers who buy one after the other, each trying again when something does not answer."""

    def __init__(self, stage: Stage, *, product: str = "tonight-week") -> None:
        self.stage = stage
        self.product = product
        self.paid: list[str] = []  # charge ids, as the buyers' clients were told
        self.results: list[dict[str, Any]] = []  # what each client was told, a no included
        self.closing = threading.Event()

    @contextmanager
    def open(self, buyers: int = BUYERS) -> Iterator["Market"]:
        """Have people buy while the block runs; whoever has begun comes to an end."""
        with ThreadPoolExecutor(buyers) as pool:
            sales: list[Future[None]] = [pool.submit(self._sell) for _ in range(buyers)]
            try:
                yield self
            finally:
                self.closing.set()
        for sale in sales:
            sale.result()

    def wait_for(self, payments: int, *, seconds: float) -> bool:
        """Return once there were as many payments, or False when the time is over."""
        deadline = time.monotonic() + seconds
        while len(self.paid) < payments and time.monotonic() < deadline:
            time.sleep(0.02)
        return len(self.paid) >= payments

    def _sell(self) -> None:
        http = self.stage.client()
        while not self.closing.is_set():
            facts = {"first_name": "Buyer"}
            person = http.post(f"{self.stage.sandbox}/sandbox/people", json=facts).json()["id"]
            shopper = Shopper(self.stage, person)
            self._sell_to(shopper)
            shopper.http.close()

    def _sell_to(self, shopper: Shopper) -> None:
        while not self.closing.is_set():
            try:
                result = shopper.sign_in().pay(shopper.order(self.product)["link"])
            except (httpx.HTTPError, AssertionError, KeyError):
                time.sleep(0.1)
                continue
            self.results.append(result)
            if result["status"] == "paid":
                self.paid.append(result["charge_id"])
                return


def audit(stage: Stage, rows: Rows, paid: list[str]) -> float:
    """Hold our ledger against Telegram's statement, row by row; return how long it took to catch up."""
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
    return took
