"""Many buyers at once, and whether the shop's books agree with Telegram's afterwards."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
from flask import Flask

from tests.kit.processes import Shopper, Stage, eventually
from webapp import clock
from webapp.db.engine import db
from webapp.db.transactions import transaction
from webapp.domain.sales import charges, refunds
from webapp.errors import ChargeNotFound

BUYERS = 8
STUCK_SECONDS = 60
SETTLED_SECONDS = 360  # until the statement tells of a refund whose answer was lost: read every five minutes
# How much earlier a transaction that waited for another may have looked at the clock: a statement's patience.
CLOCKS = timedelta(seconds=5)
Rows = Callable[[str], Any]  # the first column of a query's first row
Table = Callable[[str], list[Any]]  # every row of a query


class Market:
    """Buyers who buy one after the other, each trying again when something does not answer.

    Whoever is told no goes away: the question of a killed process holds an order for a minute.
    """

    def __init__(self, stage: Stage, *, product: str = "tonight-week", pause_seconds: float = 0) -> None:
        """Be ready to sell.

        :param pause_seconds: between one buyer and the next, at each of the places
        """
        self.stage = stage
        self.product = product
        self.pause_seconds = pause_seconds
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

    @contextmanager
    def giving_back(self, give_back: Callable[[str], object], *, every_seconds: float) -> Iterator[None]:
        """Have charges given back while the block runs, in the order in which they were paid."""
        with ThreadPoolExecutor(1) as pool:
            returns = pool.submit(self._give_back, give_back, every_seconds)
            try:
                yield
            finally:
                self.closing.set()
                returns.result()

    def _give_back(self, give_back: Callable[[str], object], every_seconds: float) -> None:
        given = 0
        while not self.closing.wait(every_seconds):
            if given < len(self.paid):
                give_back(self.paid[given])
                given += 1

    def _sell(self) -> None:
        http = self.stage.client()
        while not self.closing.is_set():
            facts = {"first_name": "Buyer"}
            person = http.post(f"{self.stage.sandbox}/sandbox/people", json=facts).json()["id"]
            shopper = Shopper(self.stage, person)
            self._sell_to(shopper)
            shopper.http.close()
            self.closing.wait(self.pause_seconds)

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


def wishes(app: Flask) -> Callable[[str], None]:
    """Return a way to want a charge given back and leave it to the bot."""

    def wish(charge_id: str) -> None:
        with app.app_context():
            try:
                with transaction():
                    charge = charges.get(charge_id)
                    refunds.request_refund(charge, "asked for", requested_by="owner", now=clock.now())
            except ChargeNotFound:
                pass  # paid, but not yet known to us
            finally:
                db.session.remove()

    return wish


def audit(stage: Stage, rows: Rows, paid: list[str]) -> float:
    """Hold our ledger against Telegram's statement, row by row; return how long it took to catch up."""
    begun = time.monotonic()
    wanted = "SELECT count(*) FROM refunds WHERE done_at IS NULL AND refused_at IS NULL"
    _until_none(lambda: int(rows(wanted)), seconds=SETTLED_SECONDS)
    statement = stage.control("GET", "statement")
    charged = [row for row in statement if "source" in row]
    refunded = [row for row in statement if "receiver" in row]
    assert set(paid) <= {row["id"] for row in charged}
    eventually(lambda: rows("SELECT count(*) FROM charges") >= len(charged), seconds=STUCK_SECONDS)
    eventually(lambda: _booked(rows, "refund") >= len(refunded), seconds=STUCK_SECONDS)
    took = time.monotonic() - begun
    undone = "SELECT count(*) FROM inbox WHERE done_at IS NULL AND quarantined_at IS NULL"
    eventually(lambda: rows(undone) == 0, seconds=STUCK_SECONDS)
    assert rows("SELECT count(*) FROM charges") == _booked(rows, "charge") == len(charged)
    assert rows("SELECT count(*) FROM refunds") == _booked(rows, "refund") == len(refunded)
    assert rows("SELECT count(*) FROM refunds WHERE next_attempt_at IS NOT NULL") == 0
    assert rows("SELECT sum(stars) FROM ledger_entries") == _stars(charged) - _stars(refunded)
    assert rows("SELECT count(*) FROM inbox WHERE quarantined_at IS NOT NULL") == 0
    assert rows("SELECT count(*) FROM charges WHERE quarantined_because IS NOT NULL") == 0
    assert stage.run("check", "flask --app webapp entitlements rebuild --check") == 0, stage.output("check")
    return took


def audit_deliveries(stage: Stage, table: Table, *, deaths: int, clocks: timedelta = CLOCKS) -> None:
    """Hold what we kept, did and said against what Telegram told us, in a run that lost nothing on the way.

    The statement alone heals much: this finds what was acknowledged before it was kept, what was done
    before it was on the ledger, and who was told nothing, or too often.

    :param clocks: by how much the shop's clocks may have differed, or jumped
    """
    eventually(lambda: not stage.state()["pending"], seconds=STUCK_SECONDS)
    statement = stage.control("GET", "statement")
    meant = Counter(("charge" if "source" in row else "refund", row["id"]) for row in statement)
    done_at = _told(table)
    assert Counter(fact for fact, _ in done_at) == meant, "not kept before it was acknowledged, or twice"
    booked_at = {
        (kind, charge_id): moment(at)
        for kind, charge_id, at in table("SELECT kind, charge_id, recorded_at FROM ledger_entries")
    }
    assert not [fact for fact, at in done_at if at < booked_at[fact] - clocks], "done, and not on the ledger"
    # Telegram took every refund, so none was ever given up.
    assert not table("SELECT charge_id FROM ledger_entries WHERE kind = 'restoration'"), "a refund given up"
    _audit_outbox(table, meant)
    _audit_messages(stage, table, deaths)


def _audit_outbox(table: Table, meant: Counter[tuple[str, str]]) -> None:
    """Hold what people are told against what happened to their Stars."""
    refunded = {charge_id for kind, charge_id in meant if kind == "refund"}
    wanted = {f"refunded:{charge_id}" for charge_id in refunded} | {
        f"receipt:{charge_id}" for kind, charge_id in meant if charge_id not in refunded
    }
    written = {key for (key,) in table("SELECT dedupe_key FROM outbox WHERE kind IN ('receipt', 'refunded')")}
    assert written >= wanted, f"messages never written: {sorted(wanted - written)}"
    # Whoever was refunded before the charge was known gets no receipt.
    assert written <= wanted | {f"receipt:{charge_id}" for charge_id in refunded}, "messages about nothing"


def _told(table: Table) -> list[tuple[tuple[str, str], Any]]:
    """Return every charge and refund that an update told of, and when that update was done."""
    kinds = {"successful_payment": "charge", "refunded_payment": "refund"}
    items = table(f"SELECT kind, body, done_at FROM inbox WHERE kind IN {tuple(kinds)}")
    return [
        ((kinds[kind], json.loads(body)["message"][kind]["telegram_payment_charge_id"]), moment(done_at))
        for kind, body, done_at in items
    ]


def _audit_messages(stage: Stage, table: Table, deaths: int) -> None:
    """Hold the chats against the outbox: all is said, and each death repeats one message at most."""
    try:
        _until_none(lambda: len(table("SELECT id FROM outbox WHERE sent_at IS NULL")))
    except AssertionError as error:
        left = "SELECT kind, attempts, error, failed_at, max(next_attempt_at), count(*) FROM outbox"
        stuck = table(f"{left} WHERE sent_at IS NULL GROUP BY 1, 2, 3, 4 ORDER BY 6 DESC LIMIT 9")
        raise AssertionError(f"{error}: {stuck}; {table('SELECT * FROM leases')}") from error
    written = dict(table("SELECT telegram_id, count(*) FROM outbox GROUP BY telegram_id"))
    said = {person: sum(message["from"] == "bot" for message in stage.messages(person)) for person in written}
    assert not [person for person in written if said[person] < written[person]], "told too little"
    assert sum(said.values()) - sum(written.values()) <= deaths, "told too often"


def _until_none(count: Callable[[], int], *, seconds: float = STUCK_SECONDS) -> None:
    """Wait while fewer and fewer are left: many that wait are not stuck, but are once none of them goes."""
    while left := count():
        eventually(partial(_is_less, count, left), seconds=seconds)


def _is_less(count: Callable[[], int], than: int) -> bool:
    return count() < than


def moment(value: datetime | str) -> datetime:
    """Return a time that a table holds; SQLite has no type for it, and no zone."""
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _booked(rows: Rows, kind: str) -> int:
    return int(rows(f"SELECT count(*) FROM ledger_entries WHERE kind = '{kind}'"))


def _stars(statement: list[dict[str, Any]]) -> int:
    return sum(row["amount"] for row in statement)
