"""Who does a background duty: one holder at a time, replaced when it dies."""

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update

from webapp.db.engine import db, insert
from webapp.db.models import Lease
from webapp.db.retried import is_over

POLLING = "polling"  # the duty of asking Telegram for updates
LONGEST_SECONDS = 600  # no duty is taken for as long


def hold(name: str, holder: str, seconds: float, now: datetime) -> int | None:
    """Take or keep a duty for some seconds; None while somebody else has it.

    The database's clock decides where it is shared between machines, so that one machine's
    wrong clock cannot take a duty away from another.

    :return: the fencing token, larger each time the duty changes hands
    """
    now = _database_time(now)
    expires_at = now + timedelta(seconds=seconds)
    statement = insert(Lease).values(name=name, holder=holder, token=1, expires_at=expires_at)
    statement = statement.on_conflict_do_update(
        index_elements=["name"],
        set_={
            "holder": holder,
            "expires_at": expires_at,
            "token": Lease.token + (Lease.holder != holder).cast(db.Integer),
        },
        where=or_(Lease.holder == holder, is_over(Lease.expires_at, LONGEST_SECONDS, now)),
    ).returning(Lease.token)
    token: int | None = db.session.scalar(statement)
    return token


def release(name: str, holder: str, now: datetime) -> None:
    """Let a duty go before its time, so that another process need not wait."""
    over = update(Lease).where(Lease.name == name, Lease.holder == holder)
    db.session.execute(over.values(expires_at=_database_time(now)))


def release_all(holder: str, now: datetime) -> None:
    """Let everything go that a process holds, which is no more."""
    over = update(Lease).where(Lease.holder == holder)
    db.session.execute(over.values(expires_at=_database_time(now)))


def holders(now: datetime) -> set[str]:
    """Return the processes that hold a duty at present."""
    held = select(Lease.holder).where(Lease.expires_at > _database_time(now))
    return set(db.session.scalars(held))


def at_work(now: datetime) -> tuple[bool, datetime | None]:
    """Tell whether somebody has a duty, and until when somebody had, or has, the last."""
    last = db.session.scalar(select(func.max(Lease.expires_at)))
    return last is not None and last > _database_time(now), last


def is_held(name: str, now: datetime) -> bool:
    """Tell whether some process has a duty at present."""
    held = select(Lease.name).where(Lease.name == name, Lease.expires_at > _database_time(now))
    return db.session.scalar(held) is not None


def _database_time(now: datetime) -> datetime:
    if db.engine.dialect.name != "postgresql":
        return now
    told: datetime | None = db.session.scalar(select(func.clock_timestamp()))
    return told or now
