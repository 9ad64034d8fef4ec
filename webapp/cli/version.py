"""Which release of Starfront this is."""

import click

from webapp.cli.commands import OwnerCommand
from webapp.version import __version__


@click.command(cls=OwnerCommand, needs_shop=False)
def version() -> None:
    """Name this release; CHANGELOG.md says what is new in it."""
    click.echo(f"Starfront {__version__}")
