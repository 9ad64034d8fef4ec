"""What the owner decides about one person: to keep them out, to give them something, to take it."""

from datetime import datetime

import click
from flask.cli import with_appcontext

from webapp.cli.commands import OwnerCommand
from webapp.cli.decisions import explained, reason_option
from webapp.cli.terminal import say
from webapp.cli.why import person
from webapp.usecases import owner
from webapp.usecases.owner import Decision

REASON = reason_option("Why, for the records; `why` shows it.")
USER = click.argument("telegram_id", metavar="USER", type=person)
KEY = click.argument("key", metavar="KEY")
DAYS = click.IntRange(1, owner.LONGEST_DAYS)


@click.command(cls=OwnerCommand)
@USER
@REASON
@with_appcontext
def ban(telegram_id: int, reason: Decision) -> None:
    """Close the shop to USER: they can no longer sign in or buy, and their plans won't renew."""
    with explained():
        owner.ban(telegram_id, reason)
    say(
        f"Banned: {telegram_id}. What they bought stays theirs on the ledger, but they cannot open it here "
        "while they are banned, and its days run on. Their plans won't renew. Nothing was refunded: refund "
        "what you owe them."
    )


@click.command(cls=OwnerCommand)
@USER
@REASON
@with_appcontext
def unban(telegram_id: int, reason: Decision) -> None:
    """Let USER in again, to everything they still have."""
    with explained():
        owner.unban(telegram_id, reason)
    say(f"Let in again: {telegram_id}. Plans that the ban stopped stay stopped until they renew them.")


@click.command(cls=OwnerCommand)
@USER
@KEY
@click.option("--days", type=DAYS, help="For this many days; without it, for good.")
@REASON
@with_appcontext
def grant(telegram_id: int, key: str, days: int | None, reason: Decision) -> None:
    """Give USER what KEY opens (a key of the catalogue, such as guide), without a payment."""
    with explained():
        until = owner.grant(telegram_id, key, days, reason)
    say(f"Granted: {key} is open to {telegram_id} {_until(until)}.")


@click.command(cls=OwnerCommand)
@USER
@KEY
@REASON
@with_appcontext
def revoke(telegram_id: int, key: str, reason: Decision) -> None:
    """Take what KEY opens from USER, however they came by it. Their Stars stay with the shop."""
    with explained():
        taken = owner.revoke(telegram_id, key, reason)
    say(
        f"Revoked: {key} from {telegram_id}, given by {', '.join(taken)}. Plans that gave it won't renew. "
        "Nothing was refunded: refund does that."
    )


@click.command(cls=OwnerCommand)
@USER
@KEY
@click.option("--days", type=DAYS, required=True, help="How many days to add.")
@REASON
@with_appcontext
def extend(telegram_id: int, key: str, days: int, reason: Decision) -> None:
    """Add days to the end of what KEY opens to USER."""
    with explained():
        until = owner.extend(telegram_id, key, days, reason)
    say(f"Extended: {key} is open to {telegram_id} {_until(until)}.")


@click.command(cls=OwnerCommand)
@USER
@click.option("--yes", is_flag=True, help="Don't ask.")
@reason_option("Why, for the records; leave names out of it.", default="They asked for it.")
@with_appcontext
def forget(telegram_id: int, yes: bool, reason: Decision) -> None:
    """Delete who USER is and what they wrote: names, picture, language, messages, unpaid orders.

    Payments, refunds and what they open stay under the bare Telegram id; so does a ban.
    """
    if not yes:
        say(
            f"Of {telegram_id} these go: name, picture, language, what they wrote and were written, whether "
            "they want news, terms they accepted, orders that are not paid. These stay, under the bare "
            "number: payments, refunds, what they open, plans, a ban, your decisions."
        )
        click.confirm("Delete their data? This can't be undone", abort=True)
    with explained():
        owner.forget(telegram_id, reason)
    say(
        f"Forgotten: {telegram_id}. What the bot wrote into your own chats stays there: delete that yourself."
    )


def _until(until: datetime | None) -> str:
    return f"until {until:%Y-%m-%d %H:%M} UTC" if until else "for good"
