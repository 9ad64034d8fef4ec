"""People: who they are, and what limits them."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db.engine import Model
from webapp.db.models.columns import TelegramId
from webapp.db.types import UTCDateTime


class User(Model):
    __tablename__ = "users"

    telegram_id: Mapped[int] = mapped_column(TelegramId, primary_key=True, autoincrement=False)
    first_name: Mapped[str] = mapped_column(String(256), default="")
    last_name: Mapped[str] = mapped_column(String(256), default="")
    username: Mapped[str | None] = mapped_column(String(64))
    language_code: Mapped[str | None] = mapped_column(String(35))  # of their Telegram, at the last launch
    language: Mapped[str | None] = mapped_column(String(35))  # what they chose in the shop; it comes first
    is_premium: Mapped[bool] = mapped_column(default=False)
    photo_url: Mapped[str | None] = mapped_column(String(2048))
    session_epoch: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
    banned_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    news_declined_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    forgotten_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # at their wish; they did not return

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or str(self.telegram_id)


class Logout(Model):
    """The launches of a person, by the moments that Telegram gave them, of which they logged out."""

    __tablename__ = "logouts"

    telegram_id: Mapped[int] = mapped_column(TelegramId, primary_key=True, autoincrement=False)
    launched_from: Mapped[datetime] = mapped_column(UTCDateTime, primary_key=True)
    launched_until: Mapped[datetime] = mapped_column(UTCDateTime, primary_key=True)


class SignInCode(Model):
    """A code that the bot wrote to a person, by its digest, and the launch that it vouched for."""

    __tablename__ = "sign_in_codes"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)  # HMAC-SHA-256
    telegram_id: Mapped[int] = mapped_column(TelegramId, index=True)
    made_at: Mapped[datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    launch: Mapped[str | None] = mapped_column(String(64))  # its hash


class RateLimit(Model):
    """How often something happened within one window of time."""

    __tablename__ = "rate_limits"

    bucket: Mapped[str] = mapped_column(String(128), primary_key=True)
    window_at: Mapped[datetime] = mapped_column(UTCDateTime, primary_key=True)
    hits: Mapped[int] = mapped_column(default=0)
