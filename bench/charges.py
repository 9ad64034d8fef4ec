"""What one recorded charge costs, next to a bare transaction that writes the same rows.

    python -m bench.charges [rounds]

Ours is a raw update in, and the charge booked, unlocked and committed, as the webhook and the poller do
it. The bare one has its rows ready and sends them through psycopg, one statement a row, one commit. Both
write to the same PostgreSQL, by turns, in blocks of some charges; the ratio counts. To reach: at most
2.5 with one client and with eight, each a process.
"""

import json
import multiprocessing
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask
from flask_migrate import upgrade
from psycopg.types.json import Json
from sqlalchemy import insert

from tests.kit.factories import SHOP, TERMS_VERSION, make_config
from tests.kit.postgres import start as postgres_server
from webapp import create_app
from webapp.db.engine import db
from webapp.db.models import Order, PreCheckout, Product, User
from webapp.db.transactions import transaction
from webapp.domain.catalogue import catalogue, catalogue_files
from webapp.domain.owner import shops
from webapp.domain.sales import payloads
from webapp.usecases import receiving

ROOT = Path(__file__).parents[1]
MOST_TIMES = 2.5
CLIENTS = (1, 8)
ROUNDS, CHARGES = 31, 20
SLUG = "deep-sky-atlas"
BARE = (
    """
    INSERT INTO inbox (update_id, digest, kind, telegram_id, body, source, received_at, next_attempt_at,
        attempts, done_at)
    VALUES (%(update_id)s, %(digest)s, 'successful_payment', %(telegram_id)s, %(body)s, 'webhook', %(now)s,
        %(now)s, 0, %(now)s)
    ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO charges (telegram_payment_charge_id, telegram_id, order_id, title, slug, is_trial, stars,
        currency, payload, charged_at, recorded_at, cause)
    VALUES (%(charge_id)s, %(telegram_id)s, %(order_id)s, %(title)s, %(slug)s, false, %(stars)s, 'XTR',
        %(payload)s, %(charged_at)s, %(now)s, %(cause)s)
    """,
    """
    INSERT INTO ledger_entries (telegram_id, kind, charge_id, stars, title, keys, grace_days, occurred_at,
        recorded_at, cause)
    VALUES (%(telegram_id)s, 'charge', %(charge_id)s, %(stars)s, %(title)s, %(keys)s, 0, %(charged_at)s,
        %(now)s, %(cause)s)
    ON CONFLICT DO NOTHING
    """,
    """
    UPDATE orders SET charge_id = %(charge_id)s, closed_at = %(now)s, reserved_until = NULL
    WHERE id = %(order_id)s
    """,
    """
    INSERT INTO entitlements (telegram_id, key, since) VALUES (%(telegram_id)s, %(key)s, %(charged_at)s)
    ON CONFLICT (telegram_id, key) DO UPDATE SET since = excluded.since, until = excluded.until
    """,
    """
    INSERT INTO outbox (telegram_id, kind, facts, dedupe_key, created_at, next_attempt_at, attempts)
    VALUES (%(telegram_id)s, 'receipt', %(facts)s, %(dedupe_key)s, %(now)s, %(now)s, 0)
    ON CONFLICT DO NOTHING
    """,
)


@dataclass
class Sale:
    """An order that Telegram asked about and was told yes; its charge is on the way."""

    order: Order
    update: dict[str, Any]

    @property
    def body(self) -> bytes:
        return json.dumps(self.update).encode()

    @property
    def charge_id(self) -> str:
        paid = self.update["message"]["successful_payment"]
        return str(paid["telegram_payment_charge_id"])


def main() -> int:
    """Print the ratios; the exit code says whether they are reached."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        server = postgres_server(folder)
        server.psql("CREATE DATABASE shop")
        url = server.get_uri("shop")
        open_shop(url)
        try:
            ratios = [compare(url, clients, rounds) for clients in CLIENTS]
        finally:
            server.cleanup()
    return 0 if max(ratios) <= MOST_TIMES else 1


def open_shop(url: str) -> None:
    """Have the tables, and a catalogue to buy from."""
    app = create_app(make_config(database_url=url, log_level="WARNING"))
    with app.app_context():
        upgrade()
        items = catalogue_files.read(SHOP.catalogue.read_text(encoding="utf-8"))
        with transaction():
            shops.claim(app.config["STARFRONT"].bot_id, "starfront_bot", "production")
            catalogue.replace(items, datetime.now(UTC))
        db.engine.dispose()


def compare(url: str, clients: int, rounds: int) -> float:
    """Return how many times the bare transaction's time ours takes, with so many clients at once."""
    spawn = multiprocessing.get_context("spawn")
    barrier, results = spawn.Barrier(clients), spawn.Queue()
    facts = (url, clients, rounds, barrier, results)
    workers = [spawn.Process(target=work, args=(number, *facts)) for number in range(clients)]
    for worker in workers:
        worker.start()
    taken = [results.get(timeout=600) for _ in workers]
    for worker in workers:
        worker.join()
    ours, bare = (statistics.median(time for one in taken for time in one[way]) for way in ("ours", "bare"))
    name = f"{clients} client{'s' if clients > 1 else ' '}"
    print(f"{name}  {ours / bare:5.2f}x the bare transaction ({ours:.2f} and {bare:.2f} ms)", flush=True)
    return ours / bare


def work(number: int, url: str, clients: int, rounds: int, barrier: Barrier, results: Any) -> None:
    """Record charges both ways by turns, in step with the other clients."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - the log is written, as it is in a shop
    app = create_app(make_config(database_url=url))
    with app.app_context(), psycopg.connect(url) as connection:
        sales = prepare(app, (clients * 100 + number) * 1_000_000, (rounds + 1) * CHARGES * 2)
        ways = {"ours": lambda body: ours(app, body), "bare": lambda rows: bare(connection, rows)}
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for lap in range(rounds + 1):
            # By turns first: the second is met by what the first left to the disk.
            for name in sorted(ways, reverse=bool(lap % 2)):
                block = [next(sales) for _ in range(CHARGES)]
                things = [sale.body if name == "ours" else rows_of(sale) for sale in block]
                barrier.wait(120)
                taken[name] += [timed(ways[name], thing) for thing in things]
        if number == 0:
            check(connection)
        db.engine.dispose()
    # The first lap fills caches.
    results.put({name: times[CHARGES:] for name, times in taken.items()})


def timed(record: Callable[[Any], None], thing: Any) -> float:
    """Return how many milliseconds it takes."""
    begun = time.perf_counter()
    record(thing)
    return (time.perf_counter() - begun) * 1000


def prepare(app: Flask, first: int, count: int) -> Iterator[Sale]:
    """Return orders of as many buyers, each approved."""
    now = datetime.now(UTC)
    product = catalogue.get(SLUG)
    sold = [sale_of(app, product, first + number, now) for number in range(1, count + 1)]
    with transaction():
        people = [{"telegram_id": sale.order.telegram_id, "created_at": now, "seen_at": now} for sale in sold]
        db.session.execute(insert(User), people)
        db.session.add_all([sale.order for sale in sold])
        db.session.flush()
        approved = [
            {
                "query_id": secrets.token_hex(8),
                "order_id": sale.order.id,
                "telegram_id": sale.order.telegram_id,
                "received_at": now,
                "decided_at": now,
            }
            for sale in sold
        ]
        db.session.execute(insert(PreCheckout), approved)
    db.session.remove()
    return iter(sold)


def sale_of(app: Flask, product: Product, telegram_id: int, now: datetime) -> Sale:
    public_id = payloads.new_order_id()
    described = payloads.Payload(public_id, telegram_id, product.slug, product.stars, None)
    order = Order(
        public_id=public_id,
        telegram_id=telegram_id,
        product_id=product.id,
        product_version=product.version,
        title=product.title,
        stars=product.stars,
        keys=product.keys,
        terms_version=TERMS_VERSION,
        payload=payloads.seal(described, app.extensions["keys"]),
        correlation_id=secrets.token_hex(8),
        created_at=now,
        expires_at=now + timedelta(minutes=15),
        reserved_until=now + timedelta(minutes=1),
    )
    return Sale(order, update_of(order, now))


def update_of(order: Order, now: datetime) -> dict[str, Any]:
    person = {"id": order.telegram_id, "is_bot": False, "first_name": "Buyer", "language_code": "en"}
    paid = {
        "currency": "XTR",
        "total_amount": order.stars,
        "invoice_payload": order.payload,
        "telegram_payment_charge_id": "stx" + secrets.token_urlsafe(60),
        "provider_payment_charge_id": "",
    }
    message = {"message_id": 9, "from": person, "chat": {"id": order.telegram_id, "type": "private"}}
    message |= {"date": int(now.timestamp()), "successful_payment": paid}
    return {"update_id": order.telegram_id, "message": message}


def ours(app: Flask, body: bytes) -> None:
    """Record a charge as the webhook and the poller do."""
    receiving.receive(body, "webhook", app.extensions["context"])


def rows_of(sale: Sale) -> dict[str, Any]:
    """Return everything that a charge writes."""
    order, now = sale.order, datetime.now(UTC)
    charged_at = datetime.fromtimestamp(sale.update["message"]["date"], UTC)
    body = json.dumps(sale.update, sort_keys=True, separators=(",", ":"))
    told = {
        "charge_id": sale.charge_id,
        "title": order.title,
        "slug": SLUG,
        "stars": order.stars,
        "keys": order.keys,
        "pass_days": None,
        "charged_at": charged_at.isoformat(),
        "paid_until": None,
        "replaced": [],
    }
    return {
        "update_id": sale.update["update_id"],
        "digest": sha256(body.encode()).hexdigest(),
        "telegram_id": order.telegram_id,
        "body": body,
        "now": now,
        "charge_id": sale.charge_id,
        "order_id": order.id,
        "title": order.title,
        "slug": SLUG,
        "stars": order.stars,
        "payload": order.payload,
        "charged_at": charged_at,
        "cause": f"update:{sale.update['update_id']}",
        "keys": Json(order.keys),
        "key": order.keys[0],
        "facts": Json(told),
        "dedupe_key": f"receipt:{sale.charge_id}",
    }


def bare(connection: psycopg.Connection[Any], rows: dict[str, Any]) -> None:
    for statement in BARE:
        connection.execute(statement, rows)
    connection.commit()


def check(connection: psycopg.Connection[Any]) -> None:
    """Fail unless both ways filled the same columns of the same tables, durably."""
    assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    assert connection.execute("SHOW fsync").fetchone() == ("on",)
    for table in ("inbox", "charges", "ledger_entries", "entitlements", "outbox", "orders"):
        filled = f"SELECT key FROM jsonb_each(to_jsonb({table})) WHERE value <> 'null' ORDER BY key"
        written = "charge_id IS NOT NULL" if table == "orders" else "true"
        found = connection.execute(f"SELECT DISTINCT array({filled}) FROM {table} WHERE {written}").fetchall()
        assert len(found) == 1, (table, found)


if __name__ == "__main__":
    sys.exit(main())
