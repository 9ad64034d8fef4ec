"""Charges, their refunds, the plans that they pay for, and what else moves Stars."""

from datetime import datetime, timedelta

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db.engine import Model
from webapp.db.models.columns import RowId, TelegramId
from webapp.db.models.orders import Order
from webapp.db.types import UTCDateTime


class Charge(Model):
    """Stars that Telegram took from a person for us, once per Telegram charge id."""

    __tablename__ = "charges"
    __table_args__ = (
        Index("ix_charges_telegram_id", "telegram_id", "charged_at"),
        Index(
            "ix_charges_quarantined",
            "charged_at",
            sqlite_where=text("quarantined_because IS NOT NULL"),
            postgresql_where=text("quarantined_because IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    telegram_payment_charge_id: Mapped[str] = mapped_column(String(255), unique=True)
    telegram_id: Mapped[int] = mapped_column(TelegramId)  # the payer; may be nobody we know
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), index=True)
    title: Mapped[str] = mapped_column(String(64))
    stars: Mapped[int]
    currency: Mapped[str] = mapped_column(String(8))
    payload: Mapped[str] = mapped_column(Text)
    charged_at: Mapped[datetime] = mapped_column(UTCDateTime)  # Telegram's time, whole seconds
    recorded_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    cause: Mapped[str] = mapped_column(String(64))  # update:<id> | statement:<row> | cli
    quarantined_because: Mapped[str | None] = mapped_column(String(64))  # as it arrived; never changes
    paid_until: Mapped[datetime | None] = mapped_column(UTCDateTime)  # only of a subscription
    slug: Mapped[str | None] = mapped_column(String(32))  # of the product, where it is known
    is_trial: Mapped[bool] = mapped_column(default=False, server_default=false())

    order: Mapped[Order | None] = relationship(lazy="raise")

    @property
    def update_id(self) -> int | None:
        """The update that told of it first, if that was no row of the statement."""
        teller, _, number = self.cause.partition(":")
        return int(number) if teller == "update" else None


class Refund(Model):
    """The wish to give a charge back, and how far Telegram has carried it out."""

    __tablename__ = "refunds"
    __table_args__ = (
        Index(
            "ix_refunds_open",
            "requested_at",
            sqlite_where=text("done_at IS NULL AND refused_at IS NULL"),
            postgresql_where=text("done_at IS NULL AND refused_at IS NULL"),
        ),
    )

    charge_id: Mapped[str] = mapped_column(String(255), primary_key=True)  # Telegram's
    telegram_id: Mapped[int] = mapped_column(TelegramId, index=True)
    stars: Mapped[int]
    reason: Mapped[str] = mapped_column(String(255))
    requested_by: Mapped[str] = mapped_column(String(64))  # shop | owner | telegram
    requested_at: Mapped[datetime] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None] = mapped_column(UTCDateTime, index=True)
    done_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    refused_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    refused_because: Mapped[str | None] = mapped_column(String(255))
    # After Telegram's no: the owner decided to give it back no other way either, and told the buyer why.
    declined_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    declined_because: Mapped[str | None] = mapped_column(String(255))
    # The first charge of the subscription whose renewal is to be stopped before the Stars go back.
    stops_charge_id: Mapped[str | None] = mapped_column(String(255))
    stopped_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @property
    def status(self) -> str:
        if self.done_at:
            return "done"
        if self.refused_at:
            return "refused"
        return "unknown" if self.attempts else "requested"


class Subscription(Model):
    """A plan that Telegram charges for again and again, by the invoice that began it.

    Telegram names a subscription by its payer and payload only, and the payload names the order.
    Access never follows from this row: the ledger's dates decide.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        CheckConstraint("wish IN ('cancel', 'resume')", name="wish_known"),
        Index("ix_subscriptions_telegram_id", "telegram_id"),
        Index("ix_subscriptions_paid_until", "paid_until"),
        Index(
            "ix_subscriptions_wished",
            "next_attempt_at",
            sqlite_where=text("wish IS NOT NULL"),
            postgresql_where=text("wish IS NOT NULL"),
        ),
    )

    public_id: Mapped[str] = mapped_column(String(16), primary_key=True)  # the order's
    telegram_id: Mapped[int] = mapped_column(TelegramId)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    payload: Mapped[str] = mapped_column(Text)  # all its charges repeat it
    title: Mapped[str] = mapped_column(String(64))
    stars: Mapped[int]  # each period
    keys: Mapped[list[str]] = mapped_column(JSON)
    # editUserStarSubscription takes no other charge's id than this (MTProto: botCancelStarsSubscription).
    first_charge_id: Mapped[str] = mapped_column(String(255))
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    paid_until: Mapped[datetime] = mapped_column(UTCDateTime)
    grace_days: Mapped[int] = mapped_column(default=0)
    # What Telegram says of its renewal: off since, switched off by us since, failed since.
    canceled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    locked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    failed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    failed_update_id: Mapped[int | None] = mapped_column(BigInteger)
    stated_update_id: Mapped[int | None] = mapped_column(BigInteger)
    stated_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # What Telegram is to be asked: cancel or resume, until it agrees or refuses.
    wish: Mapped[str | None] = mapped_column(String(16))
    wished_by: Mapped[str | None] = mapped_column(String(16))  # buyer | shop | owner
    wished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    refused_because: Mapped[str | None] = mapped_column(String(255))

    @property
    def is_refunded(self) -> bool:
        """Whether nothing of what was paid for it is left."""
        return self.paid_until <= self.started_at

    @property
    def ends_at(self) -> datetime:
        """Until when it gives access should no further charge come; refunded whole, it has ended."""
        return self.paid_until + timedelta(days=0 if self.is_refunded else self.grace_days)

    def is_running(self, now: datetime) -> bool:
        return now < self.ends_at

    def stays_until(self, now: datetime) -> datetime:
        """Until when a person may be promised access: what is paid for, and its grace once that counts."""
        return self.paid_until if now < self.paid_until and not self.failed_at else self.ends_at

    @property
    def renews(self) -> bool:
        return self.canceled_at is None


class Movement(Model):
    """What moved the bot's Stars beside sales and refunds, once for each row of the statement."""

    __tablename__ = "movements"

    row_id: Mapped[str] = mapped_column(String(255), primary_key=True)  # Telegram's; a share has its charge's
    direction: Mapped[str] = mapped_column(String(8), primary_key=True)  # in | out, of the row
    kind: Mapped[str] = mapped_column(String(64))  # named in domain/movements.py
    stars: Mapped[int] = mapped_column(BigInteger)  # signed, as the nanostars
    nanostars: Mapped[int] = mapped_column(BigInteger)
    occurred_at: Mapped[datetime] = mapped_column(UTCDateTime)  # Telegram's time
    recorded_at: Mapped[datetime] = mapped_column(UTCDateTime)
