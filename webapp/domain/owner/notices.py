"""What the owners hear of as it happens: a message for each fact, or one for many where there are many."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text, update

from webapp.db.engine import db
from webapp.db.models import UNTOLD, OutboxMessage, Refund, User
from webapp.domain.queue import outbox

# What a person is told, or did → what their owners are, and what they call it in the settings.
KINDS = {
    "receipt": ("owner_sale", "sales"),
    "subscribed": ("owner_sale", "sales"),
    "renewed": ("owner_sale", "sales"),
    "refunded": ("owner_refunded", "refunds"),
    "renewal_stopped": ("owner_plan_stopped", "plans"),
    "renewal_off": ("owner_plan_stopped", "plans"),
    "renewal_failed": ("owner_renewal_failed", "plans"),
}
DIGEST = "owner_digest"
SINGLE = frozenset(kind for kind, _ in KINDS.values())
# So many messages of their own within a stretch; Telegram takes 20 a minute in a group.
STRETCH = timedelta(minutes=5)
MOST_IN_A_STRETCH = 6
AT_ONCE = 5000  # facts in one digest


def tell(owner_chats: Collection[int], wanted: Collection[str], now: datetime) -> int:
    """Tell the owners what happened since, each fact once, and return of how many facts they hear now.

    Beyond six messages within five minutes, facts wait and come together in one, at most each five minutes.

    :param wanted: of sales, refunds, plans
    """
    untold = select(OutboxMessage).where(text(UNTOLD)).order_by(OutboxMessage.id).limit(AT_ONCE)
    facts = db.session.scalars(untold.with_for_update(skip_locked=True)).all()
    news = [one for one in facts if owner_chats and _is_wanted(one, wanted, now)]
    if len(news) <= MOST_IN_A_STRETCH - _recent(SINGLE, now):
        for one in news:
            _tell(one, owner_chats, now)
    elif not _recent([DIGEST], now):
        _tell_together(news, owner_chats, now)
    else:
        return 0
    told = update(OutboxMessage).where(OutboxMessage.id.in_([one.id for one in facts]))
    db.session.execute(told.values(owners_told_at=now))
    return len(news)


def _is_wanted(message: OutboxMessage, wanted: Collection[str], now: datetime) -> bool:
    if KINDS[message.kind][1] not in wanted or not outbox.is_news(message.created_at, now):
        return False
    if message.kind != "refunded":
        return True
    # Of what went back without the shop's asking there was an alarm.
    refund = db.session.get(Refund, message.facts.get("charge_id"))
    return refund is None or refund.requested_by != "telegram"


def _recent(kinds: Collection[str], now: datetime) -> int:
    """Return how many messages an owner got of late."""
    query = select(func.count(func.distinct(OutboxMessage.facts["about"].as_string())))
    recent = OutboxMessage.created_at > now - STRETCH, OutboxMessage.kind.in_(kinds)
    return db.session.scalar(query.where(*recent)) or 0


def _tell(message: OutboxMessage, owner_chats: Collection[int], now: datetime) -> None:
    about = str(message.id)
    facts = {
        **{name: message.facts.get(name) for name in ("title", "stars", "charge_id", "paid_until")},
        "what": message.kind,
        "telegram_id": message.telegram_id,
        "name": _name(message.telegram_id),
        "about": about,
    }
    outbox.tell_owners(owner_chats, KINDS[message.kind][0], facts, about=about, now=now)


def _tell_together(messages: Sequence[OutboxMessage], owner_chats: Collection[int], now: datetime) -> None:
    about = str(messages[0].id)
    counts: Counter[str] = Counter()
    stars: Counter[str] = Counter()
    for one in messages:
        counts[one.kind] += 1
        stars[one.kind] += int(one.facts.get("stars") or 0)
    facts: dict[str, Any] = {
        "since": messages[0].created_at.isoformat(),
        "counts": dict(counts),
        "sums": dict(stars),
        "about": about,
    }
    outbox.tell_owners(owner_chats, DIGEST, facts, about=about, now=now)


def _name(telegram_id: int) -> str:
    user = db.session.get(User, telegram_id, populate_existing=True)
    return user.name if user and user.first_name else ""
