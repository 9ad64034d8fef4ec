"""What people may open: given, prolonged, taken, and rewritten from the ledger."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

from webapp import clock
from webapp.db.transactions import run_in_transaction
from webapp.domain.access import entitlements
from webapp.domain.owner import audit, manual
from webapp.domain.owner.audit import Decision
from webapp.usecases.entitlements import rebuild


def grant(telegram_id: int, key: str, days: int | None, decision: Decision) -> datetime | None:
    """Give a person what a key opens, and return until when it is open; None: for good.

    :raise NotDone: no product ever gave this key
    """
    return run_in_transaction(partial(_give, "grant", telegram_id, key, days, decision, clock.now()))


def extend(telegram_id: int, key: str, days: int, decision: Decision) -> datetime | None:
    """Add days to the end of what is open to a person, and return the new end.

    :raise NotDone: it is not open, or it has no end
    """
    return run_in_transaction(partial(_give, "extend", telegram_id, key, days, decision, clock.now()))


def revoke(telegram_id: int, key: str, decision: Decision) -> list[str]:
    """Take what a key opens from a person, and return the charges and grants that gave it.

    No Stars go back by this: see :func:`webapp.usecases.owner.refund`.

    :raise NotDone: nothing gives it to them
    """
    return run_in_transaction(partial(_revoke, telegram_id, key, decision, clock.now()))


def rebuild_entitlements(decision: Decision) -> int:
    """Write everybody's entitlements anew from the ledger, and return how many there are."""
    facts: dict[str, Any] = {"telegram_id": None, "before": {}, "after": {}, "now": clock.now()}
    # Before: people are rebuilt some at a time, each in a transaction of its own.
    run_in_transaction(partial(audit.record, decision, "rebuild", "entitlements", **facts))
    return rebuild()


def _give(
    act: str, telegram_id: int, key: str, days: int | None, decision: Decision, now: datetime
) -> datetime | None:
    if act == "extend":
        manual.check_extendable(telegram_id, key, now)
    before = _held(telegram_id, key)
    grant_id = f"{act}:{uuid4()}"
    manual.grant(telegram_id, key, days, grant_id=grant_id, now=now)
    after = _held(telegram_id, key)
    audit.record_about(decision, act, telegram_id, before, {**after, "grant": grant_id}, now)
    return entitlements.of(telegram_id)[key].until


def _revoke(telegram_id: int, key: str, decision: Decision, now: datetime) -> list[str]:
    before = _held(telegram_id, key)
    taken = manual.revoke(telegram_id, key, now)
    audit.record_about(
        decision, "revoke", telegram_id, before, {**_held(telegram_id, key), "taken": taken}, now
    )
    return taken


def _held(telegram_id: int, key: str) -> dict[str, Any]:
    """Return until when a person holds a key, as the audit log keeps it."""
    held = entitlements.of(telegram_id)
    if key not in held:
        return {}
    until = held[key].until
    return {key: until.isoformat() if until else "for good"}
