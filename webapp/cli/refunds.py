"""Refunds that Telegram refused: looked at, asked for again, or declined."""

import click

from webapp.cli.commands import OwnerGroup
from webapp.cli.decisions import explained, reason_option
from webapp.cli.terminal import say, say_table
from webapp.db.models import Refund
from webapp.domain.sales import rejected_refunds
from webapp.usecases import owner
from webapp.usecases.owner import Decision

COLUMNS = ("REFUSED", "PERSON", "STARS", "ASKED BY", "TELEGRAM SAYS", "CHARGE")

group = OwnerGroup("refunds", help="Refunds that Telegram refused, waiting for your decision.")


@group.command("list")
def list_command() -> None:
    """Show the refused refunds that you haven't decided on, oldest first."""
    waiting = rejected_refunds.undecided()
    if waiting:
        say_table([COLUMNS, *map(_row, waiting)])
    click.echo(f"{len(waiting)} refunds")
    if waiting:
        click.echo(
            "Ask Telegram again: refund CHARGE --reason WHY. Keep it: refunds decline CHARGE --reason WHY."
        )


@group.command()
@click.argument("charge")
@reason_option("Why, for the records and the buyer.")
def decline(charge: str, reason: Decision) -> None:
    """Decide that the Stars of CHARGE stay with the shop. The buyer is told why, and can't ask again."""
    with explained():
        refund = owner.decline_refund(charge, reason)
    say(f"Declined: {refund.stars} Stars stay with the shop. {refund.telegram_id} keeps what they paid for.")


def _row(one: Refund) -> tuple[object, ...]:
    refused = f"{one.refused_at:%Y-%m-%d %H:%M}"
    return refused, one.telegram_id, one.stars, one.requested_by, one.refused_because, one.charge_id
