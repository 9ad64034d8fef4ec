"""What the shop sells from now on."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from webapp import clock
from webapp.db.transactions import run_in_transaction
from webapp.domain.catalogue import catalogue
from webapp.domain.catalogue.catalogue import Difference, Item
from webapp.domain.owner import audit, withdrawals
from webapp.domain.owner.audit import Decision


def import_catalogue(items: Sequence[Item], decision: Decision) -> tuple[list[Difference], dict[str, int]]:
    """Make the shop sell what is listed, and stop the plans to what it sells no more.

    :return: what differed from what was sold before, and how many were added, changed and retired
    """
    return run_in_transaction(partial(replace, items, decision, clock.now()))


def replace(
    items: Sequence[Item], decision: Decision, now: datetime
) -> tuple[list[Difference], dict[str, int]]:
    """Do what :func:`import_catalogue` does, inside a transaction. What changes nothing is not recorded."""
    differences = catalogue.differences(items)
    counts = withdrawals.replace_catalogue(items, now)
    if differences:
        after: dict[str, Any] = {one.slug: one.kind for one in differences}
        audit.record(decision, "import", "catalogue", telegram_id=None, before={}, after=after, now=now)
    return differences, counts
