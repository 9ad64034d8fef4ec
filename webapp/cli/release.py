"""What a platform runs before each release."""

import os

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade

from webapp import registration
from webapp.bot_api import BotApiError, NotReached, OutcomeUnknown, TooManyRequests
from webapp.cli.catalog import SHIPPED_CATALOGUE, import_file
from webapp.config import current
from webapp.domain import catalogue, shops
from webapp.extensions import transaction


class TelegramIsAway(click.ClickException):
    """The database is ready; what Telegram has to be told waits for another release."""

    exit_code = os.EX_TEMPFAIL  # the same again, later


@click.command()
@with_appcontext
def release() -> None:
    """Migrate, claim the database, import the catalogue if there is none, tell Telegram."""
    config = current()
    upgrade()
    client = current_app.extensions["checkout"].client
    try:
        bot = client.call("getMe")
        with transaction():
            shops.claim(config.bot_id, str(bot["username"]), config.bot_environment)
        if not catalogue.everything():
            import_file(SHIPPED_CATALOGUE)
        registration.register(client, config)
    except (NotReached, OutcomeUnknown, TooManyRequests) as error:
        raise TelegramIsAway(str(error)) from error
    except (BotApiError, shops.ForeignDatabase, registration.RegistrationError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Released as @{bot['username']}.")
