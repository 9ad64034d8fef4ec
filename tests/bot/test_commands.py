"""What is in the way of a command is said in a sentence, whichever command it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from flask import Flask

from tests.kit.factories import SHOP, make_config
from tests.kit.played import trouble
from tests.kit.processes import TOKEN
from webapp import application, cli, create_app
from webapp.cli.commands import UNKNOWN_TOKEN, OwnerCommand
from webapp.db.engine import db
from webapp.db.remedies import NOT_MIGRATED
from webapp.db.transactions import transaction
from webapp.domain.owner import shops

FILE = str(SHOP.catalogue)
NEWS = 'name = "comet"\nto = "everyone"\ntext = "A comet is coming."\n'
BEGUN = ["--name", "A", "--tagline", "B", "--seller", "C", "--contact", "D", "--product", "E", "--stars", "1"]
# What each command is told, where it wants to be told something.
ARGUMENTS = {
    "ban": ["1001", "--reason", "why not"],
    "unban": ["1001", "--reason", "why not"],
    "grant": ["1001", "atlas", "--reason", "why not"],
    "revoke": ["1001", "atlas", "--reason", "why not"],
    "forget": ["1001", "--yes"],
    "extend": ["1001", "atlas", "--days", "7", "--reason", "why not"],
    "refunds decline": ["charge", "--reason", "why not"],
    "broadcast stop": ["comet"],
    "inbox show": ["1"],
    "inbox replay": ["1"],
    "inbox dismiss": ["1", "--reason", "enough"],
    "signals retry": ["1"],
    "signals dismiss": ["1", "--reason", "enough"],
    "quarantine grant": ["charge"],
    "quarantine refund": ["charge", "--reason", "why not"],
    "refund": ["charge", "--reason", "why not"],
    "why": ["1001"],
}
NEEDS_NOTHING = {"catalog check", "shop check", "shop new", "version"}
SAYS_IT_ITSELF = {"doctor"}
MIGRATES = {"release"}


def every() -> list[str]:
    """Return each command of the owner's by its words."""
    app = cli.without_shop("nothing is set")
    names = []
    for name, command in app.cli.commands.items():
        inner = command.commands if isinstance(command, click.Group) else {"": command}
        assert all(isinstance(one, OwnerCommand) for one in inner.values()), name
        names += [f"{name} {one}".strip() for one in inner]
    return sorted(names)


COMMANDS = every()
assert application.create_app  # its pages say which entitlements they open


def ask(app: Flask, name: str, folder: Path) -> tuple[int, str]:
    arguments = ARGUMENTS.get(name, [])
    if name in ("broadcast check", "broadcast send"):
        (folder / "news.toml").write_text(NEWS)
        arguments = [str(folder / "news.toml")]
    if name == "shop new":
        arguments = [str(folder / "begun"), *BEGUN]
    result = app.test_cli_runner().invoke(args=[*name.split(), *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    lines = [line for line in result.output.splitlines() if not line.startswith('{"time": ')]
    return result.exit_code, "\n".join(lines)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Any]:
    made: list[Flask] = []

    def make(url: str, **changes: Any) -> Flask:
        made.append(create_app(make_config(database_url=url, **changes)))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.mark.parametrize("name", COMMANDS)
def test_without_settings_a_command_says_what_is_missing(name, tmp_path):
    with cli.without_shop("BOT_TOKEN is missing.").app_context():
        code, said = ask(cli.without_shop("BOT_TOKEN is missing."), name, tmp_path)
    if name in NEEDS_NOTHING:
        assert code == 0, said
    else:
        assert (code, said) == (1, "Error: BOT_TOKEN is missing.")


@pytest.mark.parametrize("name", COMMANDS)
def test_on_a_database_that_is_not_migrated_a_command_says_so(name, tmp_path, shop):
    code, said = ask(shop(f"sqlite:///{tmp_path}/new.db"), name, tmp_path)
    if name in NEEDS_NOTHING:
        assert code == 0, said
    elif name in SAYS_IT_ITSELF:
        assert "Run flask --app webapp release." in said
    elif name not in MIGRATES:
        assert (code, said) == (1, f"Error: {NOT_MIGRATED}")


@pytest.mark.parametrize("name", COMMANDS)
def test_while_the_database_is_away_a_command_says_so(name, tmp_path, shop):
    app = shop("postgres://shop:pa55-Wd@127.0.0.1:9/shop")
    code, said = ask(app, name, tmp_path)
    assert "pa55-Wd" not in said
    if name in NEEDS_NOTHING:
        assert code == 0, said
    elif name in SAYS_IT_ITSELF:
        assert "The database cannot be read" in said
    else:
        assert code == 1
        assert said.startswith("Error: The database cannot be reached (")


@pytest.mark.parametrize(("name", "method"), [("reconcile", "getStarTransactions"), ("release", "getMe")])
def test_a_token_that_telegram_does_not_know_is_named(name, method, telegram, tmp_path, shop, sqlite_url):
    app = shop(sqlite_url, bot_token=TOKEN, bot_api_url=f"{telegram.sandbox}/bot")
    with app.app_context(), transaction():
        shops.claim(int(TOKEN.partition(":")[0]), "starfront_demo_bot", "production")
    trouble(telegram, method, status=401)
    assert ask(app, name, tmp_path) == (1, f"Error: {UNKNOWN_TOKEN}")


def test_a_database_that_no_release_made_this_bots_says_so(tmp_path, shop, sqlite_url):
    assert ask(shop(sqlite_url), "reconcile", tmp_path) == (1, f"Error: {NOT_MIGRATED}")
