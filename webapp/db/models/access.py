"""The ledger, what follows from it, and who is told."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db.engine import Model
from webapp.db.models.columns import RowId, TelegramId
from webapp.db.retried import Retried
from webapp.db.types import UTCDateTime


class LedgerEntry(Model):
    """A fact that decides access. Rows are only ever added: triggers refuse the rest."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        # A charge is booked once and refunded once, however often Telegram says so.
        Index(
            "uq_ledger_entries_once",
            "kind",
            "charge_id",
            unique=True,
            sqlite_where=text("kind IN ('charge', 'refund')"),
            postgresql_where=text("kind IN ('charge', 'refund')"),
        ),
        Index("ix_ledger_entries_telegram_id", "telegram_id"),
        Index("ix_ledger_entries_charge_id", "charge_id"),
        Index(
            "ix_ledger_entries_counted",
            "recorded_at",
            sqlite_where=text("kind IN ('grant', 'refund')"),
            postgresql_where=text("kind IN ('grant', 'refund')"),
        ),
        CheckConstraint(
            "kind IN ('charge', 'refund', 'suspension', 'restoration', 'grant', 'revocation')",
            name="kind_known",
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    telegram_id: Mapped[int] = mapped_column(TelegramId)
    kind: Mapped[str] = mapped_column(String(16))
    # Telegram's, or what names a grant of the owner's; a revocation with one takes that alone.
    charge_id: Mapped[str | None] = mapped_column(String(255))
    stars: Mapped[int] = mapped_column(default=0)  # signed: charges add, refunds take away
    title: Mapped[str] = mapped_column(String(64), default="")
    keys: Mapped[list[str]] = mapped_column(JSON, default=list)
    pass_days: Mapped[int | None]  # None, and no paid_until: for ever
    paid_until: Mapped[datetime | None] = mapped_column(UTCDateTime)  # of a subscription, as Telegram says
    grace_days: Mapped[int] = mapped_column(default=0, server_default="0")
    occurred_at: Mapped[datetime] = mapped_column(UTCDateTime)  # Telegram's time where it has one
    recorded_at: Mapped[datetime] = mapped_column(UTCDateTime)
    cause: Mapped[str] = mapped_column(String(64))


class Entitlement(Model):
    """What the ledger gives a person today: a cache that can be dropped and rebuilt."""

    __tablename__ = "entitlements"
    __table_args__ = (Index("ix_entitlements_until", "until"),)

    telegram_id: Mapped[int] = mapped_column(TelegramId, primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    since: Mapped[datetime] = mapped_column(UTCDateTime)
    until: Mapped[datetime | None] = mapped_column(UTCDateTime)  # None: for ever

    def is_active(self, now: datetime) -> bool:
        return self.until is None or now < self.until


class Signal(Retried, Model):
    """A fact that the owner's plug-in is to hear of, until it has taken it; then the row is gone."""

    __tablename__ = "signals"
    __table_args__ = (
        Index("ix_signals_telegram_id", "telegram_id", "id"),
        Index(
            "ix_signals_due",
            "next_attempt_at",
            sqlite_where=text("failed_at IS NULL"),
            postgresql_where=text("failed_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    dedupe_key: Mapped[str] = mapped_column(String(400), unique=True)  # receivers know it as the fact's id
    name: Mapped[str] = mapped_column(String(32))  # one of domain/signals.py, NAMES
    telegram_id: Mapped[int] = mapped_column(TelegramId)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    taken_by: Mapped[list[str]] = mapped_column(JSON, default=list)  # receivers that need it no more
    failed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # given up until the owner decides
    error: Mapped[str | None] = mapped_column(String(255))

    @property
    def state(self) -> str:
        if self.failed_at:
            return "given up"
        return "failed" if self.error else "waiting"
