"""Orders, and what Telegram asked before it charged for them."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db.engine import Model
from webapp.db.models.catalogue import Product
from webapp.db.models.columns import RowId, TelegramId
from webapp.db.types import UTCDateTime


class Order(Model):
    """What was agreed at the tap: price, product and terms never change afterwards."""

    __tablename__ = "orders"
    __table_args__ = (
        # A double tap, or two devices, end in one invoice.
        Index(
            "uq_orders_one_open",
            "telegram_id",
            "product_id",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_orders_telegram_id_created_at", "telegram_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(16), unique=True)
    telegram_id: Mapped[int] = mapped_column(ForeignKey("users.telegram_id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    product_version: Mapped[int]
    title: Mapped[str] = mapped_column(String(32))
    stars: Mapped[int]
    pass_days: Mapped[int | None]
    keys: Mapped[list[str]] = mapped_column(JSON)
    period_seconds: Mapped[int | None]  # Telegram charges again each time; only for a subscription
    is_trial: Mapped[bool] = mapped_column(default=False, server_default=false())
    grace_days: Mapped[int] = mapped_column(default=0, server_default="0")
    refund_days: Mapped[int] = mapped_column(default=0, server_default="0")
    terms_version: Mapped[str] = mapped_column(String(32))
    payload: Mapped[str] = mapped_column(String(128), unique=True)  # bytes; Bot API: createInvoiceLink
    invoice_link: Mapped[str | None] = mapped_column(String(512))
    correlation_id: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    reserved_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    reserved_query_id: Mapped[str | None] = mapped_column(String(64))
    closed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    charge_id: Mapped[str | None] = mapped_column(String(255))  # the first charge that paid it

    product: Mapped[Product] = relationship(lazy="joined", innerjoin=True)

    @property
    def is_paid(self) -> bool:
        return self.charge_id is not None

    @property
    def is_permanent(self) -> bool:
        return self.pass_days is None and self.period_seconds is None

    @property
    def adds_up(self) -> bool:
        """Tell whether a second charge buys more of it; otherwise the shop gives that charge back."""
        return self.pass_days is not None and not self.is_trial

    def is_open(self, now: datetime) -> bool:
        return self.closed_at is None and now < self.expires_at


class PreCheckout(Model):
    """Telegram's question whether it may charge, and what was answered."""

    __tablename__ = "pre_checkouts"

    query_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), index=True)
    telegram_id: Mapped[int] = mapped_column(TelegramId)
    received_at: Mapped[datetime] = mapped_column(UTCDateTime)
    decided_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    declined_because: Mapped[str | None] = mapped_column(String(64))  # None: approved

    @property
    def is_approved(self) -> bool:
        return self.declined_because is None


class SweptPreCheckouts(Model):
    """How many questions of one kind were swept away, so that counts go on from there."""

    __tablename__ = "swept_pre_checkouts"

    declined_because: Mapped[str] = mapped_column(String(64), primary_key=True)  # "" for an approval
    # The bucket of how long the answer took, as in domain/statistics.py.
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int] = mapped_column(BigInteger)
    total_seconds: Mapped[float]
