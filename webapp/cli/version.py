"""Which release of Starfront this is."""

import click

from webapp.version import __version__


@click.command()
def version() -> None:
    """Name this release; CHANGELOG.md says what is new in it."""
    click.echo(f"Starfront {__version__}")
