"""The people who opened the shop."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import bindparam, select, text, update

from webapp.db.engine import db
from webapp.db.models import User
from webapp.db.types import UTCDateTime
from webapp.domain.people.init_data import Profile


class Forgotten(Exception):
    """Somebody is not to be known by what they showed before they asked to be forgotten."""


# As text: SQLAlchemy compiles an ON CONFLICT anew each time, ten times as long as running it takes.
PROVISION = select(User).from_statement(
    text(
        f"""
        INSERT INTO users (
            telegram_id, first_name, last_name, username, language_code, is_premium, photo_url,
            session_epoch, created_at, seen_at
        ) VALUES (
            :telegram_id, :first_name, :last_name, :username, :language_code, :is_premium, :photo_url,
            0, :now, :now
        ) ON CONFLICT (telegram_id) DO UPDATE SET
            first_name = excluded.first_name, last_name = excluded.last_name,
            username = excluded.username, language_code = excluded.language_code,
            is_premium = excluded.is_premium, photo_url = excluded.photo_url, seen_at = excluded.seen_at,
            forgotten_at = NULL
        WHERE users.forgotten_at IS NULL OR users.forgotten_at < :as_of
        RETURNING {", ".join(column.name for column in User.__table__.columns)}
        """
    )
    .bindparams(bindparam("now", type_=UTCDateTime()), bindparam("as_of", type_=UTCDateTime()))
    .columns(*User.__table__.columns)
)


def get(telegram_id: int) -> User | None:
    """Return a person who has been here before."""
    return db.session.scalar(
        select(User).where(User.telegram_id == telegram_id), execution_options={"populate_existing": True}
    )


def provision(profile: Profile, now: datetime, *, as_of: datetime | None = None) -> User:
    """Know a person: added at first sight, their name and language refreshed later.

    :param as_of: when they showed who they are, if that was not now
    :raise Forgotten: they asked to be forgotten since then
    """
    facts = {**asdict(profile), "now": now, "as_of": as_of or now}
    rows = db.session.scalars(PROVISION, facts, execution_options={"populate_existing": True})
    user: User | None = rows.one_or_none()
    if user is None:
        raise Forgotten
    return user


def choose_language(telegram_id: int, code: str) -> None:
    """Talk to a person in a language of the shop from now on, whatever their Telegram speaks."""
    db.session.execute(update(User).where(User.telegram_id == telegram_id).values(language=code))


def choose_news(telegram_id: int, now: datetime, *, wanted: bool) -> None:
    """Have a person get the owner's news, or none from now on; chosen twice, the first time counts."""
    chosen = update(User).where(User.telegram_id == telegram_id)
    if not wanted:
        chosen = chosen.where(User.news_declined_at.is_(None))
    db.session.execute(chosen.values(news_declined_at=None if wanted else now))


def log_out_everywhere(telegram_id: int) -> None:
    """End every session of a person: those minted before carry an epoch that is over."""
    db.session.execute(
        update(User).where(User.telegram_id == telegram_id).values(session_epoch=User.session_epoch + 1)
    )


def ban(telegram_id: int, now: datetime) -> None:
    """Close the shop to a person; what they own stays on the ledger."""
    db.session.execute(update(User).where(User.telegram_id == telegram_id).values(banned_at=now))


def unban(telegram_id: int) -> None:
    """Open the shop to a person again; what they own was theirs all the while."""
    db.session.execute(update(User).where(User.telegram_id == telegram_id).values(banned_at=None))
