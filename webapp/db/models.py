"""The tables, and the questions a single row can answer about itself."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db.extensions import Model, UTCDateTime

# Telegram user ids have at most 52 significant bits (Bot API: User).
TelegramId = BigInteger
# SQLite counts by itself only in a column declared INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")


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


@dataclass(frozen=True)
class Wording:
    """What a product is called and said to be, in one language."""

    title: str
    description: str
    details: list[str]
    section: str


class Product(Model):
    __tablename__ = "products"
    __table_args__ = (
        CheckConstraint("stars > 0", name="stars_positive"),
        CheckConstraint("kind IN ('unlock', 'pass', 'bundle', 'subscription')", name="kind_known"),
        CheckConstraint("(kind = 'pass') = (pass_days IS NOT NULL)", name="pass_days_for_a_pass"),
        CheckConstraint("(trial_stars IS NULL) = (trial_days IS NULL)", name="trial_whole"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    slug: Mapped[str] = mapped_column(String(32), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    section: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(32))  # Bot API: createInvoiceLink, title
    description: Mapped[str] = mapped_column(String(255))  # Bot API: createInvoiceLink, description
    details: Mapped[list[str]] = mapped_column(JSON, default=list)  # what is inside, a line each
    picture: Mapped[str] = mapped_column(String(128))  # a file in the owner's folder pictures
    stars: Mapped[int]  # for a subscription: each period
    pass_days: Mapped[int | None]
    keys: Mapped[list[str]] = mapped_column(JSON)  # entitlement keys that buying it grants
    trial_stars: Mapped[int | None]  # what trying a subscription costs, once per person
    trial_days: Mapped[int | None]
    grace_days: Mapped[int] = mapped_column(default=0, server_default="0")  # after a plan's paid end
    refund_days: Mapped[int] = mapped_column(default=0, server_default="0")  # for the buyer's own refund
    position: Mapped[int]
    version: Mapped[int] = mapped_column(default=1)
    retired_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # off sale, never deleted
    # Language code → title, description, details, section: those that are translated.
    translations: Mapped[dict[str, dict[str, Any]]] = mapped_column(JSON, default=dict, server_default="{}")

    def worded(self, language: str) -> Wording:
        """Return the texts in a language; what is not translated is as the catalogue first says it."""
        told = self.translations.get(language, {})
        own = {one.name: getattr(self, one.name) for one in fields(Wording)}
        return Wording(**{**own, **told})

    @property
    def is_on_sale(self) -> bool:
        return self.retired_at is None

    @property
    def is_subscription(self) -> bool:
        return self.kind == "subscription"

    @property
    def is_permanent(self) -> bool:
        return self.pass_days is None and not self.is_subscription


class TermsAcceptance(Model):
    __tablename__ = "terms_acceptances"

    telegram_id: Mapped[int] = mapped_column(ForeignKey("users.telegram_id"), primary_key=True)
    version: Mapped[str] = mapped_column(String(32), primary_key=True)
    accepted_at: Mapped[datetime] = mapped_column(UTCDateTime)


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


class InboxItem(Model):
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
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(UTCDateTime)
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


class OutboxMessage(Model):
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
    kind: Mapped[str] = mapped_column(String(32))  # names the message in webapp/texts/messages.py
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(UTCDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    failed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    error: Mapped[str | None] = mapped_column(String(255))
    owners_told_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Signal(Model):
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
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(UTCDateTime)
    taken_by: Mapped[list[str]] = mapped_column(JSON, default=list)  # receivers that need it no more
    failed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # given up until the owner decides
    error: Mapped[str | None] = mapped_column(String(255))

    @property
    def state(self) -> str:
        if self.failed_at:
            return "given up"
        return "failed" if self.error else "waiting"


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


# Triggers of the database refuse to change or remove their rows.
APPEND_ONLY = (LedgerEntry.__tablename__, Charge.__tablename__, AuditEntry.__tablename__)
