"""Signals that the plug-in has not taken: looked at, handed over again, or dismissed."""

import click

from webapp.cli.commands import OwnerGroup
from webapp.cli.decisions import explained, reason_option
from webapp.cli.inbox import number
from webapp.cli.terminal import say_table
from webapp.db.models import Signal
from webapp.domain.access import signals
from webapp.usecases import owner
from webapp.usecases.owner import Decision

MOST_LISTED = 1000
COLUMNS = ("ID", "SIGNAL", "PERSON", "CHARGE", "SINCE", "ATTEMPTS", "STATE", "ERROR")

group = OwnerGroup("signals", help="What your plug-in should hear of, kept until it has taken it.")


@group.command("list")
def list_command() -> None:
    """Show what the plug-in hasn't taken, oldest first."""
    waiting = signals.waiting(MOST_LISTED)
    if waiting:
        say_table([COLUMNS, *map(_row, waiting)])
    more = "; there may be later ones" if len(waiting) == MOST_LISTED else ""
    click.echo(f"{len(waiting)} signals{more}")


@group.command()
@click.argument("ids", metavar="[ID]...", type=number, nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every signal that waits.")
@reason_option("Why, for the records.", default="retried")
def retry(ids: tuple[int, ...], every: bool, reason: Decision) -> None:
    """Retry signals at once, all of them or none; the bot does it."""
    if bool(ids) == every:
        raise click.UsageError("Give the numbers of signals, or --all.")
    with explained():
        count = owner.retry_signals(ids or None, reason)
    click.echo(f"{count} signals will be retried. Follow them with signals list.")


@group.command()
@click.argument("ids", metavar="ID...", type=number, nargs=-1, required=True)
@reason_option("Why the plug-in doesn't need them, for the records.")
def dismiss(ids: tuple[int, ...], reason: Decision) -> None:
    """Dismiss signals, all of them or none: the plug-in never hears of them."""
    with explained():
        count = owner.dismiss_signals(ids, reason)
    click.echo(f"{count} signals are dismissed. What they report stays as it is.")


def _row(signal: Signal) -> tuple[object, ...]:
    since, charge = f"{signal.created_at:%Y-%m-%d %H:%M:%S}", signal.facts["charge_id"] or "-"
    about = signal.id, signal.name, signal.telegram_id, charge, since
    return *about, signal.attempts, signal.state, signal.error or ""
