"""Files that the owner gives to a command."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from webapp.domain.toml_files import FileInvalid

Told = TypeVar("Told")
READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)


def read(file: Path, understand: Callable[[str], Told]) -> Told:
    """Return what a file says, or end the command with what is wrong in it."""
    try:
        return understand(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file.name}: not UTF-8 text") from error
    except FileInvalid as error:
        raise click.ClickException(f"{file.name}, {error}. Nothing was changed.") from error
