"""How an update comes in: kept before anybody acknowledges it, and settled at once if it is about money."""

import logging
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from webapp import clock
from webapp.db.extensions import db, run_in_transaction
from webapp.db.models import InboxItem
from webapp.domain.owner import support
from webapp.domain.queue import inbox
from webapp.domain.sales import updates
from webapp.domain.sales.charges import Recorded
from webapp.ops import logs
from webapp.usecases.context import Context

log = logging.getLogger(__name__)

# What is done while it is received; all else is answered, or waits for what it belongs to.
AT_ONCE = frozenset({"successful_payment", "refunded_payment"})


def receive(body: bytes | dict[str, Any], source: str, context: Context) -> None:
    """Have an update durable; after this Telegram may be told that it arrived.

    A payment is kept, booked and unlocked in one commit. Whatever is in the way of that, the update
    alone is kept by a second one and taken up from the inbox.

    :param source: webhook or polling
    :raise SQLAlchemyError: it could not be kept
    """
    item = inbox.describe(body, source, clock.now())
    if item.kind in AT_ONCE:
        try:
            recorded = run_in_transaction(lambda: _settle(item, context))
        except Exception as error:
            # The inbox tries again, counts, and sets aside what cannot be done.
            db.session.rollback()
            level = logging.WARNING if isinstance(error, SQLAlchemyError) else logging.INFO
            log.log(
                level, "not settled at once: %s", type(error).__name__, extra={"update_id": item.update_id}
            )
        else:
            _report(item, recorded)
            return
    run_in_transaction(lambda: _keep(item, context))


def _keep(item: InboxItem, context: Context) -> None:
    if inbox.keep(item) is not None:
        support.hear(item, context.config.owner_chats, clock.now())


def _settle(item: InboxItem, context: Context) -> Recorded | None:
    now = clock.now()
    # Kept first: a copy of an update ends here, or waits until the first is committed.
    if inbox.keep(item, done_at=now) is None:
        return None
    return updates.apply(item, keys=context.keys, now=now, owner_ids=context.config.owner_chats)


def _report(item: InboxItem, recorded: Recorded | None) -> None:
    correlation_id = (recorded and recorded.correlation_id) or logs.new_correlation_id()
    with logs.bind(correlation_id=correlation_id, update_id=item.update_id):
        log.info("settled", extra={"event": item.kind})
