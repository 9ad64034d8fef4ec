"""T4: processes killed at random moments in the middle of sales; nothing may be lost, doubled or stuck."""

import os
import random
import time

import pytest

from tests.market import Market, audit
from tests.processes import Stage

KILLS = int(os.environ.get("KILLS", "20"))  # of the web process, and as many of the bot; make kill: 1,000
PAYMENTS_A_KILL = 3


# The long campaign crosses every database with every mode; the short one meets each of them once.
EVERY = [(database, mode) for database in ("sqlite", "postgresql") for mode in ("polling", "webhook")]
PAIRS = EVERY if KILLS > 20 else [EVERY[0], EVERY[3]]


@pytest.mark.parametrize(("database_url", "mode"), PAIRS, indirect=["database_url"])
def test_nothing_is_lost_however_often_processes_die(tmp_path, database_url, rows, mode):
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    print(f"SEED={seed} KILLS={KILLS}")
    stage = Stage(tmp_path, database_url, BOT_MODE=mode).open()
    try:
        stage.start("bot-2")
        market = Market(stage)
        with market.open():
            kill_often(stage, random.Random(seed))
        took = audit(stage, rows, market.paid)
        print(f"{len(market.paid)} payments, {2 * KILLS} kills, caught up {took:.1f} s after the last")
    finally:
        stage.close()


def kill_often(stage: Stage, draw: random.Random) -> None:
    """Kill web and bot by turns at random moments, and have them started again as a platform does."""
    for number in range(2 * KILLS):
        name = ("web", "bot", "web", "bot-2")[number % 4]
        sold = len(stage.control("GET", "statement"))
        wanted = sold + PAYMENTS_A_KILL
        deadline = time.monotonic() + 20
        while len(stage.control("GET", "statement")) < wanted and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(draw.uniform(0, 0.3))
        stage.kill(name)
        stage.start(name)
