"""The way of one paid update through the shop's modules, from the webhook's bytes to the commit.

    python -m bench.way

To reach: at most 12 modules entered, and 25 turns back; :mod:`tests.kit.way` says how both are counted.
"""

import sys
import tempfile
from pathlib import Path

from bench.charges import open_shop, ours, prepare
from tests.kit.factories import make_config
from tests.kit.way import Way, follow
from webapp import create_app
from webapp.db.engine import db

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
        ours(app, first.body)
        way = follow(lambda: ours(app, second.body))
        db.engine.dispose()
    return way


if __name__ == "__main__":
    sys.exit(main())
