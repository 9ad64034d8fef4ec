"""The tables of an owner's plug-in: a branch of migrations of its own beside the shop's."""

import warnings
from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory
from flask import current_app
from flask_migrate import upgrade
from sqlalchemy import inspect, text

from webapp.config import ConfigError, current
from webapp.db.engine import db, migrate
from webapp.shop.folder import Folder
from webapp.shop.plugins import faults


@migrate.configure  # type: ignore[untyped-decorator]
def add_branch(config: Any) -> Any:
    """Have Alembic look into the owner's folder as well, where it has migrations."""
    owners = current().shop.migrations
    if owners.is_dir():
        places = f"{_ours()}\n{owners}"
        config.set_main_option("path_separator", "newline")
        config.set_main_option("version_locations", places.replace("%", "%%"))
    return config


def bring() -> None:
    """Make the tables of this release and of the plug-in, in one transaction.

    :raise webapp.config.ConfigError: one of the plug-in's cannot be used, or is missing; nothing changed
    """
    check()
    try:
        upgrade(revision="heads")
    except Exception as error:
        if sentence := faults.fault_in(error, current().shop.migrations):
            db.session.rollback()
            raise ConfigError(f"migrations/{sentence.rstrip('.')}. Nothing was changed.") from error
        raise


def check() -> None:
    """See that the plug-in's migrations are a branch of their own, and that none is missing that was run.

    :raise webapp.config.ConfigError: they are not, or one is
    """
    ours, owners = _revisions(_ours()), _owners(current().shop)
    if both := ours & owners:
        raise ConfigError(
            f"migrations: {', '.join(sorted(both))} is what a migration of the shop's is called. Give the "
            "plug-in's another name, such as own_0001. Nothing was changed."
        )
    db.session.rollback()  # what is looked at is of now, and nothing is held while tables change
    gone = applied() - ours - owners
    db.session.rollback()
    if gone:
        raise ConfigError(f"{told_unknown(gone)} Nothing was changed.")


def applied() -> set[str]:
    """Return the newest revision of each branch that was run."""
    is_known = inspect(db.session.connection()).has_table("alembic_version")
    rows = db.session.scalars(text("SELECT version_num FROM alembic_version")) if is_known else ()
    return set(rows)


def heads() -> set[str]:
    """Return the newest revision of each branch that there is."""
    return set(_scripts().get_heads())


def unknown() -> set[str]:
    """Return what was run and is not there any more: of a plug-in that is gone, or of a newer release."""
    known = {script.revision for script in _scripts().walk_revisions()}
    return applied() - known


def told_unknown(revisions: set[str]) -> str:
    """Say that migrations are missing, and what can be done."""
    return (
        f"The database has tables of {', '.join(sorted(revisions))}, a migration that is neither this "
        f"release's nor in {current().shop.migrations}. Put the file back; to part with a plug-in and what "
        "it kept, run flask --app webapp db downgrade REVISION@base while its files are there."
    )


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(current_app.extensions["migrate"].migrate.get_config())


def _ours() -> Path:
    return Path(current_app.extensions["migrate"].directory) / "versions"


def _owners(folder: Folder) -> set[str]:
    if not folder.migrations.is_dir():
        return set()
    try:
        return _revisions(folder.migrations)
    except (Exception, SystemExit) as error:
        # Alembic warns where a branch hangs in the air, or on one of the shop's.
        sentence = faults.fault_in(error, folder.migrations) or " ".join(str(error).split())
        raise ConfigError(f"migrations/{sentence.rstrip('.')}. Nothing was changed.") from error


def _revisions(folder: Path) -> set[str]:
    """Return the revisions of one folder, which has to be whole by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scripts = ScriptDirectory(str(folder.parent), version_locations=[str(folder)])
        return {script.revision for script in scripts.walk_revisions()}
