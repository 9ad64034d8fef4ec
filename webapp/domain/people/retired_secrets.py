"""Webhook secrets that were replaced: each ends ten minutes after the shop first saw it so named.

The moment is kept in the database, so that neither a restart nor another process begins it anew.
"""

from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import select

from webapp.db.engine import db
from webapp.db.models import RetiredSecret
from webapp.db.writes import insert_once

LIFE = timedelta(minutes=10)  # what Telegram sent before it heard of the new secret has arrived by then


def note(secret: str, now: datetime) -> None:
    """Remember when a secret was first known to be replaced; without one, nothing."""
    if secret and ends_at(secret) is None:
        facts = {"digest": _digest(secret), "retired_at": now}
        insert_once(RetiredSecret, facts, returning="digest")


def ends_at(secret: str) -> datetime | None:
    """Return when a replaced secret ends or ended; None if it was never seen as one."""
    query = select(RetiredSecret.retired_at).where(RetiredSecret.digest == _digest(secret))
    retired_at = db.session.scalar(query)
    return retired_at + LIFE if retired_at else None


def is_open(secret: str, now: datetime) -> bool:
    """Tell whether a replaced secret, noted before, still opens the webhook."""
    end = ends_at(secret)
    return end is not None and now < end


def _digest(secret: str) -> str:
    return sha256(b"webhook:" + secret.encode()).hexdigest()
