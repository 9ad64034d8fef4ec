"""Stages: the shop with all its processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.databases import Databases, url_of
from tests.kit.played import standing
from tests.kit.processes import Stage


@pytest.fixture
def stage(tmp_path: Path, database_url: str) -> Iterator[Stage]:
    """A shop that polls."""
    one = Stage(tmp_path, database_url)
    yield one.open()
    one.close()


@pytest.fixture(scope="module")
def told_shop(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Stage]:
    """One shop on PostgreSQL that Telegram calls, as most are, for people who come to no other test."""
    with databases.lent() as name:
        url = url_of(databases.server, name)
        yield from standing(Stage(tmp_path_factory.mktemp("told"), url, BOT_MODE="webhook"))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, empty_sqlite: Path
) -> Iterator[Stage]:
    """One shop that polls, on a database of each kind, for people who come to no other test."""
    folder = tmp_path_factory.mktemp("polling")
    if request.param == "sqlite":
        (folder / "shop.db").write_bytes(empty_sqlite.read_bytes())
        yield from standing(Stage(folder, f"sqlite:///{folder / 'shop.db'}"))
        return
    databases: Databases = request.getfixturevalue("databases")
    with databases.lent() as name:
        yield from standing(Stage(folder, url_of(databases.server, name)))


@pytest.fixture(params=["polling", "webhook"])
def any_stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """A shop in either mode of the bot, each on a database of its own kind; make kill crosses them."""
    kind = {"polling": "sqlite", "webhook": "postgresql"}[request.param]
    one = Stage(tmp_path, request.getfixturevalue(f"{kind}_url"), BOT_MODE=request.param)
    yield one.open()
    one.close()
