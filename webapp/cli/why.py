"""What one person may open, and why: what their own page tells them, for the owner."""

import re

import click
from flask.cli import with_appcontext

from webapp import clock
from webapp.cli.commands import OwnerCommand
from webapp.cli.terminal import say, say_table
from webapp.db.models import AuditEntry, Refund, Subscription
from webapp.domain.access import explanations
from webapp.domain.access.explanations import Explanation
from webapp.domain.owner import audit
from webapp.domain.people import users
from webapp.domain.sales import refunds, subscriptions
from webapp.i18n import localize
from webapp.texts.explanations import entry, verdict

LARGEST_ID = 2**52  # Bot API: User, id
PLANS = ("PLAN", "STARS", "STATE", "UNTIL", "BEGAN", "FIRST CHARGE")
DECISIONS = ("DECIDED", "BY", "WHAT", "ABOUT", "WHY")
REFUNDS = ("STARS", "STATE", "ASKED BY", "ASKED", "DONE", "CHARGE")


def person(value: str) -> int:
    """Return a Telegram id, given in plain digits."""
    if not re.fullmatch(r"[0-9]{1,16}", value) or int(value) >= LARGEST_ID:
        raise click.BadParameter("give a person's Telegram id, a whole number.")
    return int(value)


@click.command(cls=OwnerCommand)
@click.argument("telegram_id", metavar="USER", type=person)
@with_appcontext
def why(telegram_id: int) -> None:
    """Show what USER (a Telegram id) can open and why, entry by entry."""
    now = clock.now()
    user, explained = users.get(telegram_id), explanations.explain(telegram_id, now)
    decided = audit.list_for(telegram_id)
    if user is None and not explained and not decided:
        raise click.ClickException(f"Nobody with the Telegram id {telegram_id} has ever been here.")
    banned = f", banned since {user.banned_at:%Y-%m-%d}" if user and user.banned_at else ""
    say(f"{user.name if user else 'Somebody who paid but never came'} ({telegram_id}){banned}")
    with localize.speaking("en"):
        for one in explained:
            _say(one)
    if not explained:
        say("\nNothing in the ledger.")
    _say_rows(
        PLANS, [_plan(one, subscriptions.state(one, now)) for one in subscriptions.list_for(telegram_id)]
    )
    _say_rows(REFUNDS, [_refund(one) for one in refunds.for_user(telegram_id).values()])
    _say_rows(DECISIONS, [_decision(one) for one in decided])


def _say(one: Explanation) -> None:
    say(f"\n{one.key or 'a payment'}: {verdict(one)}")
    for step in one.steps:
        say(f"  {step.occurred_at:%Y-%m-%d %H:%M:%S}  {entry(step)}  {step.charge_id or ''}".rstrip())


def _say_rows(columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    if rows:
        say("")
        say_table([columns, *rows])


def _plan(one: Subscription, state: str) -> tuple[object, ...]:
    until, began = f"{one.ends_at:%Y-%m-%d %H:%M}", f"{one.started_at:%Y-%m-%d}"
    return one.title, one.stars, state, until, began, one.first_charge_id


def _decision(one: AuditEntry) -> tuple[object, ...]:
    return f"{one.decided_at:%Y-%m-%d %H:%M}", one.decided_by, one.act, _about(one), one.reason


def _about(one: AuditEntry) -> str:
    """Return what a decision changed, as far as its target does not say so."""
    keys = sorted((one.before.keys() | one.after.keys()) - {"banned_at", "grant", "taken", "refund"})
    return (
        ", ".join(f"{key}: {one.before.get(key, '-')} -> {one.after.get(key, '-')}" for key in keys)
        or one.target
    )


def _refund(one: Refund) -> tuple[object, ...]:
    asked = f"{one.requested_at:%Y-%m-%d %H:%M}"
    done = f"{one.done_at:%Y-%m-%d %H:%M}" if one.done_at else one.refused_because or "-"
    return one.stars, one.status, one.requested_by, asked, done, one.charge_id
