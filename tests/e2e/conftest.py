"""Stages: the shop with all its processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.processes import Stage


@pytest.fixture
def stage(tmp_path: Path, database_url: str) -> Iterator[Stage]:
    """A shop that polls."""
    one = Stage(tmp_path, database_url)
    yield one.open()
    one.close()


@pytest.fixture
def told_stage(tmp_path: Path, postgresql_url: str) -> Iterator[Stage]:
    """A shop on PostgreSQL that Telegram calls, as most are."""
    one = Stage(tmp_path, postgresql_url, BOT_MODE="webhook")
    yield one.open()
    one.close()


@pytest.fixture(params=["polling", "webhook"])
def any_stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """A shop in either mode of the bot, each on a database of its own kind; make kill crosses them."""
    kind = {"polling": "sqlite", "webhook": "postgresql"}[request.param]
    one = Stage(tmp_path, request.getfixturevalue(f"{kind}_url"), BOT_MODE=request.param)
    yield one.open()
    one.close()
