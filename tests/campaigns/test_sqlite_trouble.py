"""T15: SQLite locked, full, unwritable and read-only under load; nothing is lost, and it goes on by itself.

``make sqlite-trouble`` makes each trouble ten times for up to ten seconds, a run of the whole suite once and
for as long as it takes to be noticed.
"""

import os
import random
import resource
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

from tests.campaigns.crowds import DONE
from tests.campaigns.load import Load, audit_load, failures
from tests.kit.market import Market, audit, audit_deliveries
from tests.kit.processes import Stage, eventually
from webapp.db.sqlite import PATIENCE_SECONDS

ROUNDS = int(os.environ.get("ROUNDS", "1"))
IS_SHORT = ROUNDS == 1
RATE = float(os.environ.get("RATE", "15"))  # updates a second
LONGEST_SECONDS = 10.0
NOTICED_SECONDS = {"locked": PATIENCE_SECONDS + 1.5}  # a lock is waited for; all else is known at once
SHORTEST_SECONDS = 1.5
LATEST_SECONDS = 30  # until a short run's trouble is noticed on a busy machine
QUIET_SECONDS = 1.0 if IS_SHORT else 3.0
AGAIN_SECONDS = 30  # until somebody can buy again
BUYERS = 4
DISK_BYTES = 24 * 2**20
PROCESSES = ("web", "bot")
UNAVAILABLE, NO_ANSWER = 503, 0
Trouble = Callable[[Stage, Path], AbstractContextManager[None]]


@contextmanager
def locked(_stage: Stage, file: Path) -> Iterator[None]:
    """Have somebody else write and not come to an end."""
    other = sqlite3.connect(file, isolation_level=None, timeout=LONGEST_SECONDS)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def full(_stage: Stage, file: Path) -> Iterator[None]:
    """Have no byte left on the disk, or on one that is not the file's own no file that grows."""
    if not file.parent.is_mount():
        with unwritable(_stage, file):
            yield
        return
    filler = file.parent / "filler"
    with open(filler, "wb", buffering=0) as bytes_, suppress(OSError):
        while bytes_.write(b"\0" * 4096):
            pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def unwritable(stage: Stage, _file: Path) -> Iterator[None]:
    """Have every write to a file fail that was open before, as when a disk breaks."""
    _limit_files(stage, 0)
    try:
        yield
    finally:
        _limit_files(stage, resource.RLIM_INFINITY)


@contextmanager
def read_only(stage: Stage, file: Path) -> Iterator[None]:
    """Have files that cannot be written, and processes started anew one after the other.

    So each opens the file while another has it open, and need not make it fit for reading first.
    """
    _allow(file, 0o444)
    for name in PROCESSES:
        stage.kill(name)
        stage.start(name)
        eventually(lambda: stage.answers(f"{stage.web}/healthz"))
    try:
        yield
    finally:
        _allow(file, 0o644)


TROUBLES: dict[str, Trouble] = {
    "locked": locked,
    "full": full,
    "unwritable": unwritable,
    "read-only": read_only,
}
EVERY = [(name, mode) for name in TROUBLES for mode in ("webhook", "polling")]
# What is in hand when a trouble begins waits for the end of its lease: a poller's work by far the most.
CASES = [(name, "webhook") for name in ("locked", "full", "read-only")] if IS_SHORT else EVERY


@pytest.fixture
def file(tmp_path: Path, empty_sqlite: Path) -> Iterator[Path]:
    """An empty, migrated database on a small disk of its own, where one can be had."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size={DISK_BYTES} starfront"
    is_mounted = subprocess.run([*shlex.split(mount), disk], stderr=subprocess.DEVNULL).returncode == 0
    yield shutil.copy(empty_sqlite, disk / "shop.db")
    if is_mounted:
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.fixture
def database_url(file: Path) -> str:
    return f"sqlite:///{file}"


@pytest.fixture
def stage(tmp_path: Path, database_url: str, mode: str) -> Iterator[Stage]:
    one = Stage(tmp_path, database_url, BOT_MODE=mode)
    lines = (line.partition(": ") for line in Path("Procfile").read_text().splitlines())
    one.commands = {
        name: f"{sys.executable} -m tests.kit.unprivileged {command}" for name, _, command in lines
    }
    yield one.open()
    one.close()


@pytest.mark.proves("F14", "F27", "T15")
@pytest.mark.parametrize(("name", "mode"), CASES)
def test_a_shop_whose_file_is_in_trouble_loses_nothing(stage, file, rows, table, name, mode):
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    print(f"{name}, {mode}: SEED={seed} ROUNDS={ROUNDS} RATE={RATE:g}")
    draw = random.Random(seed)
    longest = NOTICED_SECONDS.get(name, SHORTEST_SECONDS) if IS_SHORT else LONGEST_SECONDS
    lengths = [longest] + [draw.uniform(0, LONGEST_SECONDS) for _ in range(ROUNDS - 1)]
    if mode == "polling":
        sell_through(stage, file, rows, table, TROUBLES[name], lengths)
    else:
        deliver_through(stage, file, rows, table, name, lengths, seed)


def deliver_through(stage, file, rows, table, name, lengths, seed):
    """Have updates come while the trouble comes and goes; each is taken or refused, and none is lost."""
    load = Load(stage, rate=RATE, seed=seed)
    with load.running():
        windows = [
            make(TROUBLES[name], stage, file, seconds, load if IS_SHORT else None) for seconds in lengths
        ]
        time.sleep(QUIET_SECONDS)
    audit_load(load, rows, table)
    late = failures(load, windows)
    answers = {one.status for one in load.tries}
    assert UNAVAILABLE in answers, "no trouble at all"
    # Without a process there is no answer.
    assert answers <= {DONE, UNAVAILABLE} | ({NO_ANSWER} if name == "read-only" else set())
    print(
        f"{len(load.taken)} updates taken in {len(load.tries)} tries, failing up to {max(late):.1f} s after"
    )


def sell_through(stage, file, rows, table, trouble, lengths):
    """Have people buy while the trouble comes and goes; each time the shop goes on by itself."""
    market = Market(stage)
    with market.open(BUYERS):
        for seconds in lengths:
            make(trouble, stage, file, seconds)
            assert market.wait_for(len(market.paid) + 1, seconds=AGAIN_SECONDS), "nobody can buy any more"
    took = audit(stage, rows, market.paid)
    audit_deliveries(stage, table, deaths=len(stage.calls("sendMessage")))
    print(f"{len(market.paid)} payments, caught up {took:.1f} s after the last trouble")


def make(
    trouble: Trouble, stage: Stage, file: Path, seconds: float, load: Load | None = None
) -> tuple[float, float]:
    """Have some quiet and then this trouble; return when it began and ended.

    :param load: the trouble lasts until some of these updates were refused
    """
    time.sleep(QUIET_SECONDS)
    begun_at = time.time()
    with trouble(stage, file):
        time.sleep(seconds)
        if load:
            eventually(lambda: any(one.status == UNAVAILABLE for one in load.tries), seconds=LATEST_SECONDS)
    return begun_at, time.time()


def _limit_files(stage: Stage, most_bytes: int) -> None:
    """Let the shop's processes write files up to a length only."""
    for name in PROCESSES:
        parent = stage.processes[name].pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for pid in (parent, *map(int, children)):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))


def _allow(file: Path, mode: int) -> None:
    for one in file.parent.glob(f"{file.name}*"):
        one.chmod(mode)
