"""News to many people: looked at first, begun, watched, and ended early."""

from pathlib import Path

import click

from webapp import clock
from webapp.cli import files
from webapp.cli.commands import OwnerGroup
from webapp.cli.decisions import explained, reason_option
from webapp.cli.terminal import say, say_table
from webapp.db.models import Broadcast
from webapp.domain.owner import broadcast_files, broadcasts
from webapp.domain.owner.broadcasts import BroadcastError, News
from webapp.domain.queue import outbox
from webapp.i18n import languages
from webapp.texts import notifications
from webapp.usecases import owner
from webapp.usecases.owner import Decision

COLUMNS = ("NAME", "TO", "BEGAN", "STATE", "WRITTEN", "SENT", "FAILED", "LEFT")

group = OwnerGroup("broadcast", help="Send news to many people through the bot.")


@group.command("check")
@click.argument("file", type=files.READABLE)
def check(file: Path) -> None:
    """Show who would get the news in FILE, and what each of them would read."""
    news, now = files.read(file, broadcast_files.parse_news), clock.now()
    try:
        known = broadcasts.check(news)
    except BroadcastError as error:
        raise click.ClickException(str(error)) from error
    if known:
        click.echo(f"Already started on {known.created_at:%Y-%m-%d %H:%M}; nobody gets the same news twice.")
    audience = broadcasts.audience(news.segment, now)
    say(f"{news.name}, to {news.segment}. People: {sum(audience.speakers.values())}")
    every = languages.all_()
    say_table(
        [(f"  {every[code].name}", count) for code, count in audience.speakers.items()] or [("  nobody",)]
    )
    say(f"Left out because they declined news: {audience.declined}")
    say(f"Didn't get the last message, so probably blocked the bot: {audience.blocked}")
    for code in every:
        _show(news, code)


@group.command("send")
@click.argument("file", type=files.READABLE)
@reason_option("Why, for the records.", default="the news in the file")
def send(file: Path, reason: Decision) -> None:
    """Start sending the news in FILE; the bot does it, at most ten messages a second."""
    news = files.read(file, broadcast_files.parse_news)
    with explained("Nothing was sent."):
        is_new = owner.start_broadcast(news, reason)
    if not is_new:
        click.echo("Already started; nobody gets the same news twice. Follow it with broadcast list.")
        return
    count = sum(broadcasts.audience(news.segment, clock.now()).speakers.values())
    click.echo(f"Started. People: {count}. Follow it with broadcast list.")


@group.command("list")
def list_command() -> None:
    """Show all broadcasts and how far each has come, latest first."""
    every = broadcasts.everything()
    if every:
        say_table([COLUMNS, *map(_row, every)])
    click.echo(f"{len(every)} broadcasts")


@group.command("stop")
@click.argument("name")
@reason_option("Why, for the records.", default="ended early")
def stop(name: str, reason: Decision) -> None:
    """Stop the broadcast NAME early; those who got it keep it."""
    with explained():
        owner.stop_broadcast(name, reason)
    click.echo("Stopped: nobody else gets it.")


def _show(news: News, code: str) -> None:
    translated = "" if code in news.texts else " (not translated)"
    say(f"\n--- {languages.all_()[code].name}{translated}\n")
    message = notifications.told(outbox.OWNERS_NEWS, broadcasts.facts(news, code), code)
    # As it is: the owner's own words, without control characters, and with the unseen letters of Persian.
    click.echo(message.text)
    if message.button:
        click.echo(f"[{message.button}]")


def _row(one: Broadcast) -> tuple[object, ...]:
    state = "stopped" if one.stopped_at else "finished" if one.finished_at else "running"
    how_far = broadcasts.progress(one, clock.now())
    began = f"{one.created_at:%Y-%m-%d %H:%M}"
    return one.name, one.segment, began, state, how_far.written, how_far.sent, how_far.failed, how_far.left
