"""Files that the owner gives to a command."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
from flask import current_app
from flask.cli import ScriptInfo

from webapp import config
from webapp.domain.catalogue.toml_files import FileInvalid
from webapp.shop import folder
from webapp.shop.folder import Folder, FolderMissing

Parsed = TypeVar("Parsed")
READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)


def shop_folder() -> Folder:
    """Return the owner's folder, for commands that need no shop as well."""
    # While a command's words are read, no context is open yet.
    app = current_app or click.get_current_context().ensure_object(ScriptInfo).load_app()
    settings = app.config.get("STARFRONT")
    try:
        return settings.shop if settings else folder.find(config.environment())
    except (FolderMissing, config.ConfigError) as error:
        raise click.ClickException(str(error)) from error


def public_url() -> str:
    """Return the shop's own origin, or nothing while none is set."""
    app = current_app or click.get_current_context().ensure_object(ScriptInfo).load_app()
    settings = app.config.get("STARFRONT")
    try:
        return settings.public_url if settings else config.public_url(config.environment())
    except config.ConfigError:
        return ""


def in_shop(name: str) -> Callable[[], str]:
    """Return what names a file of the owner's folder when nobody names another."""
    return lambda: str(shop_folder().path / name)


def read(file: Path, parse: Callable[[str], Parsed]) -> Parsed:
    """Return what a file says, or end the command with what is wrong in it."""
    try:
        return parse(folder.read_file(file))
    except folder.Unreadable as error:
        raise click.ClickException(f"{file.name} {error}. Nothing was changed.") from error
    except config.ConfigError as error:
        raise click.ClickException(str(error)) from error
    except FileInvalid as error:
        faults = "\n".join(f"{file.name}, {fault}." for fault in error.faults)
        raise click.ClickException(f"{faults} Nothing was changed.") from error
