"""What people may open, and whether the ledger says so too."""

import sys

import click

from webapp.cli.commands import OwnerGroup
from webapp.cli.decisions import reason_option
from webapp.domain.access import entitlements
from webapp.usecases import owner
from webapp.usecases.owner import Decision

group = OwnerGroup("entitlements", help="What people can open.")


@group.command("rebuild")
@click.option("--check", is_flag=True, help="Change nothing; fail if anything differs from the ledger.")
@reason_option("Why, for the records.", default="rewritten from the ledger")
def rebuild(check: bool, reason: Decision) -> None:
    """Rewrite everybody's entitlements from the ledger."""
    differences = entitlements.differences()
    click.echo(f"{len(differences)} differences")
    for telegram_id, key in differences:
        click.echo(f"  {telegram_id} {key}")
    if check:
        sys.exit(1 if differences else 0)
    click.echo(f"{owner.rebuild_entitlements(reason)} entitlements written")
