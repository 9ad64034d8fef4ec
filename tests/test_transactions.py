"""What holds for every transaction; F26 to F32 are names of the failure model."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy.exc import DBAPIError

from tests.kit.arrange import ALICE, NOW
from tests.kit.processes import eventually
from webapp import clock
from webapp.db import own
from webapp.db.engine import db, fetch_row
from webapp.db.models import OutboxMessage, RateLimit
from webapp.db.transactions import run_in_transaction, transaction
from webapp.domain.queue import outbox

pytestmark = pytest.mark.usefixtures("app")
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def write(number: int) -> None:
    outbox.add(ALICE, "receipt", {}, dedupe_key=f"receipt:{number}", now=NOW)


def written() -> list[str]:
    return list(db.session.scalars(db.select(OutboxMessage.dedupe_key).order_by(OutboxMessage.id)))


@pytest.mark.proves("I14", "F26")
def test_f26_of_a_transaction_that_failed_nothing_stays():
    def fail_half_way() -> None:
        write(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_in_transaction(fail_half_way)
    with transaction():
        write(2)
    assert written() == ["receipt:2"]


def test_a_row_fetched_past_the_session_takes_no_second_connection():
    count = "SELECT count(*) FROM outbox"
    with transaction():
        write(1)
        db.session.flush()
        assert fetch_row(count) == (1,)
        db.session.rollback()
        assert fetch_row(count) == (0,)
    assert not db.session().in_transaction()
    assert fetch_row(count) == (0,)
    assert not db.session().in_transaction()


def test_a_row_fetched_past_the_session_that_fails_is_an_error_of_the_database():
    with pytest.raises(DBAPIError):
        fetch_row("SELECT nothing FROM nowhere")
    assert fetch_row("SELECT 1") == (1,)


@pytest.mark.proves("I4", "F32")
@on_sqlite
@pytest.mark.parametrize(("setting", "value"), [("synchronous", 2), ("foreign_keys", 1)])
def test_f32_every_connection_to_sqlite_is_set_to_keep_what_it_commits(setting, value):
    with db.engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {setting}").scalar() == value


@pytest.mark.proves("F52")
@on_postgresql
def test_f52_machines_that_share_a_database_share_its_clock(monkeypatch):
    monkeypatch.setattr(clock, "machine_time", lambda: NOW)
    monkeypatch.setattr(clock, "_zero", None)
    assert clock.now() == NOW
    db.engine.dispose()
    told = db.session.scalar(db.select(db.func.clock_timestamp()))
    assert abs((clock.now() - told).total_seconds()) < 30


@pytest.mark.proves("F52")
@on_sqlite
def test_f52_a_file_has_no_clock_but_the_machines(monkeypatch):
    monkeypatch.setattr(clock, "machine_time", lambda: NOW)
    monkeypatch.setattr(clock, "_zero", None)
    db.engine.dispose()
    write(1)
    assert clock.now() == NOW


@pytest.mark.proves("F28")
@on_postgresql
def test_f28_what_the_database_broke_off_is_done_again(app: Flask):
    """Two who wait for each other: PostgreSQL ends one of them."""
    both_have_one = threading.Barrier(2)
    tries: list[int] = []

    def work(first: int, second: int) -> None:
        tries.append(first)
        db.session.execute(db.select(db.func.pg_advisory_xact_lock(first)))
        if tries.count(first) == 1:
            both_have_one.wait(10)
        db.session.execute(db.select(db.func.pg_advisory_xact_lock(second)))
        write(first)

    def run(first: int, second: int) -> None:
        with app.app_context():
            run_in_transaction(lambda: work(first, second))

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(run, 1, 2), pool.submit(run, 2, 1)]:
            done.result()
    assert len(tries) == 3
    assert sorted(written()) == ["receipt:1", "receipt:2"]


def test_an_owners_transaction_that_hangs_keeps_nobody_from_writing(app, monkeypatch):
    monkeypatch.setattr(own, "MOST_SECONDS", {"sqlite": 0.2, "postgresql": 0.2})
    begun, go_on, raised = threading.Event(), threading.Event(), []

    def hang() -> None:
        with app.app_context():
            try:
                with own.own_session() as session:
                    session.add(bucket("before"))
                    session.flush()
                    begun.set()
                    go_on.wait()
                    session.add(bucket("after"))
                    session.flush()
            except Exception as error:
                raised.append(type(error))

    thread = threading.Thread(target=hang, daemon=True)
    thread.start()
    begun.wait()
    with transaction():
        db.session.add(bucket("shop"))
    # A thread that never comes back has no connection of the pool's either.
    eventually(lambda: db.engine.dialect.name == "sqlite" or db.engine.pool.checkedout() == 0)
    go_on.set()
    thread.join()
    assert raised == [own.OwnTransactionTooLong]
    with own.own_session() as session:
        session.add(bucket("next"))
    assert set(db.session.scalars(db.select(RateLimit.bucket))) == {"shop", "next"}


def bucket(name: str) -> RateLimit:
    return RateLimit(bucket=name, window_at=NOW, hits=1)
