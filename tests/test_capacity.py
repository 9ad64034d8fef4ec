"""How many web workers there are, where nobody says; and what the doctor makes of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.kit.factories import make_config
from webapp import create_app
from webapp.config import database_url as normal_url
from webapp.db.engine import db
from webapp.host import capacity
from webapp.ops.doctor import database

GIBIBYTE = 2**30


@pytest.fixture
def plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with 32 processors, and no container around us."""
    monkeypatch.setattr(capacity, "processors", lambda: 32)
    monkeypatch.setattr(capacity, "memory_bytes", lambda: 0)


def cgroup(folder: Path, own: str, files: dict[str, str]) -> tuple[Path, Path]:
    """Have limits as Linux shows them."""
    for name, content in files.items():
        file = folder / "fs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (folder / "own").write_text(own)
    return folder / "fs", folder / "own"


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "50000 100000"}, 1),
        ("0::/\n", {"cpu.max": "150000 100000"}, 2),
        ("0::/\n", {"cpu.max": "max 100000"}, 32),
        ("0::/a/b\n", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000", "cpu.max": "max 1"}, 3),
        (
            "5:cpu,cpuacct:/x\n0::/\n",
            {"cpu,cpuacct/x/cpu.cfs_quota_us": "400000", "cpu,cpuacct/x/cpu.cfs_period_us": "100000"},
            4,
        ),
        ("5:cpu:/x\n", {"cpu/x/cpu.cfs_quota_us": "-1", "cpu/x/cpu.cfs_period_us": "100000"}, 32),
        ("0::/\n", {"cpu.max": "nonsense"}, 32),
        ("", {}, 32),
    ],
    ids=["two", "half", "one and a half", "no limit", "from above", "old", "old without", "broken", "none"],
)
def test_4_processors_are_those_of_the_container(tmp_path, monkeypatch, own, files, expected):
    monkeypatch.setattr(capacity.os, "sched_getaffinity", lambda _pid: range(32), raising=False)
    assert capacity.processors(*cgroup(tmp_path, own, files)) == expected


def test_4_memory_is_that_of_the_container(tmp_path):
    folders = cgroup(tmp_path, "0::/\n", {"memory.max": f"{GIBIBYTE}\n"})
    assert capacity.memory_bytes(*folders) == GIBIBYTE
    (folders[0] / "memory.max").write_text("max\n")
    assert capacity.memory_bytes(*folders) == 0


@pytest.mark.proves("I26", "F59")
def test_4_workers_fit_into_memory_and_connections(plenty, monkeypatch):
    assert capacity.fitting(0) == capacity.MOST_WORKERS
    assert [capacity.fitting(most) for most in (5, 12, 17, 20, 47, 97)] == [1, 1, 2, 3, 8, 8]
    assert capacity.connections_for(3) == 20
    monkeypatch.setattr(capacity, "memory_bytes", lambda: GIBIBYTE // 2)
    assert capacity.fitting(97) == 3


@pytest.fixture
def give(postgresql_url: str, postgres: Any) -> Iterator[Callable[[int], None]]:
    """A way to have a database give so many connections only."""
    with psycopg.connect(postgresql_url) as connection:
        name = connection.info.dbname
    yield lambda most: postgres.psql(f"ALTER DATABASE {name} CONNECTION LIMIT {most}")
    postgres.psql(f"ALTER DATABASE {name} CONNECTION LIMIT -1")


def test_4_the_database_says_what_it_has(postgresql_url, give, plenty):
    url = normal_url(postgresql_url)
    assert capacity.workers(url) == capacity.MOST_WORKERS
    give(14)
    assert capacity.workers(url) == 1
    assert capacity.workers("postgresql+psycopg://nobody@127.0.0.1:9/none") == capacity.MOST_WORKERS
    assert capacity.workers("sqlite:///x.db") == capacity.MOST_WORKERS


@pytest.mark.proves("I26", "F59")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_4_the_doctor_counts_connections(app, plenty, give):
    def found(web_workers: int) -> tuple[str, str, str]:
        [finding] = database.connections(make_config(web_workers=web_workers))
        return finding.severity, finding.sentence, finding.remedy

    assert found(2)[0] == "ok"
    severity, sentence, remedy = found(40)
    assert severity == "warning"
    assert "40 web workers, the bot and your commands use up to 168 connections" in sentence
    assert remedy.startswith("Set WEB_CONCURRENCY to 8")
    give(8)
    db.session.rollback()
    assert found(1)[2].startswith("Choose a larger plan")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_4_sqlite_has_no_connections_to_count(app):
    assert database.connections(make_config()) == []


@pytest.mark.proves("I26")
@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_4_what_only_forks_workers_holds_no_connection(database_url):
    app = create_app(make_config(database_url=database_url))
    with app.app_context():
        assert db.engine.pool.checkedin() + db.engine.pool.checkedout() == 0
