"""What is sold, and under which terms."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db.engine import Model
from webapp.db.models.columns import RowId
from webapp.db.types import UTCDateTime


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
