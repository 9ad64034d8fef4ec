"""What came in, and what goes out."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db.engine import Model
from webapp.db.models.columns import RowId, TelegramId
from webapp.db.retried import Retried
from webapp.db.types import UTCDateTime


class InboxItem(Retried, Model):
    """An update exactly as Telegram sent it, and what became of it."""

    __tablename__ = "inbox"
    __table_args__ = (
        # Telegram reuses update ids after an idle week, so the content is part of the key.
        Index("uq_inbox_update", "update_id", "digest", unique=True),
        Index(
            "ix_inbox_undone",
            "next_attempt_at",
            sqlite_where=text("done_at IS NULL AND quarantined_at IS NULL"),
            postgresql_where=text("done_at IS NULL AND quarantined_at IS NULL"),
        ),
        Index(
            "ix_inbox_quarantined",
            "quarantined_at",
            sqlite_where=text("quarantined_at IS NOT NULL"),
            postgresql_where=text("quarantined_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    update_id: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(String(64))  # SHA-256 of the canonical JSON
    kind: Mapped[str] = mapped_column(String(64))
    telegram_id: Mapped[int | None] = mapped_column(TelegramId)
    body: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(String(16))  # webhook | polling
    received_at: Mapped[datetime] = mapped_column(UTCDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    quarantined_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    error: Mapped[str | None] = mapped_column(Text)

    @property
    def state(self) -> str:
        if self.done_at:
            return "done"
        if self.quarantined_at:
            return "quarantined"
        return "failed" if self.attempts and self.error else "waiting"


# The kinds of messages in which a person is told what their owners hear of, too, until they have.
UNTOLD = (
    "owners_told_at IS NULL AND kind IN ("
    "'receipt', 'subscribed', 'renewed', 'refunded', 'renewal_stopped', 'renewal_failed', 'renewal_off')"
)


class OutboxMessage(Retried, Model):
    """A message to a person, written with the fact it tells and sent after the commit."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_unsent",
            "next_attempt_at",
            sqlite_where=text("sent_at IS NULL AND failed_at IS NULL"),
            postgresql_where=text("sent_at IS NULL AND failed_at IS NULL"),
        ),
        Index("ix_outbox_untold", "id", sqlite_where=text(UNTOLD), postgresql_where=text(UNTOLD)),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    dedupe_key: Mapped[str] = mapped_column(String(300), unique=True)
    telegram_id: Mapped[int] = mapped_column(TelegramId)
    kind: Mapped[str] = mapped_column(String(32))  # names the message in texts/notifications.py
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    failed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    error: Mapped[str | None] = mapped_column(String(255))
    owners_told_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
