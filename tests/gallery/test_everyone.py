"""Every page in every state, for people who read with their ears, magnify, tap roughly or get dizzy."""

from collections.abc import Callable

import pytest

from tests.gallery.looks import found_by_looking
from tests.gallery.states import STATES
from tests.gallery.visits import Visit


@pytest.mark.parametrize("name", STATES)
def test_everyone_can_use(name: str, visit: Callable[..., Visit]):
    there = visit()
    STATES[name](there)
    assert {look: found for look, found in found_by_looking(there) if found} == {}
