"""Updates in the inbox, as the threads of the bot take them and note what became of them."""

import logging
from collections.abc import Callable, Collection
from functools import partial

from webapp import clock
from webapp.db.engine import db
from webapp.db.models import InboxItem
from webapp.db.transactions import run_in_transaction
from webapp.domain.people.keys import KeyRing
from webapp.domain.queue import inbox
from webapp.domain.sales import orders
from webapp.ops import logs

log = logging.getLogger(__name__)

AT_ONCE = 20  # taken by one thread


def claim(limit: int, **which: Collection[str]) -> list[InboxItem]:
    """Take items that are due; see :func:`webapp.domain.queue.inbox.claim`."""
    # Looking first costs no lock, and mostly there is nothing.
    if not inbox.is_due(clock.now(), **which):
        return []
    return run_in_transaction(lambda: inbox.claim(limit, clock.now(), **which))


def finish(item: InboxItem) -> None:
    """Note that an item is handled."""
    note(lambda: inbox.finish(item, clock.now()))


def fail(item: InboxItem, error: BaseException) -> None:
    """Try an item again later, or set it aside after its eighth try."""
    log.warning("update not handled", exc_info=error, extra={"update_id": item.update_id})
    note(lambda: inbox.fail(item, f"{type(error).__name__}: {error}", clock.now()))


def quarantine(item: InboxItem, error: Exception) -> None:
    """Set an item aside for the owner: nothing that is tried again makes it readable."""
    note(partial(inbox.quarantine, item, str(error), clock.now()))


def note(write: Callable[[], None]) -> None:
    """Write down what became of items, unless the database is away."""
    try:
        run_in_transaction(write)
    except Exception:
        # The lease runs out and somebody does it again: everything here is safe twice.
        log.exception("could not note what became of an update")
        db.session.rollback()


def correlation_id(payload: str, keys: KeyRing) -> str:
    """Return the id that began with the tap on Buy, if the payload leads back to it, or else a new one."""
    try:
        return orders.correlation_id(payload, keys) or logs.new_correlation_id()
    except Exception:
        db.session.rollback()
        return logs.new_correlation_id()
