"""Statements that go past SQLAlchemy behave as if they had not, and connections are looked after."""

from datetime import timedelta

import pytest
from sqlalchemy import bindparam, select, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

from tests.kit.arrange import ALICE, DAY, NOW
from webapp.db import engine, writes
from webapp.db.engine import db
from webapp.db.models import Entitlement, Lease
from webapp.db.transactions import run_in_transaction, transaction
from webapp.db.writes import UNLESS_THERE, Insertion, insert_once, run, write

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
UNTIL = select(Entitlement.__table__.c.until).where(Entitlement.__table__.c.key == bindparam("key"))


def lease(name: str, **changes: object) -> writes.Write:
    facts = {"name": name, "holder": "one", "token": 1, "expires_at": NOW, **changes}
    return Insertion(Lease, facts, "name", UNLESS_THERE)


def entitlement(key: str) -> writes.Write:
    facts = {"telegram_id": ALICE, "key": key, "since": NOW, "until": NOW + DAY}
    return Insertion(Entitlement, facts, "key")


def leases() -> list[str]:
    return list(db.session.scalars(select(Lease.name).order_by(Lease.name)))


def test_rows_are_written_together_and_each_says_whether_it_was(app):
    with transaction():
        assert write(lease("a"), entitlement("atlas"), lease("b")) == ["a", "atlas", "b"]
        assert write(lease("b", holder="two"), lease("c")) == [None, "c"]
        assert write() == []
    assert leases() == ["a", "b", "c"]
    assert db.session.scalars(select(Lease.holder).where(Lease.name == "b")).one() == "one"


def test_a_row_is_inserted_once(app):
    facts = {"name": "a", "holder": "one", "token": 1, "expires_at": NOW}
    with transaction():
        assert [insert_once(Lease, facts, returning="name") for _ in range(2)] == ["a", None]


def test_all_of_it_is_undone_together(app):
    with transaction():
        write(entitlement("atlas"))
    with pytest.raises(IntegrityError), transaction():
        write(lease("a"), entitlement("atlas"))
    assert leases() == []


def test_a_moment_comes_back_in_utc_whatever_the_server_shows(app):
    with transaction():
        if db.engine.dialect.name == "postgresql":
            db.session.execute(text("SET LOCAL TIME ZONE 'Europe/Berlin'"))
        write(entitlement("atlas"))
        (until,) = run(UNTIL, {"key": "atlas"})[0]
    assert (until, until.utcoffset()) == (NOW + DAY, timedelta())


def test_a_moment_without_a_zone_is_refused(app):
    with pytest.raises((ValueError, StatementError), match="without a zone"), transaction():
        write(lease("a", expires_at=NOW.replace(tzinfo=None)))


@on_postgresql
def test_what_the_database_wants_repeated_is_repeated(app):
    """A deadlock reported by the driver itself is recognised like one that SQLAlchemy reports."""
    tries = []

    def work() -> list[object]:
        tries.append(1)
        if len(tries) == 1:
            run(text("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40P01'; END $$"), {})
        return write(lease("a"))

    assert run_in_transaction(work) == ["a"]
    assert len(tries) == 2


@on_postgresql
def test_a_connection_that_dies_at_work_fails_once(app):
    with pytest.raises(OperationalError, match="terminating connection"), transaction():
        run(text("SELECT pg_terminate_backend(pg_backend_pid())"), {})
    with transaction():
        assert write(lease("a")) == ["a"]


@on_postgresql
def test_a_connection_that_dies_while_idle_is_not_noticed(app, rows, monkeypatch):
    with transaction():
        (mine,) = run(text("SELECT pg_backend_pid()"), {})[0]
    assert rows(f"SELECT pg_terminate_backend({mine})")
    monkeypatch.setattr(engine, "IDLE_SECONDS", 0)
    with transaction():
        assert write(lease("a")) == ["a"]
    with transaction():
        assert run(text("SELECT pg_backend_pid()"), {}) != [[mine]]
    assert leases() == ["a"]
