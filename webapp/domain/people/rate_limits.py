"""How often something may happen: counted in the database, so that all processes agree."""

import math
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, delete, select, text

from webapp.db.engine import db
from webapp.db.models import RateLimit
from webapp.db.types import UTCDateTime
from webapp.errors import RateLimited

KEPT = timedelta(days=1)  # the longest window there may be
# As text: SQLAlchemy compiles an ON CONFLICT anew each time, ten times as long as running it takes.
COUNT = text(
    """
    INSERT INTO rate_limits (bucket, window_at, hits) VALUES (:bucket, :window_at, 1)
    ON CONFLICT (bucket, window_at) DO UPDATE SET hits = rate_limits.hits + 1
    RETURNING hits
    """
).bindparams(bindparam("window_at", type_=UTCDateTime()))


def hit(bucket: str, limit: int, window_seconds: int, now: datetime) -> None:
    """Count one more in a bucket.

    :raise RateLimited: the window has had its share already
    """
    window_at = _window(window_seconds, now)
    if _count(bucket, window_at) > limit:
        raise _too_many(window_at, window_seconds, now)


def hit_distinct(
    bucket: str, item: str, limit: int, window_seconds: int, now: datetime, *, repeats: int
) -> None:
    """Count one more in a bucket unless the same item was counted in this window.

    :param repeats: how often one and the same item may come
    :raise RateLimited: the window has had its share of different items, or of this one
    """
    window_at = _window(window_seconds, now)
    hits = _count(f"{bucket}:{item}", window_at)
    if hits > repeats:
        raise _too_many(window_at, window_seconds, now)
    if hits == 1:
        hit(bucket, limit, window_seconds, now)


def check(bucket: str, limit: int, window_seconds: int, now: datetime) -> None:
    """Refuse what :func:`hit` would refuse, counting nothing: a flood of noes costs no write.

    :raise RateLimited: the window has had its share already
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
    counted = db.session.connection().execute(COUNT, {"bucket": bucket, "window_at": window_at})
    hits: int = counted.scalar_one()
    return hits


def _too_many(window_at: datetime, window_seconds: int, now: datetime) -> RateLimited:
    over = window_at + timedelta(seconds=window_seconds)
    return RateLimited(retry_after_seconds=math.ceil((over - now).total_seconds()))
