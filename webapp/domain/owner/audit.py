"""The audit log: who decided what about whom, what changed by it, and why. Rows are only ever added."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from webapp.db.engine import db
from webapp.db.models import AuditEntry

LONGEST_REASON = 255  # characters; as the database keeps it
LONGEST_TARGET = 320


class Unfounded(ValueError):
    """A decision without a reason, or with too long a one; the sentence says which."""


@dataclass(frozen=True)
class Decision:
    """Who decides something, and why; without a why nothing is decided."""

    by: str  # shell, or shell:NAME; the desk's owners by their Telegram id
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Unfounded("A reason is needed: say why, in a few words.")
        if len(self.reason) > LONGEST_REASON:
            raise Unfounded(f"The reason is longer than {LONGEST_REASON} characters.")


def record(
    decision: Decision,
    act: str,
    target: str,
    *,
    telegram_id: int | None,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    now: datetime,
) -> AuditEntry:
    """Write down a decision, in the transaction that carries it out.

    :param target: what it is about, such as user:1001 or charge:ID
    :param telegram_id: whom it concerns, if anybody
    """
    entry = AuditEntry(
        decided_at=now,
        decided_by=decision.by[:64],
        act=act,
        target=target,
        telegram_id=telegram_id,
        before=dict(before),
        after=dict(after),
        reason=decision.reason.strip(),
    )
    db.session.add(entry)
    db.session.flush()
    return entry


def record_about(
    decision: Decision,
    act: str,
    telegram_id: int,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    now: datetime,
) -> AuditEntry:
    """Write down a decision about a person, in the transaction that carries it out."""
    target = f"user:{telegram_id}"
    return record(decision, act, target, telegram_id=telegram_id, before=before, after=after, now=now)


def list_for(telegram_id: int) -> list[AuditEntry]:
    """Return what was decided about a person, the oldest first."""
    query = select(AuditEntry).where(AuditEntry.telegram_id == telegram_id).order_by(AuditEntry.id)
    return list(db.session.scalars(query))
