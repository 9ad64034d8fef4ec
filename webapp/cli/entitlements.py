"""What people may open, and whether the ledger says so too."""

import sys

import click
from flask.cli import AppGroup

from webapp.domain import entitlements
from webapp.extensions import transaction

group = AppGroup("entitlements", help="What people may open.")


@group.command("rebuild")
@click.option("--check", is_flag=True, help="Change nothing; fail if anything differs from the ledger.")
def rebuild(check: bool) -> None:
    """Write everybody's entitlements anew from the ledger."""
    differences = entitlements.differences()
    click.echo(f"{len(differences)} differences")
    for telegram_id, key in differences:
        click.echo(f"  {telegram_id} {key}")
    if check:
        sys.exit(1 if differences else 0)
    with transaction():
        count = entitlements.rebuild()
    click.echo(f"{count} entitlements written")
