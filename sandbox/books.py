"""What Telegram writes down about money: invoices, charges and subscriptions."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Invoice:
    """What a link or an invoice message asks for; anybody may pay it, any number of times."""

    slug: str
    title: str
    description: str
    payload: str
    stars: int
    photo_url: str | None = None
    subscription_period: int | None = None  # seconds
    paid_count: int = 0

    def shown(self) -> dict[str, Any]:
        facts = dict(vars(self))
        del facts["payload"]
        return {key: value for key, value in facts.items() if value is not None}


@dataclass
class Charge:
    """Stars taken from a person for the bot."""

    id: str
    person: int
    stars: int
    payload: str
    date: int
    title: str = ""
    currency: str = "XTR"
    refunded: bool = False
    subscription_period: int | None = None  # seconds
    subscription: str | None = None  # the subscription that it began or renewed
    paid_until: int | None = None


@dataclass
class Subscription:
    """A person's leave to be charged for an invoice again and again; its id is the first charge's."""

    id: str
    person: int
    slug: str
    title: str
    payload: str
    stars: int
    period_seconds: int
    date: int
    paid_until: int
    photo_url: str | None = None
    canceled: bool = False  # no renewal, whoever wanted that
    canceled_by_bot: bool = False  # and the person cannot turn it on again
    # The person's Stars when a renewal failed: with more of them it is tried again.
    failed_with: int | None = None

    def state(self, now: float) -> str:
        """Return what Telegram's settings say: active, failed, canceled or ended."""
        if self.canceled:
            return "canceled" if self.paid_until > now else "ended"
        return "active" if self.failed_with is None else "failed"

    def shown(self, now: float) -> dict[str, Any]:
        return {**vars(self), "state": self.state(now)}


@dataclass
class Books:
    """Everything about money that has to outlive a restart."""

    invoices: dict[str, Invoice] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)

    def running(self, person: int, slug: str, now: float) -> Subscription | None:
        """Return the subscription to an invoice that a person has paid for at present."""
        mine = (one for one in self.subscriptions.values() if (one.person, one.slug) == (person, slug))
        return next((one for one in mine if one.paid_until > now), None)

    def subscribe(self, charge: Charge, invoice: Invoice, period_seconds: int) -> Subscription:
        """Have a first charge begin a subscription; one to the same invoice that ran out is over."""
        for old in self.subscriptions.values():
            ran_out = old.paid_until <= charge.date
            if ran_out and (old.person, old.slug) == (charge.person, invoice.slug):
                old.canceled = True
        one = Subscription(
            id=charge.id,
            person=charge.person,
            slug=invoice.slug,
            title=invoice.title,
            payload=charge.payload,
            stars=charge.stars,
            period_seconds=period_seconds,
            date=charge.date,
            paid_until=charge.date + period_seconds,
            photo_url=invoice.photo_url,
        )
        self.subscriptions[one.id] = one
        return one
