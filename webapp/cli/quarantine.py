"""Charges that were set aside: looked at, granted, or sent back."""

import click

from webapp.cli import money
from webapp.cli.commands import OwnerGroup
from webapp.cli.decisions import explained, reason_option
from webapp.cli.terminal import say, say_table
from webapp.db.models import Charge
from webapp.domain.sales import quarantine
from webapp.usecases import context, owner
from webapp.usecases.owner import Decision

COLUMNS = ("CHARGED", "PERSON", "AMOUNT", "WHY", "TITLE", "CHARGE")

group = OwnerGroup("quarantine", help="Charges in quarantine because nobody could tell what they were for.")


@group.command("list")
def list_command() -> None:
    """Show the charges that nobody has decided on."""
    charges = quarantine.waiting()
    if charges:
        say_table([COLUMNS, *map(_row, charges)])
    click.echo(f"{len(charges)} charges")


@group.command()
@click.argument("charge")
@click.option("--product", help="What to give, if the payment doesn't say, or says something else.")
@reason_option("Why, for the records.", default="what it paid for")
def grant(charge: str, product: str | None, reason: Decision) -> None:
    """Give what CHARGE paid for; a refund of it takes that back."""
    with explained():
        sale = owner.grant_quarantined(context.current(), charge, reason, product=product)
    say(f"Granted: {sale.title} ({', '.join(sale.keys)}).")


@group.command()
@click.argument("charge")
@reason_option("Why, for the records and the buyer.", default="not understood")
def refund(charge: str, reason: Decision) -> None:
    """Refund CHARGE."""
    money.carry_out_refund(charge, reason)


def _row(charge: Charge) -> tuple[object, ...]:
    charged = f"{charge.charged_at:%Y-%m-%d %H:%M:%S}"
    amount = f"{charge.stars} {'Stars' if charge.currency == 'XTR' else charge.currency}"
    why, title = charge.quarantined_because, charge.title or "-"
    return charged, charge.telegram_id, amount, why, title, charge.telegram_payment_charge_id
