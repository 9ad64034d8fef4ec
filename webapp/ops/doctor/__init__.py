"""What is wrong with a shop, in words, and what to do about it."""

from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from webapp.bot_api.client import BotApi
from webapp.config import Config
from webapp.db.engine import db
from webapp.ops.doctor import address, database, shop, telegram, work
from webapp.ops.doctor.findings import Finding

__all__ = ["Finding", "examine"]


def examine(client: BotApi, config: Config, now: datetime) -> list[Finding]:
    """Return what every check came to; whatever is away hinders only its own checks.

    Nothing is changed, neither here nor at Telegram.
    """
    told, stored = telegram.examine(client, config, now), database.examine()
    can_be_read = all(one.is_well for one in stored if one.name in {"database", "migrations"})
    working = _work(config, now) if can_be_read else []
    if any(one.name == "webhook" for one in told):
        # Telegram itself was heard, later than the bot.
        working = [one for one in working if one.name != "delivery"]
    stored += database.lasting(config)
    stored = [one for one in stored if one.name not in {worse.name for worse in working}]
    return [*told, *address.examine(config, now), *stored, *shop.settings(config), *working]


def _work(config: Config, now: datetime) -> list[Finding]:
    try:
        return [
            *shop.examine(config),
            *work.examine(config, now),
            work.delivery(),
            *database.encrypted(),
            *database.connections(config),
        ]
    except SQLAlchemyError as error:
        db.session.rollback()
        return [database.unreachable(error)]
