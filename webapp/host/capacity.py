"""How many web workers fit: into processors, memory and what the database has connections for."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from webapp.db import postgresql

CONNECTIONS = 4  # of each process, in its pool
APART = 4  # connections for the release, the doctor and an owner who looks
WORKER_BYTES = 128 * 1024 * 1024
MOST_WORKERS = 8  # more are for those who set WEB_CONCURRENCY
ASKING_SECONDS = 3
CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")
# What PostgreSQL gives to nobody else, what it gives to this user, and to this database; -1 is no limit.
LIMITS = """
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true)::int, 0),
    (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user),
    (SELECT datconnlimit FROM pg_database WHERE datname = current_database())
"""


def workers(database_url: str) -> int:
    """Return how many web workers to have where the owner says nothing."""
    return fitting(_connections(database_url))


def fitting(connections: int) -> int:
    """Return how many web workers fit, with so many connections; 0 if there is no limit."""
    bounds = [processors(), MOST_WORKERS]
    if memory := memory_bytes():
        bounds.append(memory // WORKER_BYTES - 1)  # the bot is one more
    if connections:
        bounds.append(workers_for(connections))
    return max(1, min(bounds))


def workers_for(connections: int) -> int:
    """Return how many web workers there are connections for, beside the bot."""
    return (connections - APART) // CONNECTIONS - 1


def connections_for(web_workers: int) -> int:
    """Return how many connections a shop takes at most, its bot and its owner's commands included."""
    return (web_workers + 1) * CONNECTIONS + APART


def limit(row: tuple[int | None, ...]) -> int:
    """Return how many connections the shop can have, from a row of LIMITS."""
    return min(number for number in row if number is not None and number >= 0)


def processors(cgroups: Path = CGROUPS, own: Path = OWN_CGROUP) -> int:
    """Return how many processors this process may keep busy, a container's quota rounded up."""
    affinity = getattr(os, "sched_getaffinity", None)
    seen = len(affinity(0)) if affinity else os.cpu_count() or 1
    quotas = [_quota(folder) for folder in _folders(cgroups, own, "cpu")]
    return max(1, min([seen, *(-(-quota // 100) for quota in quotas if quota)]))


def memory_bytes(cgroups: Path = CGROUPS, own: Path = OWN_CGROUP) -> int:
    """Return how much memory a container may take, or 0 where nobody says."""
    names = ("memory.max", "memory.limit_in_bytes")
    told = [_number(folder / name) for folder in _folders(cgroups, own, "memory") for name in names]
    # The first version of cgroups spells "no limit" as the largest number of pages.
    return min((number for number in told if 0 < number < 2**60), default=0)


def _connections(database_url: str) -> int:
    """Return how many connections the database gives us, or 0 if it does not say."""
    if not database_url.startswith("postgresql"):
        return 0
    url = make_url(database_url)
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    more = {**postgresql.additions(url), "connect_timeout": ASKING_SECONDS}
    # A database that is away is not waited for here: pages do that.
    with suppress(psycopg.Error), psycopg.connect(address, **more, autocommit=True) as connection:
        row = connection.execute(LIMITS).fetchone()
        return limit(row) if row else 0
    return 0


def _folders(cgroups: Path, own: Path, controller: str) -> Iterator[Path]:
    """Yield the folders that limit this process, its own and those around it, of either version."""
    lines = own.read_text().splitlines() if own.exists() else []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = cgroups / controllers if controllers else cgroups
        here = root / path.lstrip("/")
        yield from (folder for folder in (here, *here.parents) if folder.is_relative_to(root))


def _quota(folder: Path) -> int:
    """Return hundredths of a processor, or 0 for no limit."""
    with suppress(OSError, ValueError):
        told, every = (folder / "cpu.max").read_text().split()
        return 0 if told == "max" else int(told) * 100 // int(every)
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return quota * 100 // period if quota > 0 and period > 0 else 0


def _number(file: Path) -> int:
    with suppress(OSError, ValueError):
        return int(file.read_text())
    return 0
