"""Whose database this is, and what is kept for it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db.engine import Model
from webapp.db.models.columns import TelegramId
from webapp.db.types import UTCDateTime


class Shop(Model):
    """The one row that says whose database this is."""

    __tablename__ = "shop"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    bot_id: Mapped[int] = mapped_column(TelegramId)
    bot_username: Mapped[str] = mapped_column(String(64))
    bot_name: Mapped[str] = mapped_column(String(256), default="", server_default="")
    environment: Mapped[str] = mapped_column(String(16))  # production | test, Telegram's data centre
    statement_offset: Mapped[int] = mapped_column(default=0)
    reconciled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # When the statement was last read from its first row, and by how many Stars the books differed.
    full_pass_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    drift_stars: Mapped[int | None]
    # What getWebhookInfo said last: None is well, or a sentence.
    delivery_checked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    delivery_problem: Mapped[str | None] = mapped_column(String(512))
    delivery_failing_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    pending_updates: Mapped[int | None]  # at Telegram
    pending_growing_since: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Lease(Model):
    """The right to do a background duty until a moment; the token tells holders apart."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    token: Mapped[int] = mapped_column(default=1)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)


class RetiredSecret(Model):
    """A webhook secret that was replaced, by its digest, and since when."""

    __tablename__ = "retired_secrets"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256
    retired_at: Mapped[datetime] = mapped_column(UTCDateTime)
