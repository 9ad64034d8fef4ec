"""The way of one paid update through the shop's modules, from the row of the inbox to the ledger.

    python -m bench.way

To reach: at most 12 modules entered, and 25 turns back; :mod:`tests.kit.way` says how both are counted.
"""

import sys
import tempfile
from pathlib import Path

from flask import Flask

from bench.charges import Sale, open_shop, prepare
from tests.kit.factories import make_config
from tests.kit.way import Way, follow
from webapp import clock, create_app
from webapp.db.engine import db
from webapp.db.transactions import transaction
from webapp.domain.queue import inbox
from webapp.domain.sales import updates

MOST_MODULES, MOST_TURNS = 12, 25


def main() -> int:
    """Print the way; the exit code says whether it is short enough."""
    with tempfile.TemporaryDirectory() as folder:
        way = followed(f"sqlite:///{Path(folder) / 'shop.db'}")
    print(way)
    return 0 if len(way.modules) <= MOST_MODULES and way.turns.total() <= MOST_TURNS else 1


def followed(url: str) -> Way:
    """Return the way of the second of two sales, since the first fills caches."""
    open_shop(url)
    app = create_app(make_config(database_url=url, log_level="ERROR"))
    with app.app_context():
        first, second = prepare(app, 1_000, 2)
        record(app, first)
        way = record(app, second)
        db.engine.dispose()
    return way


def record(app: Flask, sale: Sale) -> Way:
    """Return the way from a sale's update to the ledger; the transaction around it is no part of it."""
    now = clock.now()
    item = inbox.describe(sale.body, "webhook", now)
    with transaction():
        inbox.keep(item, done_at=now)
        return follow(lambda: updates.apply(item, keys=app.extensions["keys"], now=now))


if __name__ == "__main__":
    sys.exit(main())
