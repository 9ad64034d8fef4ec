"""The catalogue as a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from webapp.cli import files
from webapp.cli.commands import OwnerGroup
from webapp.cli.decisions import reason_option
from webapp.cli.terminal import say
from webapp.domain.catalogue import catalogue, catalogue_files
from webapp.domain.catalogue.catalogue import Difference, Item
from webapp.shop import catalogue_file, openings
from webapp.shop.catalogue_file import CatalogueFile
from webapp.shop.destinations import Chat
from webapp.shop.openings import Opening
from webapp.usecases import owner
from webapp.usecases.owner import Decision

SIGNS = {"added": "+", "changed": "~", "retired": "-", "restored": "+"}
WORDS = {"added": "new", "retired": "off sale; people keep what they own", "restored": "on sale again"}
# Fields that are longer than a line, or are called something else in the file.
LONG = {"description", "details", "translations"}
IN_THE_FILE = {"pass_days": "days", "keys": "entitlements"}

group = OwnerGroup("catalog", help="Read, write and check the catalogue file.")


@group.command("import")
@click.argument("file", type=files.READABLE, default=files.in_shop("catalog.toml"))
@reason_option("Why, for the records.", default="the catalogue file")
def import_command(file: Path, reason: Decision) -> None:
    """Make the shop sell what FILE lists, all of it or, if anything is wrong, nothing."""
    tell_import(*owner.import_catalogue(read(file).items, reason))


@group.command("diff")
@click.argument("file", type=files.READABLE, default=files.in_shop("catalog.toml"))
def diff(file: Path) -> None:
    """Show what would change if the shop sold what FILE lists."""
    differences = catalogue.differences(read(file).items)
    tell(differences)
    count = len(differences)
    click.echo(f"{count} {'product' if count == 1 else 'products'} would change.")


@group.command("export")
def export() -> None:
    """Print the catalogue as a file that can be imported, including what is no longer sold."""
    items = list(map(Item.of, catalogue.everything()))
    click.echo(catalogue_files.write(items) + "\n" + openings.write(_opened_by(items)), nl=False)


@group.command("check", needs_shop=False)
@click.argument("file", type=files.READABLE, default=files.in_shop("catalog.toml"))
def check(file: Path) -> None:
    """Check whether FILE can be imported. It needs no settings and no database."""
    found = read(file)
    for warning in found.warnings:
        click.echo(f"Warning: {warning}")
    click.echo(f"{file.name}: {len(found.items)} products, no problems.")


def read(file: Path) -> CatalogueFile:
    """Return what a file lists, or end the command with what is wrong in it."""
    folder, public_url = files.shop_folder(), files.public_url()
    return files.read(file, lambda text: catalogue_file.parse(text, folder, public_url=public_url))


def tell_import(differences: Sequence[Difference], counts: Mapping[str, int]) -> None:
    """Say what an import changed, and how much."""
    tell(differences)
    click.echo(", ".join(f"{count} {what}" for what, count in counts.items()))


def _opened_by(items: Sequence[Item]) -> list[Opening]:
    """Return what the shop's folder says of each key, and of a key it does not know that the bot answers."""
    known = openings.current()
    strangers = {key: item for item in items for key in item.keys if key not in known}
    return [
        *known.values(),
        *(Opening(key, item.title, item.picture, Chat()) for key, item in strangers.items()),
    ]


def tell(differences: Sequence[Difference]) -> None:
    """Say what differs, a line for each product and for each of its facts."""
    for difference in differences:
        words = WORDS.get(difference.kind, "")
        say(f"  {SIGNS[difference.kind]} {difference.slug} ({difference.title}){words and ': '}{words}")
        for name, (before, after) in difference.changes.items():
            say(f"      {_line(name, before, after)}")


def _line(name: str, before: Any, after: Any) -> str:
    named = IN_THE_FILE.get(name, name)
    return f"{named} changed" if name in LONG else f"{named}: {_shown(before)} → {_shown(after)}"


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else "none" if value is None else str(value)
