"""What entitlements open, as the owner's catalogue says it, and what it may not say."""

from pathlib import Path
from typing import Any

import pytest

from tests.kit.factories import SHOP, make_config
from webapp import cli, create_app
from webapp.config import ConfigError
from webapp.domain.catalogue.toml_files import FileInvalid
from webapp.shop import catalogue_file, openings
from webapp.shop.destinations import Address, Chat, Page, Route
from webapp.shop.folder import Folder
from webapp.shop.openings import Opening

PRODUCT = """\
[[products]]
slug = "guide"
kind = "unlock"
section = "All"
title = "The Guide"
description = "All of it."
picture = "hero.svg"
stars = 100
entitlements = ["guide"]

"""
GUIDE = """\
[[entitlements]]
key = "guide"
title = "The Guide"
picture = "hero.svg"
opens = "page:guide.md"
"""
OTHER = GUIDE.replace("guide", "other").replace("page:other.md", "url:https://example.org/a")
LINE = 10  # of the product and the blank line after it
ROUTES = {"tool": "/tool"}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    for name in ("pages", "pictures"):
        (tmp_path / name).mkdir()
    (tmp_path / "pages" / "guide.md").write_text("# The Guide\n\nTwo.\n\n## Words\n\nMore.\n")
    (tmp_path / "pictures" / "hero.svg").write_bytes((SHOP.pictures / "hero.svg").read_bytes())
    return Folder(tmp_path)


def read(text: str, folder: Folder) -> list[Opening]:
    return catalogue_file.parse(PRODUCT + text, folder, ROUTES).openings


def opens(folder: Folder, what: str) -> object:
    (folder.pages / "more.md").write_text("More.")
    return read(GUIDE.replace("page:guide.md", what), folder)[0].destination


def test_each_kind_leads_somewhere(folder: Folder) -> None:
    page = opens(folder, "page:guide.md")
    assert isinstance(page, Page)
    assert page.href("shop_bot") == "/pages/guide"
    assert opens(folder, "route:tool") == Route("tool", "/tool")
    assert opens(folder, "url:https://example.org/x?y=1") == Address("https://example.org/x?y=1")
    assert opens(folder, "bot") == Chat()
    assert Chat().href("shop_bot") == "https://t.me/shop_bot"
    assert Chat().href("") == "/"


def test_a_title_is_told_in_the_language_of_whoever_reads(folder: Folder) -> None:
    [guide] = read(GUIDE + '\n[entitlements.translations.ru]\ntitle = "Гид"\n', folder)
    assert (guide.title_in("ru"), guide.title_in("es")) == ("Гид", "The Guide")


def test_what_is_written_reads_back_the_same(folder: Folder) -> None:
    text = GUIDE + '\n[entitlements.translations.ru]\ntitle = "Гид \\"1\\""\n\n' + OTHER
    every = [
        *read(text, folder),
        Opening("tool", "T", "hero.svg", Route("tool", "/tool")),
        Opening("z", "Z", "hero.svg", Chat()),
    ]
    assert read(openings.write(every), folder) == every


@pytest.mark.parametrize(
    ("text", "line", "key", "reason"),
    [
        ("", 9, "entitlements", "nothing opens 'guide'"),
        (OTHER, 9, "entitlements", "nothing opens 'guide'"),
        (GUIDE + "\n" + GUIDE.replace("page:guide.md", "bot"), LINE + 8, "key", "already used on line 12"),
        (GUIDE.replace('key = "guide"\n', ""), LINE + 1, "key", "is missing"),
        (GUIDE.replace('title = "The Guide"\n', ""), LINE + 1, "title", "is missing"),
        (GUIDE.replace('opens = "page:guide.md"\n', ""), LINE + 1, "opens", "is missing"),
        (GUIDE + "colour = 3\n", LINE + 6, "colour", "is not a key of an entitlement"),
        (GUIDE.replace('"guide"', '"Guide"'), LINE + 2, "key", "lower-case letters"),
        (GUIDE.replace('"guide"', "7"), LINE + 2, "key", "must be a text"),
        (GUIDE.replace('"guide"', '"upgrades"'), LINE + 2, "key", "a page of the shop's own"),
        (GUIDE.replace("The Guide", "x" * 65), LINE + 3, "title", "has 65 characters"),
        (GUIDE.replace("The Guide", "\\u202Ex"), LINE + 3, "title", "RIGHT-TO-LEFT OVERRIDE"),
        (GUIDE.replace("hero.svg", "../hero.svg"), LINE + 4, "picture", "must be the name of a file"),
        (GUIDE.replace("hero.svg", "none.svg"), LINE + 4, "picture", "there is no none.svg"),
        (
            GUIDE.replace("page:guide.md", "page:away.md"),
            LINE + 5,
            "opens",
            "there is no away.md in the folder pages",
        ),
        (
            GUIDE.replace("page:guide.md", "page:../catalog.md"),
            LINE + 5,
            "opens",
            "must be the name of a file",
        ),
        (GUIDE.replace("page:guide.md", "page:"), LINE + 5, "opens", "must be the name of a file"),
        (GUIDE.replace("page:guide.md", "page:/etc/passwd"), LINE + 5, "opens", "must be the name of a file"),
        (
            GUIDE.replace("page:guide.md", "pages:guide.md"),
            LINE + 5,
            "opens",
            'must be "page:guide.md", "url:',
        ),
        (GUIDE.replace("page:guide.md", "guide.md"), LINE + 5, "opens", 'must be "page:guide.md", "url:'),
        (GUIDE.replace("page:guide.md", "url:http://example.org"), LINE + 5, "opens", "is no https address"),
        (GUIDE.replace("page:guide.md", "url:javascript:alert(1)"), LINE + 5, "opens", "is no https address"),
        (GUIDE.replace("page:guide.md", "url:https://"), LINE + 5, "opens", "is no https address"),
        (GUIDE.replace("page:guide.md", "url:https://[::1"), LINE + 5, "opens", "is no https address"),
        (GUIDE.replace("page:guide.md", "url:https://a b.org"), LINE + 5, "opens", "is no https address"),
        (GUIDE.replace("page:guide.md", "url:https://me:pw@a.org"), LINE + 5, "opens", "a name or password"),
        (GUIDE.replace("page:guide.md", "url:https://a.org/" + "x" * 2100), LINE + 5, "opens", "characters"),
        (
            GUIDE.replace("page:guide.md", "route:gone"),
            LINE + 5,
            "opens",
            "registers a route 'gone'; there are tool",
        ),
        (GUIDE.replace("page:guide.md", "bot:x"), LINE + 5, "opens", "bot stands alone"),
        (GUIDE.replace('"page:guide.md"', "3"), LINE + 5, "opens", "must be a text"),
        (
            GUIDE + "\n" + GUIDE.replace('"guide"', '"two"'),
            LINE + 11,
            "opens",
            "'guide' opens the same on line 15",
        ),
        (
            GUIDE.replace("page:guide.md", "url:https://Example.org/a/") + "\n" + OTHER,
            LINE + 11,
            "opens",
            "'guide' opens the same",
        ),
        (
            GUIDE.replace("page:guide.md", "url:https://t.me/shop_bot?startapp=other")
            + "\n"
            + OTHER.replace("https://example.org/a", "https://t.me/shop_bot?startapp=guide"),
            LINE + 5,
            "opens",
            "leads back to the entitlement 'other'",
        ),
        (
            GUIDE + '\n[entitlements.translations.tlh]\ntitle = "x"\n',
            LINE + 7,
            "guide, translations.tlh",
            "does not speak it",
        ),
        (
            GUIDE + '\n[entitlements.translations.ru]\nopens = "bot"\n',
            LINE + 8,
            "guide, translations.ru.opens",
            "only title",
        ),
        (
            GUIDE + "\n[entitlements.translations.ru]\n",
            LINE + 7,
            "guide, translations.ru.title",
            "is missing",
        ),
        ("[entitlements]\nkey = 1\n", LINE + 1, "entitlements", "must be [[entitlements]] tables"),
    ],
)
def test_a_bad_table_is_refused_with_line_key_and_reason(
    folder: Folder, text: str, line: int, key: str, reason: str
) -> None:
    with pytest.raises(FileInvalid) as refusal:
        read(text, folder)
    assert (refusal.value.line, refusal.value.key) == (line, key), refusal.value
    assert reason in refusal.value.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("![x](https://spy.example/x.png)", "line 1: pictures of other sites are not shown"),
        ("One.\n\n![x](gone.png)", "line 3: there is no gone.png in the folder pictures"),
        ("![x](bad.png)", "line 1: pictures/bad.png is no picture"),
        ("[x](second.md)", "line 1: the link to second.md leads nowhere: no entitlement opens that page"),
        ("[x](chapter)", "line 1: the link to chapter leads nowhere"),
        ("[x](//evil.example)", "line 1: the link to //evil.example leads nowhere"),
        ("a" * 200_001, "guide.md has more than 200,000 characters"),
        (b"\xff\xfe", "guide.md is no UTF-8 text"),
    ],
)
def test_a_page_that_would_not_look_as_meant_is_refused(folder: Folder, text: Any, reason: str) -> None:
    (folder.pictures / "bad.png").write_text("no picture")
    (folder.pages / "guide.md").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FileInvalid) as refusal:
        read(GUIDE, folder)
    assert (refusal.value.line, refusal.value.key) == (LINE + 5, "opens")
    assert reason in refusal.value.reason


BACK = ["https://shop.test", "https://SHOP.test:443/pages/guide", "https://shop.test./upgrades#x"]


@pytest.mark.parametrize("address", BACK)
def test_an_address_of_the_shop_itself_is_refused(folder: Folder, address: str, monkeypatch: Any) -> None:
    folder.catalogue.write_text(PRODUCT + GUIDE.replace("page:guide.md", f"url:{address}"))
    url = f"sqlite:///{folder.path}/none.db"
    with pytest.raises(ConfigError, match="leads back to this shop") as raised:
        create_app(make_config(database_url=url, shop=folder, public_url="https://shop.test"))
    monkeypatch.setenv("PUBLIC_URL", "https://shop.test/")
    monkeypatch.setenv("SHOP_DIR", str(folder.path))
    runner = cli.without_shop("The shop cannot start.").test_cli_runner()
    for command in (["shop", "check"], ["catalog", "check"]):
        judged = runner.invoke(args=command)
        assert (judged.exit_code, str(raised.value) in judged.output) == (1, True), judged.output


def test_an_address_beside_the_shops_pages_is_taken(folder: Folder) -> None:
    for address in ("https://shop.test/static/shop/book.pdf", "https://shop.test.example/", "https://a.org"):
        text = PRODUCT + GUIDE.replace("page:guide.md", f"url:{address}")
        [found] = catalogue_file.parse(text, folder, ROUTES, "https://shop.test").openings
        assert found.destination == Address(address)


def test_translations_of_a_page_are_looked_at_as_well(folder: Folder) -> None:
    (folder.pages / "guide.ru.md").write_text("Раз.\n\n![x](gone.png)\n")
    with pytest.raises(FileInvalid, match=r"pages/guide\.ru\.md, line 3: there is no gone\.png"):
        read(GUIDE, folder)
    (folder.pages / "guide.ru.md").rename(folder.pages / "guide.tlh.md")
    with pytest.raises(FileInvalid, match=r"pages/guide\.tlh\.md: the shop does not speak tlh"):
        read(GUIDE, folder)


def test_what_nobody_gets_or_reads_is_warned_of(folder: Folder) -> None:
    assert catalogue_file.parse(PRODUCT + GUIDE, folder, ROUTES).warnings == []
    (folder.pages / "notes.md").write_text("Notes.")
    (folder.pages / "Guide.md").write_text("Notes.")
    assert catalogue_file.parse(PRODUCT + GUIDE + "\n" + OTHER, folder, ROUTES).warnings == [
        "other: no product grants this entitlement, so nobody gets what it opens.",
        "pages/Guide.md: no entitlement opens this page, so nobody can read it.",
        "pages/notes.md: no entitlement opens this page, so nobody can read it.",
    ]


# At start


def begin(folder: Folder) -> Any:
    return create_app(make_config(database_url=f"sqlite:///{folder.path}/shop.db", shop=folder))


def test_a_folder_without_a_catalogue_is_a_shop(tmp_path: Path) -> None:
    assert begin(Folder(tmp_path)).extensions["openings"] == {}
    assert begin(Folder(tmp_path / "none")).extensions["openings"] == {}


@pytest.mark.parametrize("text", ["[[entitlements]\n", GUIDE.replace("guide.md", "away.md"), "\udcff"])
def test_a_broken_catalogue_stops_the_start_in_words(folder: Folder, text: str) -> None:
    folder.catalogue.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError, match=r"^catalog.toml, line \d+: (opens|TOML|text): .*\.$"):
        begin(folder)


def test_a_missing_picture_stops_no_start(folder: Folder) -> None:
    folder.catalogue.write_text(PRODUCT + GUIDE.replace("hero.svg", "gone.svg"))
    assert begin(folder).extensions["openings"]["guide"].title == "The Guide"


def test_what_changes_after_the_start_is_not_seen(folder: Folder) -> None:
    folder.catalogue.write_text(PRODUCT + GUIDE)
    app = begin(folder)
    (folder.pages / "guide.md").write_text("Another release.")
    folder.catalogue.unlink()
    page = app.extensions["openings"]["guide"].destination.page
    assert "Two." in page.text


def test_what_opens_is_changed_by_nobody_after_the_start(folder: Folder) -> None:
    folder.catalogue.write_text(PRODUCT + GUIDE)
    known = begin(folder).extensions["openings"]
    with pytest.raises(TypeError, match="mappingproxy"):
        known["other"] = known["guide"]
