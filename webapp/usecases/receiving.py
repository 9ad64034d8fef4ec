"""How an update comes in: kept before anybody acknowledges it, and settled at once if it is about money."""

import logging
from datetime import datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from webapp import clock
from webapp.db.engine import db
from webapp.db.models import InboxItem
from webapp.db.transactions import run_in_transaction
from webapp.domain.owner import support
from webapp.domain.queue import inbox
from webapp.domain.sales import updates
from webapp.domain.sales.outcomes import Recorded
from webapp.usecases.context import Context

log = logging.getLogger(__name__)

# What is done while it is received; all else is answered, or waits for what it belongs to.
AT_ONCE = frozenset({"successful_payment", "refunded_payment"})


def receive(body: bytes | dict[str, Any], source: str, context: Context) -> None:
    """Keep an update; after this Telegram may hear that it arrived.

    A payment is kept, booked and unlocked in one commit. Whatever is in the way of that, the update
    alone is kept by a second one and taken up from the inbox.

    :param source: webhook or polling
    :raise SQLAlchemyError: it could not be kept
    """
    now = clock.now()
    item = inbox.describe(body, source, now)
    if item.kind not in AT_ONCE or not _is_settled(item, context, now):
        run_in_transaction(lambda: _keep(item, context, now))


def _is_settled(item: InboxItem, context: Context, now: datetime) -> bool:
    """Keep and book a payment in one commit, and tell whether nothing was in the way."""
    try:
        recorded = run_in_transaction(lambda: _settle(item, context, now))
    except Exception as error:
        # The inbox tries again, counts, and gives up what cannot be done.
        db.session.rollback()
        level = logging.WARNING if isinstance(error, SQLAlchemyError) else logging.INFO
        log.log(level, "not settled at once: %s", type(error).__name__, extra={"update_id": item.update_id})
        return False
    # By the id that began with the tap on Buy; without it, by the request's that brought the update.
    known = {"correlation_id": recorded.correlation_id} if recorded and recorded.correlation_id else {}
    log.info("settled", extra={"event": item.kind, "update_id": item.update_id, **known})
    return True


def _settle(item: InboxItem, context: Context, now: datetime) -> Recorded | None:
    # Kept first: a copy of an update ends here, or waits until the first is committed.
    if inbox.keep(item, done_at=now) is None:
        return None
    return updates.apply(item, keys=context.keys, now=now, owner_ids=context.config.owner_chats)


def _keep(item: InboxItem, context: Context, now: datetime) -> None:
    if inbox.keep(item) is not None:
        support.hear(item, context.config.owner_chats, now)
