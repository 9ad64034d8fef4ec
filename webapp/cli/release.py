"""What a platform runs before each release."""

import os

import click
from flask import current_app
from flask.cli import with_appcontext

from webapp.bot_api import registration
from webapp.bot_api.client import BotApiError, NotReached, OutcomeUnknown, RetryAfter, Unauthorized
from webapp.cli import catalog
from webapp.cli.commands import OwnerCommand
from webapp.config import Config, current
from webapp.domain.owner import shops
from webapp.host import disks
from webapp.ops.doctor import database
from webapp.ops.doctor.shop import NO_SUPPORT, NO_SUPPORT_REMEDY
from webapp.shop import brand, migrations
from webapp.usecases import releases
from webapp.usecases.releases import Catalogue


class TelegramIsAway(click.ClickException):
    """The database is ready; what Telegram has to be told waits for another release."""

    exit_code = os.EX_TEMPFAIL  # the same again, later


@click.command(cls=OwnerCommand)
@with_appcontext
def release() -> None:
    """Migrate, claim the database, sell what catalog.toml lists, tell Telegram."""
    config = current()
    # Before anything is changed: a bad file stops the release.
    items = catalog.read(config.shop.catalogue).items if config.shop.catalogue.exists() else None
    migrations.bring()
    client = current_app.extensions["context"].client
    try:
        bot = client.call("getMe")
        _tell_catalogue(releases.claim(config, bot, items), config, has_file=items is not None)
        missing = registration.register(client, config, brand.current())
    except (NotReached, OutcomeUnknown, RetryAfter) as error:
        raise TelegramIsAway(str(error)) from error
    except Unauthorized:
        raise
    except (BotApiError, shops.ForeignDatabase, registration.RegistrationError) as error:
        raise click.ClickException(str(error)) from error
    if missing:
        click.echo(registration.what_is_missed(missing))
    disks.note_release(disks.file_of(config.database_url))
    for finding in database.lasting(config):
        click.echo(finding.words)
    if not config.owner_chats and not brand.contact():
        click.echo(f"Warning: {NO_SUPPORT} {NO_SUPPORT_REMEDY}", err=True)
    click.echo(f"Released as @{bot['username']}.")


def _tell_catalogue(found: Catalogue, config: Config, *, has_file: bool) -> None:
    if not has_file:
        sells = "the shop sells what it sold before" if found.sells_something else "nothing is for sale yet"
        click.echo(f"There is no {config.shop.catalogue}: {sells}.")
    elif found.counts is not None:
        catalog.tell_import(found.differences, found.counts)
    elif found.differences:
        click.echo("The shop sells its own catalogue (CATALOGUE=database). catalog.toml would change this:")
        catalog.tell(found.differences)
