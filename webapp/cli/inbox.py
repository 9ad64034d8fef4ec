"""Updates that were kept: what waits, what one says, and another try for what failed."""

import json
import re

import click

from webapp.cli.commands import OwnerGroup
from webapp.cli.decisions import explained, reason_option
from webapp.cli.terminal import say, say_table
from webapp.db.models import InboxItem
from webapp.domain.queue import dead_letters, inbox
from webapp.usecases import owner
from webapp.usecases.owner import Decision

MOST_LISTED = 1000
COLUMNS = ("ID", "UPDATE", "KIND", "PERSON", "RECEIVED", "ATTEMPTS", "STATE", "ERROR")

group = OwnerGroup("inbox", help="Updates from Telegram, kept until what they say is done.")


def number(value: str) -> int:
    """Return the number of an item, given in plain digits."""
    if not re.fullmatch(r"[0-9]{1,18}", value):  # what fits the column
        raise click.BadParameter("give an item's number, as inbox list shows it.")
    return int(value)


@group.command("list")
@click.option("--all", "done", is_flag=True, help="Include what is done.")
@click.option("--quarantined", is_flag=True, help="Only what is quarantined.")
def list_command(done: bool, quarantined: bool) -> None:
    """Show what is not done, oldest first."""
    if done and quarantined:
        raise click.UsageError("Use --all or --quarantined, not both.")
    items = inbox.waiting(MOST_LISTED, done=done, quarantined=quarantined)
    if items:
        say_table([COLUMNS, *map(_row, items)])
    older = "; there may be older ones" if len(items) == MOST_LISTED else ""
    click.echo(f"{len(items)} items{older}")


@group.command()
@click.argument("item_id", metavar="ID", type=number)
def show(item_id: int) -> None:
    """Show everything about an item, with what Telegram sent."""
    try:
        item = dead_letters.get(item_id)
    except dead_letters.InboxError as error:
        raise click.ClickException(str(error)) from error
    for name in ("id", "update_id", "kind", "telegram_id", "source", "digest", "state", "attempts"):
        say(f"{name}: {getattr(item, name)}")
    for name in ("received_at", "next_attempt_at", "done_at", "quarantined_at", "error"):
        say(f"{name}: {getattr(item, name) or '-'}")
    say(f"\n{_pretty(item.body)}")


@group.command()
@click.argument("item_ids", metavar="ID...", type=number, nargs=-1, required=True)
@reason_option("Why, for the records.", default="retried")
def replay(item_ids: tuple[int, ...], reason: Decision) -> None:
    """Retry items at once, all of them or none; the bot does it."""
    with explained():
        owner.replay_updates(item_ids, reason)
    click.echo(f"{len(item_ids)} items will be retried. Follow them with inbox list.")


@group.command()
@click.argument("item_ids", metavar="ID...", type=number, nargs=-1, required=True)
@reason_option("Why they need no action, for the records.")
def dismiss(item_ids: tuple[int, ...], reason: Decision) -> None:
    """Dismiss quarantined items that need no action, all of them or none."""
    with explained():
        owner.dismiss_updates(item_ids, reason)
    click.echo(f"{len(item_ids)} items are dismissed. inbox list --all still shows them.")


def _row(item: InboxItem) -> tuple[object, ...]:
    received = f"{item.received_at:%Y-%m-%d %H:%M:%S}"
    error = item.error or ""
    person = item.telegram_id or "-"
    return item.id, item.update_id, item.kind, person, received, item.attempts, item.state, error


def _pretty(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body
