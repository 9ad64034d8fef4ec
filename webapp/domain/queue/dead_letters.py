"""Dead letters: items of the inbox that wait for the owner, who has them tried again or dismisses them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update

from webapp.db import retried
from webapp.db.engine import db
from webapp.db.models import InboxItem
from webapp.domain.queue.inbox import STATEMENT_ROW, UNREADABLE


class InboxError(ValueError):
    """An item is not there, or cannot be tried afresh; the sentence says which and why."""


def kinds() -> dict[str, int]:
    """Return how many items of each kind wait for the owner."""
    query = select(InboxItem.kind, func.count()).where(InboxItem.quarantined_at.is_not(None))
    return {kind: count for kind, count in db.session.execute(query.group_by(InboxItem.kind))}


def get(item_id: int) -> InboxItem:
    """Return an item with its body.

    :raise InboxError: there is none of this number
    """
    item = db.session.get(InboxItem, item_id, populate_existing=True)
    if item is None:
        raise InboxError(f"There is no item {item_id} in the inbox.")
    return item


def replay(item_ids: Sequence[int], now: datetime) -> None:
    """Have items tried afresh at once, as if they had just arrived: all of them or none.

    What an item says is applied once, however often it is replayed.

    :raise InboxError: one is done, was never an update, is named twice, or is not there
    """
    for item in _named(item_ids):
        _check_replayable(item)
    # One that is done by the bot at this very moment stays done.
    named = update(InboxItem).where(InboxItem.id.in_(item_ids))
    db.session.execute(named.values(quarantined_at=None, **retried.afresh(now)))


def dismiss(item_ids: Sequence[int], reason: str, now: datetime) -> None:
    """Have set-aside items done with although nothing came of them: all of them or none.

    They stay in the inbox with the reason; the same one arriving again is known and passed over.

    :raise InboxError: one was not set aside, is named twice, or is not there
    """
    for item in _named(item_ids):
        if not item.quarantined_at:
            raise InboxError(f"Item {item.id} is not set aside: only that can be dismissed.")
    over = update(InboxItem).where(InboxItem.id.in_(item_ids))
    db.session.execute(over.values(done_at=now, quarantined_at=None, error=f"dismissed: {reason}"[:2000]))


def _named(item_ids: Sequence[int]) -> list[InboxItem]:
    twice = next((one for one in item_ids if item_ids.count(one) > 1), None)
    if twice is not None:
        raise InboxError(f"Item {twice} is named twice.")
    return [get(item_id) for item_id in item_ids]


def _check_replayable(item: InboxItem) -> None:
    if item.done_at:
        raise InboxError(f"Item {item.id} is done: what it says was applied, once and for all.")
    if item.kind in {UNREADABLE, STATEMENT_ROW}:
        raise InboxError(f"Item {item.id} was never an update, so there is nothing in it to try.")
