"""What every command of the owner's has in common: what is in its way is said in a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from webapp.bot_api.client import BotApiError, Unauthorized
from webapp.config import ConfigError
from webapp.db.engine import db
from webapp.db.remedies import NOT_MIGRATED, is_unmigrated, remedy

UNKNOWN_TOKEN = "Telegram does not know this BOT_TOKEN: copy it again from @BotFather."  # noqa: S105


class OwnerCommand(click.Command):
    """A command of the owner's."""

    def __init__(self, *args: Any, needs_shop: bool = True, **kwargs: Any) -> None:
        """Make a command.

        :param needs_shop: whether it needs settings; without them the others say what is missing
        """
        super().__init__(*args, **kwargs)
        self.needs_shop = needs_shop

    def invoke(self, ctx: click.Context) -> Any:
        reason = current_app.extensions.get("refusal") if current_app else None
        if self.needs_shop and reason:
            raise click.ClickException(reason)
        with _in_words():
            return super().invoke(ctx)


class OwnerGroup(AppGroup):
    """Commands of the owner's that belong together."""

    command_class = OwnerCommand


@contextmanager
def _in_words() -> Iterator[None]:
    """Say what files, database or Telegram did not do, where a traceback would stand.

    :raise click.ClickException: with that sentence
    """
    try:
        yield
    except SQLAlchemyError as error:
        if words := remedy(error):
            raise click.ClickException(words) from error
        if is_unmigrated(error):
            raise click.ClickException(NOT_MIGRATED) from error
        if isinstance(error, OperationalError | PoolTimeout):
            raise click.ClickException(_away(error)) from error
        raise
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    except Unauthorized as error:
        raise click.ClickException(UNKNOWN_TOKEN) from error
    except BotApiError as error:
        raise click.ClickException(f"Telegram didn't do it: {error}. Try again.") from error


def _away(error: SQLAlchemyError) -> str:
    db.session.rollback()
    kind = type(getattr(error, "orig", None) or error).__name__
    return (
        f"The database cannot be reached ({kind}): check that it is running, and that DATABASE_URL is right."
    )
