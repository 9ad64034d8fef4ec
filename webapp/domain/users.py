"""The people who opened the shop."""

from datetime import datetime

from sqlalchemy import select, update

from webapp.domain.init_data import Profile
from webapp.extensions import db, insert
from webapp.models import User


def get(telegram_id: int) -> User | None:
    """Return a person who has been here before."""
    return db.session.scalar(
        select(User).where(User.telegram_id == telegram_id), execution_options={"populate_existing": True}
    )


def provision(profile: Profile, now: datetime) -> User:
    """Know a person: added at first sight, their name and language refreshed later."""
    details = {
        "first_name": profile.first_name,
        "last_name": profile.last_name,
        "username": profile.username,
        "language_code": profile.language_code,
        "is_premium": profile.is_premium,
        "photo_url": profile.photo_url,
        "seen_at": now,
    }
    statement = (
        insert(User)
        .values(telegram_id=profile.telegram_id, created_at=now, session_epoch=0, **details)
        .on_conflict_do_update(index_elements=["telegram_id"], set_=details)
        .returning(User)
    )
    user: User = db.session.scalars(statement, execution_options={"populate_existing": True}).one()
    return user


def log_out_everywhere(telegram_id: int) -> None:
    """End every session of a person: those minted before carry an epoch that is over."""
    db.session.execute(
        update(User).where(User.telegram_id == telegram_id).values(session_epoch=User.session_epoch + 1)
    )


def ban(telegram_id: int, now: datetime) -> None:
    """Close the shop to a person; what they own stays on the ledger."""
    db.session.execute(update(User).where(User.telegram_id == telegram_id).values(banned_at=now))
