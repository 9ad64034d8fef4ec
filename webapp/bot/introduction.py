"""What a bot process learns before it begins: that its token is good and that the database is its own."""

import logging
import threading

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from webapp.bot.leases import release_leases_of_the_dead
from webapp.bot.wakeups import DATABASE_PAUSE_SECONDS, Stop, longer
from webapp.bot_api.client import BotApi, BotApiError, Unauthorized
from webapp.config import Config
from webapp.db.remedies import NOT_MIGRATED, is_unmigrated, remedy
from webapp.db.transactions import transaction
from webapp.domain.owner import shops
from webapp.host import disks

log = logging.getLogger(__name__)


def introduce(app: Flask, client: BotApi, stopping: threading.Event) -> None:
    """Wait for Telegram and for the database, and claim the database for this bot.

    :raise Stop: the token is unknown, or the database is not this bot's
    """
    me = _ask_telegram(client, stopping)
    while me and not stopping.is_set():
        try:
            _claim_database(app, str(me["username"]), str(me.get("first_name", "")))
            return
        except shops.ForeignDatabase as error:
            raise Stop(str(error)) from error
        except SQLAlchemyError as error:
            if is_unmigrated(error):
                raise Stop(NOT_MIGRATED) from error
            log.warning("the database is away: %s", remedy(error) or type(error).__name__)
            stopping.wait(DATABASE_PAUSE_SECONDS)


def _ask_telegram(client: BotApi, stopping: threading.Event) -> dict[str, object] | None:
    """Return what Telegram says of the bot; None if the process is told to end before that."""
    pause = 1.0
    while not stopping.is_set():
        try:
            me: dict[str, object] = client.call("getMe")
        except Unauthorized as error:
            raise Stop("Telegram does not know this BOT_TOKEN: copy it again from @BotFather.") from error
        except BotApiError as error:
            log.warning("Telegram cannot be reached yet: %s", error.description)
            stopping.wait(pause)
            pause = longer(pause)
        else:
            return me
    return None


def _claim_database(app: Flask, username: str, name: str) -> None:
    config: Config = app.config["STARFRONT"]
    with app.app_context():
        with transaction():
            shops.claim(config.bot_id, username, config.bot_environment, bot_name=name)
        # A process that was killed and started again need not wait for its own leases.
        release_leases_of_the_dead()
        disks.note_process(disks.file_of(config.database_url), "bot")
