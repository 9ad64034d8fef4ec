"""What the owners are told because somebody has to look: once for each hour that it lasts."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import func, select

from webapp.domain import outbox
from webapp.extensions import db
from webapp.models import InboxItem, Refund, Shop

RECENT = timedelta(hours=1)
# By then Telegram was asked a dozen times, and the statement read as often.
UNSETTLED = timedelta(hours=1)


def sound(owner_ids: Iterable[int], now: datetime) -> None:
    """Have the owners told of updates set aside lately, refunds nobody can settle, and books that differ."""
    found = {
        "owner_set_aside": _set_aside(now),
        "owner_refunds_unknown": _unsettled(now),
        "owner_drift": abs(db.session.scalar(select(Shop.drift_stars)) or 0),
    }
    for kind, count in found.items():
        if count:
            outbox.tell_owners(owner_ids, kind, {"count": count}, about=f"{now:%Y-%m-%dT%H}", now=now)


def _set_aside(now: datetime) -> int:
    query = select(func.count()).where(InboxItem.quarantined_at > now - RECENT)
    return db.session.scalar(query) or 0


def _unsettled(now: datetime) -> int:
    query = select(func.count()).where(
        Refund.next_attempt_at.is_not(None), Refund.attempts > 0, Refund.requested_at < now - UNSETTLED
    )
    return db.session.scalar(query) or 0
