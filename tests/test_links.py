"""What the shop makes of a bad link to PostgreSQL and to Telegram; tests/campaigns/ has whole processes."""

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from tests.campaigns.links import database_at, socket_of
from tests.kit.arrange import NOW
from tests.kit.factories import make_config, opened
from tests.kit.processes import eventually
from tests.kit.proxy import SOUND, Fault, Proxy
from webapp import create_app
from webapp.config import database_url as normal_url
from webapp.db import postgresql
from webapp.db.engine import db
from webapp.db.models import InboxItem
from webapp.db.transactions import run_in_transaction
from webapp.domain.queue import inbox

CUTS = ["reset", "silence", "half-close", "truncate"]


@pytest.fixture
def link(postgresql_url: str) -> Iterator[Proxy]:
    """The way to PostgreSQL."""
    proxy = Proxy(socket_of(postgresql_url))
    yield proxy
    proxy.close()


@pytest.fixture
def app(postgresql_url: str, link: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    monkeypatch.setattr(postgresql, "SILENCE_SECONDS", 0.3)
    with opened(create_app(make_config(database_url=database_at(postgresql_url, link.port)))) as app:
        yield app


@pytest.mark.proves("F27")
@pytest.mark.parametrize("cut", CUTS)
def test_a_database_that_is_cut_off_is_given_up_and_found_again(app, link, cut):
    for _ in range(2):
        link.fault = Fault(cut=cut, after_bytes=3)
        with pytest.raises(SQLAlchemyError):
            run_in_transaction(lambda: db.session.execute(text("SELECT 1")))
        link.fault = SOUND
        assert run_in_transaction(lambda: db.session.scalar(text("SELECT 1"))) == 1


def test_a_release_may_wait_longer_than_a_request(app, postgresql_url):
    engine = create_engine(normal_url(postgresql_url))
    with engine.connect() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(7373787)"))  # as migrations/env.py takes it
        freed = threading.Timer(1, other.close)
        freed.start()
        upgrade()
        freed.join()
    engine.dispose()


@pytest.mark.proves("F26")
@pytest.mark.parametrize("cut", CUTS)
def test_what_a_cut_off_commit_says_it_kept_is_kept_and_once_however_often_it_comes(app, link, cut):
    said_kept = {number for number in range(16) if receive(number, link, Fault(cut=cut, after_bytes=number))}
    assert said_kept <= kept()
    # What a lost connection had locked is free when PostgreSQL notices: idle_in_transaction_session_timeout.
    for number in range(16):
        eventually(lambda number=number: receive(number, link, SOUND))
    assert kept() == set(range(16))
    assert db.session.scalar(db.select(db.func.count(InboxItem.id))) == 16


def receive(number: int, link: Proxy, fault: Fault) -> bool:
    """Tell whether an update was said to be kept when its commit met this fault."""

    def work() -> None:
        inbox.receive({"update_id": number}, "polling", NOW)
        link.fault = fault

    try:
        run_in_transaction(work)
    except SQLAlchemyError:
        return False
    finally:
        link.fault = SOUND
    return True


def kept() -> set[int]:
    db.session.rollback()
    return set(db.session.scalars(db.select(InboxItem.update_id)))
