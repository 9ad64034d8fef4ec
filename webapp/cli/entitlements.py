"""What people may open, and whether the ledger says so too."""

import sys
from functools import partial

import click

from webapp.cli.commands import OwnerGroup
from webapp.db.transactions import run_in_transaction
from webapp.domain.access import entitlements

group = OwnerGroup("entitlements", help="What people may open.")


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
    click.echo(f"{write_anew()} entitlements written")


def write_anew() -> int:
    """Write everybody's entitlements anew, some people at a time, and return how many there are."""
    return sum(
        run_in_transaction(partial(entitlements.rebuild, people)) for people in list(entitlements.batches())
    )
