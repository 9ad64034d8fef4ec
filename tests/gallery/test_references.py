"""The twelve most important pages look as they are meant to."""

from collections.abc import Callable

import pytest

from tests.gallery import references
from tests.gallery.visits import Visit


@pytest.mark.parametrize("name", references.PAGES)
def test_a_page_looks_as_it_did(name: str, visit: Callable[..., Visit]):
    there = visit(bypass_csp=True)
    seen = references.look(there, name)
    off = references.difference(there.page, name, seen)
    assert off < references.MOST_SHARE, "if that is how it should look: make references"


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("shop", ".card div { padding: 0 !important }"),
        ("product-outside-of-telegram", ".button { background: #2f9e63 !important }"),
        ("purchases", ".price { display: none !important }"),
        ("upgrades", ":root { --card: #ffffff !important }"),
    ],
)
def test_a_page_that_lost_its_looks_is_noticed(name: str, rule: str, visit: Callable[..., Visit]):
    there = visit(bypass_csp=True)
    there.context.add_init_script(f"""addEventListener("DOMContentLoaded", () => {{
      const sheet = new CSSStyleSheet();
      sheet.replaceSync({rule!r});
      document.adoptedStyleSheets = [sheet];
    }})""")
    assert references.difference(there.page, name, references.look(there, name)) > references.MOST_SHARE
