"""The pages that the example shop's plug-in draws, which everybody has to be able to use as well."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.gallery.looks import found_by_looking
from tests.gallery.states import STATES
from tests.gallery.visits import Observatory, Visit
from tests.kit.processes import ROOT

PAGES = ("atlas", "atlas-locked", "tonight", "tonight-locked", "field-notes", "field-notes-locked")


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observatory]:
    one = Observatory(tmp_path_factory.mktemp("example"), SHOP_DIR=str(ROOT / "examples" / "observatory"))
    yield one.open()
    one.close()


@pytest.mark.parametrize("name", PAGES)
def test_everyone_can_use_what_a_plug_in_draws(name: str, example: Observatory, browser: Browser):
    visit = Visit(example, browser)
    STATES[name](visit)
    found = {look: found for look, found in found_by_looking(visit) if found}
    visit.close()
    assert found == {}
