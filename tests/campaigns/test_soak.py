"""T20: hours of sales while processes are replaced, killed and frozen; the books are Telegram's in the end.

``make soak`` takes two hours on each database, a run of the whole suite has each event once.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.market import Market, Table, audit, audit_deliveries, wishes
from tests.kit.processes import SHARED_PORT, SHORT_STAGES, Process, Stage, eventually
from webapp.bot.leases import DUTY_SECONDS

SECONDS = float(os.environ.get("SOAK_SECONDS", "0"))
EVERY_SECONDS = float(os.environ.get("EVERY_SECONDS", "1"))  # between two events; make soak: 45
PAUSE_SECONDS = float(os.environ.get("PAUSE_SECONDS", "0.5"))  # of a buyer; make soak: 2
OVERLAP_SECONDS = min(EVERY_SECONDS, 5.0)  # of a release and the one before
BUYERS = 4
VETERANS = ("web", "bot")  # which live from the beginning to the end
MOST_CONNECTIONS = 4  # of one process to PostgreSQL, at most
SPARE_FILES = 8


@pytest.mark.proves("T20")
@pytest.mark.parametrize(("database_url", "mode"), SHORT_STAGES, indirect=["database_url"])
def test_whatever_comes_and_goes_the_books_are_right_and_nothing_leaks(
    tmp_path, database_url, rows, table, mode
):
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    print(f"SEED={seed} SOAK_SECONDS={SECONDS:g} EVERY_SECONDS={EVERY_SECONDS:g}")
    stage = Stage(tmp_path, database_url, BOT_MODE=mode, WEB_CONCURRENCY="1")
    stage.commands = {"web": SHARED_PORT}
    try:
        stage.open(*VETERANS, "web-2", "bot-2")
        market, shift = Market(stage, pause_seconds=PAUSE_SECONDS), Shift(stage, random.Random(seed))
        with stage.inside() as app, market.open(BUYERS), market.giving_back(wishes(app), every_seconds=5.0):
            market.wait_for(3 * BUYERS, seconds=60)
            opened = {name: open_files(stage.processes[name]) for name in VETERANS}
            shift.work(until=time.monotonic() + SECONDS)
        took = audit(stage, rows, market.paid)
        audit_deliveries(stage, table, deaths=shift.deaths)
        assert all(stage.processes[name].poll() is None for name in VETERANS)
        for name in VETERANS:
            most = opened[name] + SPARE_FILES
            eventually(lambda name=name, most=most: open_files(stage.processes[name]) <= most)
        if database_url.startswith("postgres"):
            # A connection outlives the process that was killed with it, until PostgreSQL notices.
            most = MOST_CONNECTIONS * len(shift.names) + 1
            eventually(lambda: len(connected(table)) <= most)
        for name in shift.names:
            assert stage.stop(name) == 0, stage.output(name)
        print(f"{len(market.paid)} payments, {dict(shift.events)}, caught up in {took:.1f} s")
    finally:
        stage.close()


class Shift:
    """Whoever runs the shop's processes: replaces them, and sees them die and freeze."""

    def __init__(self, stage: Stage, draw: random.Random) -> None:
        self.stage = stage
        self.draw = draw
        self.names = [*VETERANS, "web-2", "bot-2"]
        self.events: Counter[str] = Counter()
        self.deaths = 0  # and what is as good as one to what is under way
        self.ways: list[Callable[[str], None]] = [self.restart, self.crash, self.release, self.freeze]

    def work(self, *, until: float) -> None:
        """Have something happen every now and then, each thing at least once."""
        for way in self.ways:
            self._happen(way)
        while time.monotonic() < until:
            self._happen(self.draw.choice(self.ways))

    def restart(self, name: str) -> None:
        """The platform ends a process as it should, and starts it again."""
        assert self.stage.stop(name) == 0, self.stage.output(name)
        self.stage.start(name)

    def crash(self, name: str) -> None:
        self.deaths += 1
        self.stage.kill(name)
        self.stage.start(name)

    def release(self, name: str) -> None:
        """A new process is at work beside the old one for a while."""
        assert self.stage.run("release") == 0, self.stage.output("release")
        kind, _, number = name.partition("-")
        heir = f"{kind}-{int(number) + 1}"
        self.stage.start(heir)
        self.names.append(heir)
        time.sleep(OVERLAP_SECONDS)
        assert self.stage.stop(name) == 0, self.stage.output(name)
        self.names.remove(name)

    def freeze(self, name: str) -> None:
        """A bot stops for so long that another takes its duties over, and goes on as if nothing had been."""
        process = self.stage.processes[name if name.startswith("bot") else "bot"]
        self.deaths += 1
        process.send_signal(signal.SIGSTOP)
        time.sleep(DUTY_SECONDS * 1.2 if SECONDS else EVERY_SECONDS)
        process.send_signal(signal.SIGCONT)

    def _happen(self, way: Callable[[str], None]) -> None:
        time.sleep(self.draw.uniform(0, 2 * EVERY_SECONDS))
        way(self.draw.choice([name for name in self.names if name not in VETERANS]))
        self.events[way.__name__] += 1


def open_files(process: Process) -> int:
    """Return how many files and connections a process and its children have open."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return sum(len(list(Path(f"/proc/{one}/fd").iterdir())) for one in (process.pid, *children))


def connected(table: Table) -> list[str]:
    """Return what everybody who is connected to the database did last."""
    query = "SELECT state || ': ' || query FROM pg_stat_activity WHERE datname = current_database()"
    return [doing for (doing,) in table(query)]
