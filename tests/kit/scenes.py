"""Ledger entries about one person, drawn at random."""

import random
from datetime import UTC, datetime, timedelta

from webapp.db.models import LedgerEntry

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def scenes(seed: int) -> list[LedgerEntry]:
    """Draw six entries about at most three charges, some at the same second."""
    draw = random.Random(seed)  # noqa: S311 - a seeded scene, no secret
    entries = []
    for number in range(6):
        charge_id = draw.choice("abc")
        at = NOON + draw.randrange(4) * DAY
        kind = draw.choice(["charge", "charge", "refund", "suspension", "restoration", "grant", "revocation"])
        days = draw.choice([None, 7, 30]) if kind in {"charge", "grant"} else None
        known = {(one.kind, one.charge_id) for one in entries}
        if kind in {"charge", "refund"} and (kind, charge_id) in known:
            continue
        has_charge = kind not in {"grant", "revocation"}
        one = entry(kind, charge_id if has_charge else None, at=at, pass_days=days)
        one.cause = f"cause:{number}"
        entries.append(one)
    return entries


def entry(kind: str, charge_id: str | None = None, *, at: datetime = NOON, **facts: object) -> LedgerEntry:
    facts.setdefault("keys", ["atlas"] if kind in {"charge", "grant", "revocation"} else [])
    return LedgerEntry(kind=kind, charge_id=charge_id, occurred_at=at, cause="test", **facts)


ABOUT = ("charge-1", "plan-1", "pass-1", "plan-2", "pass-2", "charge-2", "plan-8")
