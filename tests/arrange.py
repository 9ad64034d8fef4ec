"""Named people, products and Telegram's words, for tests of the domain."""

from datetime import UTC, datetime, timedelta
from typing import Any

from webapp.domain import catalogue, orders, payments, pre_checkouts, refunds, shops, terms, users
from webapp.domain.init_data import Profile
from webapp.domain.keys import KeyRing
from webapp.extensions import transaction
from webapp.models import Charge, Order, Refund, User

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
KEYS = KeyRing.of("kV9dT2xQw8Lr4ZbN6hYc1JmPf3GsUe5a")
ALICE, BOB, OWNER = 1001, 1002, 9001


def item(slug: str = "atlas", **changes: Any) -> catalogue.Item:
    facts: dict[str, Any] = {
        "slug": slug,
        "kind": "unlock",
        "section": "Unlock for good",
        "title": slug.title(),
        "description": "Worth having.",
        "details": ("One thing", "Another"),
        "picture": f"{slug}.svg",
        "stars": 250,
        "pass_days": None,
        "keys": (slug,),
    }
    return catalogue.Item(**{**facts, **changes})


ATLAS = item()
NOTES = item("notes", stars=120)
WEEK = item("week", kind="pass", stars=25, pass_days=7, keys=("tonight",))
WHOLE_SKY = item("whole-sky", kind="bundle", stars=320, keys=("atlas", "notes"))


def open_shop(*items: catalogue.Item) -> None:
    with transaction():
        shops.claim(7342037359, "starfront_bot", "production")
        catalogue.replace(items or (ATLAS, NOTES, WEEK, WHOLE_SKY), NOW)


def meet(telegram_id: int = ALICE, **changes: Any) -> User:
    facts: dict[str, Any] = {
        "telegram_id": telegram_id,
        "first_name": "Alice",
        "last_name": "",
        "username": None,
        "language_code": "en",
        "is_premium": False,
        "photo_url": None,
    }
    with transaction():
        return users.provision(Profile(**{**facts, **changes}), NOW)


def order(buyer: User, slug: str = "atlas", *, now: datetime = NOW) -> Order:
    with transaction():
        return orders.place(
            buyer, slug, terms_version=terms.VERSION, correlation_id="tap", keys=KEYS, now=now
        )


def question(about: Order, query_id: str = "q1", **changes: Any) -> pre_checkouts.Question:
    facts: dict[str, Any] = {
        "query_id": query_id,
        "telegram_id": about.telegram_id,
        "stars": about.stars,
        "currency": "XTR",
        "payload": about.payload,
        "received_at": NOW,
    }
    return pre_checkouts.Question(**{**facts, **changes})


def decide(asked: pre_checkouts.Question, *, now: datetime = NOW) -> str | None:
    """Return None for a yes, or the name of the no."""
    with transaction():
        refusal = pre_checkouts.decide(asked, keys=KEYS, now=now)
    return refusal.code if refusal else None


def facts(about: Order, charge_id: str = "charge-1", **changes: Any) -> payments.ChargeFacts:
    known: dict[str, Any] = {
        "charge_id": charge_id,
        "telegram_id": about.telegram_id,
        "stars": about.stars,
        "currency": "XTR",
        "payload": about.payload,
        "charged_at": NOW,
        "cause": "update:1",
    }
    return payments.ChargeFacts(**{**known, **changes})


def pay(told: payments.ChargeFacts, *, now: datetime = NOW) -> Charge:
    with transaction():
        return payments.record_charge(told, keys=KEYS, now=now, owner_ids=[OWNER])


def settle(charge: Charge, *, at: datetime = NOW, **changes: Any) -> Refund:
    known: dict[str, Any] = {
        "charge_id": charge.telegram_payment_charge_id,
        "telegram_id": charge.telegram_id,
        "stars": charge.stars,
        "refunded_at": at,
        "cause": "update:2",
    }
    with transaction():
        return refunds.settle(refunds.RefundFacts(**{**known, **changes}), now=at)
