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

group = OwnerGroup("signals", help="What your plug-in is to hear of, kept until it has taken it.")


@group.command("list")
def list_command() -> None:
    """Show what the plug-in has not taken, the oldest first."""
    waiting = signals.waiting(MOST_LISTED)
    if waiting:
        say_table([COLUMNS, *map(_row, waiting)])
    more = "; there may be later ones" if len(waiting) == MOST_LISTED else ""
    click.echo(f"{len(waiting)} signals{more}")


@group.command()
@click.argument("ids", metavar="[ID]...", type=number, nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that wait.")
@reason_option("Why, for the records.", default="handed over again")
def retry(ids: tuple[int, ...], every: bool, reason: Decision) -> None:
    """Hand signals over again at once, all of them or none; the bot does it."""
    if bool(ids) == every:
        raise click.UsageError("Name signals by their numbers, or say --all.")
    with explained():
        count = owner.retry_signals(ids or None, reason)
    click.echo(f"{count} signals are handed over again. signals list shows what becomes of them.")


@group.command()
@click.argument("ids", metavar="ID...", type=number, nargs=-1, required=True)
@reason_option("Why the plug-in need not hear of them, for the records.")
def dismiss(ids: tuple[int, ...], reason: Decision) -> None:
    """Take signals away, all of them or none: the plug-in never hears of them."""
    with explained():
        count = owner.dismiss_signals(ids, reason)
    click.echo(f"{count} signals are dismissed. What they tell of stays as it is.")


def _row(signal: Signal) -> tuple[object, ...]:
    since, charge = f"{signal.created_at:%Y-%m-%d %H:%M:%S}", signal.facts["charge_id"] or "-"
    about = signal.id, signal.name, signal.telegram_id, charge, since
    return *about, signal.attempts, signal.state, signal.error or ""
