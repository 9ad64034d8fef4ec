"""Launches that somebody logged out of: neither they nor a session made of them is anybody's any more."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Exists, delete, exists, select

from webapp.db.engine import db
from webapp.db.models import Logout, User
from webapp.db.writes import insert_once
from webapp.domain.people import users
from webapp.domain.people.init_data import CLOCK_SKEW
from webapp.domain.people.sessions import LONGEST_SECONDS, Session

KEPT = timedelta(seconds=LONGEST_SECONDS + CLOCK_SKEW)  # an older launch signs nobody in anyway


def here(session: Session) -> None:
    """End a session, with every other that came of the same launch, and the launch itself."""
    _end(session.telegram_id, session.auth_at, session.auth_at)


def everywhere(telegram_id: int, now: datetime) -> None:
    """End every session of a person, and every launch up to now."""
    users.log_out_everywhere(telegram_id)
    _end(telegram_id, datetime.fromtimestamp(0, UTC), now)


def have_ended(telegram_id: int, auth_at: datetime) -> bool:
    """Tell whether a person has logged out of a launch."""
    return bool(db.session.scalar(select(_has_ended(telegram_id, auth_at))))


def person_of(session: Session) -> User | None:
    """Return the person of a session; nobody once they logged out of it or were banned."""
    query = select(User).where(
        User.telegram_id == session.telegram_id,
        User.session_epoch == session.epoch,
        User.banned_at.is_(None),
        ~_has_ended(session.telegram_id, session.auth_at),
    )
    return db.session.scalar(query, execution_options={"populate_existing": True})


def sweep(now: datetime) -> None:
    """Forget what no launch can be compared with any more."""
    db.session.execute(delete(Logout).where(Logout.launched_until < now - KEPT))


def _has_ended(telegram_id: int, auth_at: datetime) -> Exists:
    return exists().where(
        Logout.telegram_id == telegram_id, Logout.launched_from <= auth_at, Logout.launched_until >= auth_at
    )


def _end(telegram_id: int, launched_from: datetime, launched_until: datetime) -> None:
    facts = {
        "telegram_id": telegram_id,
        "launched_from": launched_from,
        "launched_until": launched_until,
    }
    insert_once(Logout, facts, returning="telegram_id")
