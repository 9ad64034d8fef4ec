"""Everybody's entitlements, rewritten from the ledger."""

from functools import partial

from webapp.db.transactions import run_in_transaction
from webapp.domain.access import entitlements


def rebuild() -> int:
    """Write everybody's entitlements anew, some people at a time, and return how many there are."""
    return sum(
        run_in_transaction(partial(entitlements.rebuild, people)) for people in list(entitlements.batches())
    )
