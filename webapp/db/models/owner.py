"""What an owner decides, writes and answers."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db.engine import Model
from webapp.db.models.columns import RowId, TelegramId
from webapp.db.types import UTCDateTime


class SupportThread(Model):
    """Until when what a person writes to the bot is meant for the shop's people."""

    __tablename__ = "support_threads"

    telegram_id: Mapped[int] = mapped_column(TelegramId, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(128))
    open_until: Mapped[datetime] = mapped_column(UTCDateTime)


class SupportMessage(Model):
    """What a person wrote to the shop's people, or what these answered; named by Telegram's own ids."""

    __tablename__ = "support_messages"
    __table_args__ = (Index("ix_support_messages_telegram_id", "telegram_id"),)

    chat_id: Mapped[int] = mapped_column(TelegramId, primary_key=True, autoincrement=False)
    message_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    telegram_id: Mapped[int] = mapped_column(TelegramId)  # of the person who is helped
    answered_by: Mapped[int | None] = mapped_column(TelegramId)  # None: the person's own words
    text: Mapped[str] = mapped_column(Text)
    media: Mapped[str] = mapped_column(String(32))  # its kind, in the Bot API's words, or ""
    written_at: Mapped[datetime] = mapped_column(UTCDateTime)


class SupportRelay(Model):
    """A message of the bot's in an owners' chat, and whom a reply to it is meant for."""

    __tablename__ = "support_relays"

    chat_id: Mapped[int] = mapped_column(TelegramId, primary_key=True, autoincrement=False)
    message_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    telegram_id: Mapped[int] = mapped_column(TelegramId, index=True)
    relayed_at: Mapped[datetime] = mapped_column(UTCDateTime)


class Broadcast(Model):
    """News of the owner's to many people, and how far down the list of people it has come."""

    __tablename__ = "broadcasts"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    segment: Mapped[str] = mapped_column(String(80))  # everyone | buyers | holders:KEY | lapsed:KEY
    texts: Mapped[dict[str, str]] = mapped_column(JSON)  # by their language's code; English is always there
    product: Mapped[str | None] = mapped_column(String(32))  # the slug of what its button opens
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_telegram_id: Mapped[int] = mapped_column(TelegramId, default=0)  # all up to here have their message
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    stopped_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Of its messages that were swept away.
    swept_sent: Mapped[int] = mapped_column(default=0, server_default="0")
    swept_failed: Mapped[int] = mapped_column(default=0, server_default="0")

    @property
    def is_over(self) -> bool:
        return bool(self.finished_at or self.stopped_at)


class AuditEntry(Model):
    """A decision of the owner's: who, what, about whom, what changed by it, and why. Never changed."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_telegram_id", "telegram_id"),
        Index("ix_audit_entries_target", "target"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    decided_at: Mapped[datetime] = mapped_column(UTCDateTime)
    decided_by: Mapped[str] = mapped_column(String(64))  # shell, or shell:NAME
    act: Mapped[str] = mapped_column(String(32))  # ban | unban | grant | revoke | extend | refund | ...
    target: Mapped[str] = mapped_column(String(320))  # user:1001 | charge:ID
    telegram_id: Mapped[int | None] = mapped_column(TelegramId)  # whom it concerns
    before: Mapped[dict[str, Any]] = mapped_column(JSON)
    after: Mapped[dict[str, Any]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(String(255))
