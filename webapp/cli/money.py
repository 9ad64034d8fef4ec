"""Stars that go back, and the statement they are compared with."""

import sys

import click
from flask.cli import with_appcontext

from webapp.bot_api.client import BotApiError, Unauthorized
from webapp.cli.commands import OwnerCommand
from webapp.cli.decisions import explained, reason_option
from webapp.cli.terminal import say
from webapp.db.remedies import NOT_MIGRATED
from webapp.domain.owner import shops
from webapp.domain.sales import movements
from webapp.domain.sales.reconciliation import Report
from webapp.usecases import context, owner, statement
from webapp.usecases.owner import Decision


@click.command(cls=OwnerCommand)
@click.argument("charge")
@reason_option("Why, for the records and the buyer.")
@with_appcontext
def refund(charge: str, reason: Decision) -> None:
    """Refund CHARGE (Telegram's payment charge id) and take its access away."""
    carry_out_refund(charge, reason)


def carry_out_refund(charge: str, reason: Decision) -> None:
    """Refund a charge in the owner's name and say what came of it; exits with 2 while nobody knows."""
    with explained():
        result = owner.refund(context.current(), charge, reason)
    if result.status == "done":
        click.echo(f"Refunded: {result.stars} Stars went back to {result.telegram_id}.")
    elif result.status == "refused":
        raise click.ClickException(f"Telegram refused: {result.refused_because}")
    else:
        click.echo("Telegram didn't answer. Access is suspended; the bot keeps asking until it knows.")
        sys.exit(2)


@click.command(cls=OwnerCommand)
@click.option("--full", is_flag=True, help="Start from the statement's first row.")
@click.option("--rebuild", is_flag=True, help="Restore an empty database from Telegram alone.")
@reason_option("Why it is rebuilt, for the records.", default="the database was lost")
@with_appcontext
def reconcile(full: bool, rebuild: bool, reason: Decision) -> None:
    """Compare the ledger with Telegram's statement and fix what was missed.

    With --rebuild an empty database gets charges, refunds, plans and access back from Telegram alone:
    migrate it, import the catalogue that was sold from, and run this before the bot. Nobody is
    told: they were, when it happened.
    """
    if not shops.bot_username():
        raise click.ClickException(NOT_MIGRATED)
    rebuilt = None
    try:
        if rebuild:
            with explained():
                rebuilt = owner.rebuild(context.current(), reason)
        report = rebuilt.report if rebuilt else statement.reconcile(context.current(), full=full)
    except Unauthorized:
        raise
    except BotApiError as error:
        raise click.ClickException(f"Telegram didn't send its statement: {error}") from error
    _say_report(report, whole=full or rebuild)
    if rebuilt:
        click.echo(
            f"{rebuilt.entitlements} entitlements written. Not understood: {rebuilt.not_understood} charges "
            "(quarantine list)."
        )


def _say_report(report: Report, *, whole: bool) -> None:
    click.echo(
        f"{report.rows} rows read, {report.charges_added} charges and {report.refunds_added} refunds added."
    )
    if whole:
        _say_totals()
    if report.set_aside:
        click.echo(f"{report.set_aside} rows could not be read: see inbox list --quarantined.")


def _say_totals() -> None:
    """Say what else moved Stars, and whether the whole is what Telegram says the bot has."""
    for total in movements.totals():
        say(f"  {total.name}: {total.count} rows, {total.amount} Stars")
    ours = movements.amount(*movements.balance())
    try:
        theirs = movements.amount(*statement.balance(context.current()))
    except BotApiError as error:
        say(f"Balance by these books: {ours} Stars. Telegram didn't send its own: {error}")
        return
    verdict = "as Telegram says" if ours == theirs else f"but Telegram says {theirs}"
    say(f"Balance by these books: {ours} Stars, {verdict}.")
