"""Whose database this is: one bot, in one of Telegram's environments."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from webapp.db.engine import db, insert
from webapp.db.models import Shop


class ForeignDatabase(Exception):
    """The database belongs to another bot; the sentence names both."""


def claim(bot_id: int, bot_username: str, environment: str, *, bot_name: str = "") -> Shop:
    """Make the database this bot's for good, or refresh what its bot is called.

    :raise ForeignDatabase: it is another bot's already
    """
    check(bot_id, environment)
    called = {"bot_username": bot_username, "bot_name": _clean(bot_name)}
    db.session.execute(
        insert(Shop)
        .values(id=1, bot_id=bot_id, environment=environment, statement_offset=0, **called)
        .on_conflict_do_update(index_elements=["id"], set_=called)
    )
    return db.session.get_one(Shop, 1, populate_existing=True)


def check(bot_id: int, environment: str) -> None:
    """Do nothing when the database is this bot's or nobody's yet.

    :raise ForeignDatabase: it is another bot's, or of Telegram's other environment
    """
    shop = db.session.get(Shop, 1)
    if shop and (shop.bot_id, shop.environment) != (bot_id, environment):
        raise ForeignDatabase(
            f"This database belongs to bot {shop.bot_id} ({shop.environment}), but BOT_TOKEN is of bot "
            f"{bot_id} ({environment}). Set the DATABASE_URL of this bot, or the other bot's token."
        )


def bot_username() -> str:
    """Return the bot's username without its @, or nothing before the first release."""
    shop = db.session.get(Shop, 1)
    return shop.bot_username if shop else ""


def bot_name() -> str:
    """Return what the bot is called in Telegram, or nothing before the first release."""
    return db.session.scalar(select(Shop.bot_name)) or ""


def _clean(name: str) -> str:
    """Return a name as one line that leaves the text around it alone."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())[:256]


def reconciled_at() -> datetime | None:
    """Return when the ledger was last compared with Telegram's statement."""
    shop = db.session.get(Shop, 1, populate_existing=True)
    return shop.reconciled_at if shop else None


@dataclass(frozen=True)
class Delivery:
    """Whether Telegram delivers updates to us, and for how long it has not."""

    problem: str | None
    failing_since: datetime | None
    pending: int
    growing_since: datetime | None  # more of them wait at each look


def note_delivery(problem: str | None, now: datetime, *, pending: int | None = None) -> Delivery:
    """Remember whether Telegram delivers updates to us, and if not, why; and how many wait there.

    :param pending: None where Telegram could not be asked
    :return: how it stands now
    """
    shop = db.session.get(Shop, 1, populate_existing=True)
    if shop is None:
        return Delivery(problem, None, pending or 0, None)
    shop.delivery_problem, shop.delivery_checked_at = problem[:512] if problem else None, now
    shop.delivery_failing_since = (shop.delivery_failing_since or now) if problem else None
    if pending is not None:
        is_growing = pending > (shop.pending_updates or 0)
        shop.pending_growing_since = (shop.pending_growing_since or now) if is_growing else None
        shop.pending_updates = pending
    db.session.flush()
    return Delivery(
        problem, shop.delivery_failing_since, shop.pending_updates or 0, shop.pending_growing_since
    )


def failing_since() -> datetime | None:
    """Return since when no updates arrive, as was seen last; None if they do."""
    return db.session.scalar(select(Shop.delivery_failing_since))


def delivery() -> tuple[datetime | None, str | None]:
    """Return when Telegram was last asked about its deliveries, and what was wrong with them."""
    shop = db.session.get(Shop, 1, populate_existing=True)
    return (shop.delivery_checked_at, shop.delivery_problem) if shop else (None, None)
