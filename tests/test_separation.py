"""The engine knows no goods: whose words, pages and looks they are, they lie in the owner's folder."""

import re
from pathlib import Path

import pytest

from tests.kit.factories import make_config, opened
from tests.kit.processes import ROOT
from webapp import create_app
from webapp.i18n import languages
from webapp.shop.folder import Folder

GONE = ("/atlas", "/tonight", "/field-notes")
PAGES = (
    "/support",
    "/terms",
    "/privacy",
    "/open",
    "/settings",
    "/upgrades",
    "/purchases",
    "/why",
    "/nowhere",
)
# Stars are money here, and what is for sale is none of the engine's business.
WORDS = re.compile(
    r"atlas|tonight|field.?notes|telescop|constellation|nebula|galax|\bmoon|astronom|meteor|night.?sky|observatory",
    re.IGNORECASE,
)
PLACES = ("webapp", "templates", "static", "migrations", "bot.py")
KINDS = {".py", ".html", ".css", ".js", ".po", ".toml", ".md"}
# Where the example lies, for a shop that has no folder of its own.
KNOWN = {'EXAMPLE = ROOT / "examples" / "observatory"'}


def sources() -> list[Path]:
    found = [file for place in PLACES for file in [ROOT / place, *(ROOT / place).rglob("*")]]
    return sorted(file for file in found if file.suffix in KINDS)


def test_nothing_of_the_engine_speaks_of_the_example():
    said = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in sources()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if WORDS.search(line) and line.strip() not in KNOWN
    ]
    assert said == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_shop_of_its_own_has_none_of_the_examples_pages_and_words(database_url, tmp_path):
    with opened(create_app(make_config(database_url=database_url, shop=Folder(tmp_path / "own")))) as app:
        client = app.test_client()
        assert [client.get(path).status_code for path in GONE] == [404] * len(GONE)
        said = {path: client.get(path).text for path in PAGES}
        for code in languages.all_():
            said |= {
                f"{path} {code}": client.get(path, headers={"Accept-Language": code}).text for path in PAGES
            }
    assert [path for path, page in said.items() if WORDS.search(page)] == []
