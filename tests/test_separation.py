"""The engine knows no goods: whose words, pages and looks they are, they lie in the owner's folder."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from flask import Flask

from tests.kit import arrange
from tests.kit.arrange import ALICE, BOB
from tests.kit.factories import METRICS_TOKEN, make_config, opened
from tests.kit.processes import ROOT
from webapp import cli, create_app
from webapp.db.engine import db
from webapp.db.models import OutboxMessage, User
from webapp.db.transactions import transaction
from webapp.domain.owner import shops
from webapp.i18n import languages
from webapp.shop.folder import Folder
from webapp.texts import notifications

BOUGHT = ("/products/bowline", "/pages/bowline", "/purchases/paid", "/purchases/odd", "/language")
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


SAID = {
    "name": "Knots",
    "tagline": "Tied",
    "seller": "Ann",
    "contact": "@ann",
    "product": "Bowline",
    "stars": "50",
}
BEGUN = [word for flag, answer in SAID.items() for word in (f"--{flag}", answer)]
WHY = ("--reason", "a trial")
PERSON = str(BOB)
# Every command of the shop's, said to a shop with sales; those of Flask's own are Flask's.
COMMANDS = {
    "shop new": ("{folder}/other", *BEGUN),
    "shop check": ("{folder}",),
    "catalog check": ("{folder}/catalog.toml",),
    "catalog diff": ("{folder}/catalog.toml",),
    "catalog import": ("{folder}/catalog.toml",),
    "catalog export": (),
    "doctor": (),
    "version": (),
    "release": (),
    "reconcile": (),
    "why": (str(ALICE),),
    "entitlements rebuild": ("--check",),
    "inbox list": ("--quarantined",),
    "inbox show": ("1",),
    "inbox replay": ("1",),
    "inbox dismiss": ("1", *WHY),
    "quarantine list": (),
    "quarantine grant": ("odd", "--product", "bowline"),
    "quarantine refund": ("odd", *WHY),
    "refunds list": (),
    "refunds decline": ("paid", *WHY),
    "refund": ("paid", *WHY),
    "signals list": (),
    "signals retry": ("1",),
    "signals dismiss": ("1", *WHY),
    "broadcast check": ("{folder}/../news.toml",),
    "broadcast send": ("{folder}/../news.toml",),
    "broadcast list": (),
    "broadcast stop": ("news",),
    "grant": (PERSON, "bowline", "--days", "3", *WHY),
    "extend": (PERSON, "bowline", "--days", "3", *WHY),
    "revoke": (PERSON, "bowline", *WHY),
    "ban": (PERSON, *WHY),
    "unban": (PERSON, *WHY),
    "forget": (PERSON, "--yes", *WHY),
}


def commands(group: Any, *path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield " ".join((*path, name))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An owner's folder as it is begun, and news beside it."""
    (tmp_path / "news.toml").write_text(
        'name = "news"\nto = "everyone"\ntext = "A new knot."\n', encoding="utf-8"
    )
    begun = Folder(tmp_path / "own")
    runner = cli.without_shop("There is none yet.").test_cli_runner()
    assert runner.invoke(args=["shop", "new", str(begun.path), *BEGUN]).exit_code == 0
    return begun


@pytest.fixture
def app(folder: Folder, sqlite_url: str) -> Iterator[Flask]:
    """The shop of that folder, with a sale, and a payment that nobody understands."""
    with opened(create_app(make_config(database_url=sqlite_url, shop=folder))) as app:
        with transaction():
            shops.claim(7342037359, "knots_bot", "production")
        assert app.test_cli_runner().invoke(args=["catalog", "import", str(folder.catalogue)]).exit_code == 0
        for person, charge_id, changes in ((ALICE, "paid", {}), (BOB, "odd", {"stars": 1})):
            made = arrange.order(arrange.meet(person), "bowline")
            arrange.pay(arrange.facts(made, charge_id, **changes))
        yield app


def test_no_command_speaks_of_the_example(app, folder):
    run = app.test_cli_runner().invoke
    names = {name for name in commands(app.cli) if not name.startswith("db ")}
    assert names == set(COMMANDS)
    said = {f"{name} --help": run(args=[*name.split(), "--help"]).output for name in names}
    for name, words in COMMANDS.items():
        db.session.rollback()
        said[name] = run(args=[*name.split(), *(word.format(folder=folder.path) for word in words)]).output
    assert [name for name, text in said.items() if not text.strip()] == []
    assert {name: found for name, text in said.items() if (found := WORDS.findall(text))} == {}


def test_no_page_message_or_number_of_a_shop_with_sales_speaks_of_the_example(app, client):
    metrics = client.get("/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"}).text
    assert "telegram_payments_total" in metrics
    said = {"/metrics": metrics}
    messages = db.session.scalars(db.select(OutboxMessage)).all()
    assert messages
    for code in languages.all_():
        said |= {f"{row.kind} {code}": str(notifications.told(row.kind, row.facts, code)) for row in messages}
        for person in (ALICE, BOB):
            arrange.speaks(db.session.get(User, person), code)
            asked = client.as_(db.session.get(User, person))
            assert [asked.get(path).status_code for path in GONE] == [404] * len(GONE)
            said |= {f"{path} {person} {code}": asked.get(path).text for path in ("/", *PAGES, *BOUGHT)}
    assert "Bowline" in said[f"/purchases/paid {ALICE} fa"]
    assert {name: found for name, text in said.items() if (found := WORDS.findall(text))} == {}
