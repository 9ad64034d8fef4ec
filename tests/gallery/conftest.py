"""One shop for all who visit it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.gallery.visits import Observatory, Visit


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observatory]:
    one = Observatory(tmp_path_factory.mktemp("gallery"), SUPPORT_CONTACT="help@starfront.test")
    yield one.open()
    one.close()


@pytest.fixture
def visit(stage: Observatory, browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Have somebody come; they go when the test is over."""
    come: list[Visit] = []

    def make(**options: Any) -> Visit:
        come.append(Visit(stage, browser, **options))
        return come[-1]

    yield make
    for one in come:
        one.close()
