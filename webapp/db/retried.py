"""Work that is tried until it succeeds: whose turn it is, how long a failure rests, when it is given up.

The rows of such work have ``attempts`` and ``next_attempt_at``; each table is retried by a rule of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, update
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from webapp.db.engine import db
from webapp.db.types import UTCDateTime

LEASE_SECONDS = 30  # whoever dies with work loses it to somebody else after this


class Retried:
    """The columns of work that waits for its next try until it is done or given up."""

    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(UTCDateTime)


@dataclass(frozen=True)
class Retries:
    """The rule by which the rows of one table are tried again."""

    model: type[Any]  # has the columns of Retried; None in next_attempt_at: there is nothing to try
    longest_pause_seconds: int
    most_attempts: int | None = None  # then a row is given up; None: never

    def is_due(self, now: datetime) -> ColumnElement[bool]:
        """Tell whether the next try of a row has come."""
        return is_over(self.model.next_attempt_at, self.longest_pause_seconds, now)

    def is_last(self, attempts: int) -> bool:
        """Tell whether no try follows this one."""
        return self.most_attempts is not None and attempts >= self.most_attempts

    def next_attempt_at(
        self, attempts: int, now: datetime, *, after_seconds: float | None = None
    ) -> datetime:
        """Return when a row is tried again: after twice as long as last time, up to the longest pause.

        :param after_seconds: what Telegram asked for, which is kept exactly
        """
        pause = min(2**attempts, self.longest_pause_seconds) if after_seconds is None else after_seconds
        return now + timedelta(seconds=pause)

    def attempted(
        self, attempts: int, now: datetime, *, after_seconds: float | None = None
    ) -> dict[str, Any]:
        """Return the changes that count a try whose outcome is not known: another one follows."""
        next_attempt_at = self.next_attempt_at(attempts, now, after_seconds=after_seconds)
        return {"attempts": self.model.attempts + 1, "next_attempt_at": next_attempt_at}

    def claim(self, due: Select[tuple[int]], now: datetime) -> Sequence[Any]:
        """Take the rows that a query finds, and count the try before it is made.

        So work that kills its process is not tried for ever; whoever dies with a row loses it to another.
        """
        claimed = (
            update(self.model)
            .where(self.model.id.in_(due.with_for_update(skip_locked=True).scalar_subquery()))
            .values(
                attempts=self.model.attempts + 1,
                next_attempt_at=now + timedelta(seconds=LEASE_SECONDS),
            )
            .returning(self.model)
        )
        options = {"populate_existing": True, "synchronize_session": False}
        return db.session.scalars(claimed, execution_options=options).all()


def is_over(until: InstrumentedAttribute[Any], longest_seconds: float, now: datetime) -> ColumnElement[bool]:
    """Tell whether a pause has come to its end.

    One that is longer than any there is was written by a clock that was ahead and has been set right
    since: whatever waits for it would wait for as long as the clock was ahead.
    """
    return or_(until <= now, until > now + timedelta(seconds=longest_seconds))


def afresh(now: datetime) -> dict[str, Any]:
    """Return what has a row tried at once, as if it had never been tried."""
    return {"attempts": 0, "next_attempt_at": now}
