"""The tables of an owner's plug-in: made at a release, and what is said when they cannot be."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import inspect

from tests.kit.documents import block
from tests.kit.factories import SHOP, make_config, opened, write_folder
from webapp import create_app
from webapp.db.engine import db
from webapp.ops.doctor import database
from webapp.shop import migrations
from webapp.shop.folder import Folder

MIGRATION = """
revision = "{}"
down_revision = {!r}

from alembic import op
import sqlalchemy as sa

def upgrade():
    {}

def downgrade():
    op.drop_table("own_notes")
"""
TABLE = 'op.create_table("own_notes", sa.Column("id", sa.Integer, primary_key=True))'
ON_SQLITE = pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)


def migration(body: str = TABLE, revision: str = "own_0001", after: str | None = None) -> str:
    return MIGRATION.format(revision, after, body)


@pytest.fixture
def shop_of(tmp_path, new_database) -> Iterator[Any]:
    """A way to open, on a new database, the shop of a folder with this migration."""
    contexts = []

    def open_(text: str) -> Flask:
        shutil.copytree(SHOP.path, tmp_path / "own")
        folder = write_folder(tmp_path / "own", {"migrations/own_0001_notes.py": text})
        contexts.append(opened(create_app(make_config(database_url=new_database(), shop=folder))))
        return contexts[-1].__enter__()

    yield open_
    for context in contexts:
        context.__exit__(None, None, None)


def release(app: Flask) -> str:
    """Return what a release says that stops before it talks to Telegram."""
    result = app.test_cli_runner().invoke(args=["release"])
    assert result.exit_code == 1, result.output
    return str(result.stderr)


def tables() -> set[str]:
    db.session.rollback()
    return set(inspect(db.engine).get_table_names())


def test_a_release_makes_them_in_a_branch_of_their_own(shop_of):
    shop_of(migration())
    assert database.migrated().words.startswith("The database is not migrated.")
    migrations.bring()
    assert {"own_notes", "orders"} <= tables()
    assert migrations.applied() == migrations.heads()
    assert len(migrations.heads()) == 2
    assert database.migrated().is_well
    migrations.bring()
    assert database.migrated().is_well


@pytest.mark.proves("I19", "F66")
def test_one_that_breaks_changes_nothing(shop_of):
    app = shop_of(migration(TABLE + "\n    raise KeyError('moon')"))
    said = release(app)
    assert "migrations/own_0001_notes.py, line 10: KeyError: 'moon'. Nothing was changed." in said
    assert tables() <= {"alembic_version"}


@pytest.mark.proves("F66")
@ON_SQLITE
def test_one_that_is_gone_stops_a_release_before_it_changes_anything(shop_of):
    app = shop_of(migration())
    migrations.bring()
    folder: Folder = app.config["STARFRONT"].shop
    (folder.migrations / "own_0001_notes.py").unlink()
    assert "The database has tables of own_0001, a migration that is neither this release's" in release(app)
    assert "own_notes" in tables()
    words = database.migrated().words
    assert words.startswith("The database is ahead of the files. The database has tables of own_0001")


@ON_SQLITE
def test_a_plugin_is_parted_with_by_its_name(shop_of):
    """As the guide has it: its migration, and the command that undoes it."""
    app = shop_of(block("extending.md", "python", 1))
    migrations.bring()
    assert "tides_places" in tables()
    result = app.test_cli_runner().invoke(args=["db", "downgrade", "tides_0001@base"])
    assert result.exit_code == 0, result.output
    assert "tides_places" not in tables()
    assert "orders" in tables()


@ON_SQLITE
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (migration(revision="0001"), "0001 is what a migration of the shop's is called."),
        (migration(after="0011"), "Revision 0011 referenced from"),
        ("import nowhere_to_be_found", "own_0001_notes.py, line 1: ModuleNotFoundError"),
        ("def upgrade(:", "own_0001_notes.py, line 1: SyntaxError"),
        ("x = 1", "own_0001_notes.py"),
    ],
    ids=["a name of ours", "on ours", "import", "syntax", "no revision"],
)
def test_one_that_cannot_be_is_told_before_anything_changes(shop_of, text, sentence):
    said = release(shop_of(text))
    assert sentence in said
    assert "Nothing was changed." in said
    assert tables() == set()
