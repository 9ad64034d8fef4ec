"""A database that is asleep or has nobody to spare is waited for by pages, once and briefly."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask

from tests.kit import arrange
from tests.kit.factories import make_config
from tests.kit.proxy import Proxy
from webapp import create_app
from webapp.db import patience
from webapp.db.engine import db
from webapp.db.patience import Patience
from webapp.db.remedies import NOT_MIGRATED

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


class Bed:
    """A way to a database that leads nowhere until it is woken."""

    def __init__(self, folder: Path, url: str) -> None:
        self.socket = folder / "s"
        self.proxy = Proxy(str(self.socket))
        self.naps = 0
        with psycopg.connect(url) as connection:
            info = connection.info
            self.server = Path(info.host) / f".s.PGSQL.{info.port}"
            self.url = f"postgres://{info.user}@127.0.0.1:{self.proxy.port}/{info.dbname}?sslmode=disable"

    def wake(self) -> None:
        if not self.socket.exists():
            self.socket.symlink_to(self.server)

    def nap(self, _seconds: float) -> None:
        self.naps += 1


@pytest.fixture
def bed(tmp_path: Path, app: Flask, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bed]:
    """A shop's database, asleep; whoever waits for it does not take long."""
    arrange.open_shop()
    one = Bed(tmp_path, database_url)
    monkeypatch.setattr(patience, "current", Patience())
    monkeypatch.setattr(time, "sleep", one.nap)
    yield one
    one.proxy.close()


@pytest.fixture
def visitor(bed: Bed) -> Iterator[Any]:
    shop = create_app(make_config(database_url=bed.url))
    yield shop.test_client()
    with shop.app_context():
        db.engine.dispose()


@on_postgresql
def test_7_the_first_page_waits_until_the_database_is_awake(bed, visitor, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: (bed.nap(seconds), bed.wake()))
    assert visitor.get("/shelf").status_code == 200
    assert bed.naps >= 1


@on_postgresql
def test_7_a_long_outage_is_waited_for_once(bed, visitor, monkeypatch):
    monkeypatch.setattr(patience, "WAKING_SECONDS", 0.5)
    assert visitor.get("/shelf").status_code == 503
    assert bed.naps >= 1
    naps = bed.naps
    assert visitor.get("/shelf").status_code == 503
    assert bed.naps == naps
    bed.wake()
    assert visitor.get("/shelf").status_code == 200


@on_postgresql
def test_7_nobody_waits_who_asks_whether_the_shop_is_ready(bed, visitor):
    assert visitor.get("/readyz").status_code == 503
    assert visitor.get("/healthz").status_code == 200
    assert bed.naps == 0


@on_postgresql
def test_7_not_every_thread_waits(bed, visitor, monkeypatch):
    monkeypatch.setattr(patience, "WAKING_SECONDS", 0.2)
    assert visitor.get("/shelf").status_code == 503
    monkeypatch.setattr(patience, "PLACES", 0)
    bed.wake()
    assert visitor.get("/shelf").status_code == 503  # it is awake, but nobody asked
    monkeypatch.setattr(patience, "PLACES", 1)
    assert visitor.get("/shelf").status_code == 200


@pytest.mark.parametrize("path", ["/", "/shelf"])
def test_7_a_shop_that_was_never_released_says_so_once(new_database, caplog, path):
    shop = create_app(make_config(database_url=new_database()))
    shop.test_client().get(path)
    client = shop.test_client()
    assert [client.get(path).status_code for _ in range(2)] == [503, 503]
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == [NOT_MIGRATED]
    with shop.app_context():
        db.engine.dispose()
