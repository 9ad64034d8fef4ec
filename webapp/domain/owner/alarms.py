"""What the owners are told because somebody has to look: money at each hour that it lasts, the rest daily."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from webapp.db.engine import db
from webapp.db.models import InboxItem, Refund, Shop
from webapp.domain.owner.shops import Delivery
from webapp.domain.queue import outbox

RECENT = timedelta(hours=1)
# By then Telegram was asked a dozen times, and the statement read as often.
UNSETTLED = timedelta(hours=1)
# A restart or a hiccup of Telegram's is over by then.
LASTING = timedelta(minutes=5)
FEW_PENDING = 20  # updates; so many come with a crowd, too


def send_alarms(owner_ids: Iterable[int], now: datetime) -> None:
    """Tell the owners of updates set aside lately, refunds nobody can settle, and books that differ."""
    found = {
        "owner_set_aside": _set_aside(now),
        "owner_refunds_unknown": _unsettled(now),
        "owner_drift": abs(db.session.scalar(select(Shop.drift_stars)) or 0),
    }
    for kind, count in found.items():
        if count:
            outbox.tell_owners(owner_ids, kind, {"count": count}, about=f"{now:%Y-%m-%dT%H}", now=now)


def watch_delivery(
    owner_chats: Iterable[int], before: datetime | None, seen: Delivery, now: datetime
) -> None:
    """Tell the owners that updates do not arrive or pile up, daily, and once when they arrive again.

    :param before: since when they had not arrived at the look before this one
    """
    if seen.failing_since and now - seen.failing_since >= LASTING:
        facts: dict[str, Any] = {"problem": seen.problem, "since": seen.failing_since.isoformat()}
        about = _daily(seen.failing_since, now)
        outbox.tell_owners(owner_chats, "owner_updates_stopped", facts, about=about, now=now)
    elif before and not seen.failing_since and now - before >= LASTING:
        outbox.tell_owners(owner_chats, "owner_updates_again", {}, about=before.isoformat(), now=now)
    elif seen.growing_since and now - seen.growing_since >= LASTING and seen.pending > FEW_PENDING:
        facts = {"count": seen.pending, "since": seen.growing_since.isoformat()}
        about = _daily(seen.growing_since, now)
        outbox.tell_owners(owner_chats, "owner_updates_pile_up", facts, about=about, now=now)


def _daily(since: datetime, now: datetime) -> str:
    return f"{since.isoformat()}:{(now - since).days}"


def _set_aside(now: datetime) -> int:
    query = select(func.count()).where(InboxItem.quarantined_at > now - RECENT)
    return db.session.scalar(query) or 0


def _unsettled(now: datetime) -> int:
    query = select(func.count()).where(
        Refund.next_attempt_at.is_not(None), Refund.attempts > 0, Refund.requested_at < now - UNSETTLED
    )
    return db.session.scalar(query) or 0
