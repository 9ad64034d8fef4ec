"""How often something may happen: counted in the database, so that all processes agree."""

import math
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select

from webapp.errors import TooManyRequests
from webapp.extensions import db, insert
from webapp.models import RateLimit

KEPT = timedelta(days=1)  # the longest window there may be


def hit(bucket: str, limit: int, window_seconds: int, now: datetime) -> None:
    """Count one more in a bucket.

    :raise TooManyRequests: the window has had its share already
    """
    window_at = _window(window_seconds, now)
    if _count(bucket, window_at) > limit:
        raise _too_many(window_at, window_seconds, now)


def hit_distinct(
    bucket: str, item: str, limit: int, window_seconds: int, now: datetime, *, repeats: float = math.inf
) -> None:
    """Count one more in a bucket unless the same item was counted in this window.

    :param repeats: how often one and the same item may come
    :raise TooManyRequests: the window has had its share of different items, or of this one
    """
    window_at = _window(window_seconds, now)
    hits = _count(f"{bucket}:{item}", window_at)
    if hits > repeats:
        raise _too_many(window_at, window_seconds, now)
    if hits == 1:
        hit(bucket, limit, window_seconds, now)


def check(bucket: str, limit: int, window_seconds: int, now: datetime) -> None:
    """Refuse what :func:`hit` would refuse, counting nothing: a flood of noes costs no write.

    :raise TooManyRequests: the window has had its share already
    """
    window_at = _window(window_seconds, now)
    known = select(RateLimit.hits).where(RateLimit.bucket == bucket, RateLimit.window_at == window_at)
    if (db.session.scalar(known) or 0) >= limit:
        raise _too_many(window_at, window_seconds, now)


def sweep(now: datetime) -> None:
    """Forget the windows that are long over."""
    db.session.execute(delete(RateLimit).where(RateLimit.window_at < now - KEPT))


def _window(window_seconds: int, now: datetime) -> datetime:
    seconds = int(now.timestamp())
    return datetime.fromtimestamp(seconds - seconds % window_seconds, UTC)


def _count(bucket: str, window_at: datetime) -> int:
    statement = insert(RateLimit).values(bucket=bucket, window_at=window_at, hits=1)
    statement = statement.on_conflict_do_update(
        index_elements=["bucket", "window_at"], set_={"hits": RateLimit.hits + 1}
    )
    hits: int = db.session.scalars(statement.returning(RateLimit.hits)).one()
    return hits


def _too_many(window_at: datetime, window_seconds: int, now: datetime) -> TooManyRequests:
    over = window_at + timedelta(seconds=window_seconds)
    return TooManyRequests(retry_after_seconds=math.ceil((over - now).total_seconds()))
