"""The catalogue as a file."""

from pathlib import Path

import click
from flask.cli import AppGroup

from webapp import clock
from webapp.cli import files
from webapp.domain import catalogue, catalogue_files
from webapp.extensions import transaction

SHIPPED_CATALOGUE = Path(__file__).parent.parent.parent / "catalog.toml"

group = AppGroup("catalog", help="Read, write and check the catalogue file.")


@group.command("import")
@click.argument("file", type=files.READABLE, default=SHIPPED_CATALOGUE)
def import_command(file: Path) -> None:
    """Make the shop sell what FILE lists, all of it or, if anything is wrong, nothing."""
    import_file(file)


@group.command("export")
def export() -> None:
    """Print the catalogue as a file that can be imported, what is no longer sold included."""
    items = map(catalogue.Item.of, catalogue.everything())
    click.echo(catalogue_files.write(items), nl=False)


@group.command("check")
@click.argument("file", type=files.READABLE, default=SHIPPED_CATALOGUE)
def check(file: Path) -> None:
    """Say whether FILE could be imported."""
    click.echo(f"{file.name}: {len(files.read(file, catalogue_files.read))} products, nothing to object to.")


def import_file(file: Path) -> None:
    """Have the shop sell what the file lists, and say what changed."""
    items = files.read(file, catalogue_files.read)
    with transaction():
        counts = catalogue.replace(items, clock.now())
    click.echo(", ".join(f"{count} {what}" for what, count in counts.items()))
