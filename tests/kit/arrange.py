"""Named people, products and Telegram's words, for tests of the domain."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.kit import arrange
from tests.kit.factories import TERMS_VERSION
from tests.kit.processes import eventually
from webapp.bot_api.client import BotApi, BotApiError
from webapp.db.engine import db
from webapp.db.models import Charge, Order, OutboxMessage, Refund, User
from webapp.db.transactions import transaction
from webapp.domain.catalogue import catalogue
from webapp.domain.owner import shops
from webapp.domain.people import users
from webapp.domain.people.init_data import Profile
from webapp.domain.people.keys import KeyRing
from webapp.domain.sales import charges, orders, pre_checkouts, refunds
from webapp.domain.sales.charge_context import ChargeFacts

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
MONTH = timedelta(days=30)
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
PLAN = item(
    "plan", kind="subscription", stars=100, keys=("tonight",), trial_stars=10, trial_days=7, grace_days=1
)
BIG_PLAN = item("big-plan", kind="subscription", stars=300, keys=("tonight", "atlas"), grace_days=1)
WHOLE_SKY = item("whole-sky", kind="bundle", stars=320, keys=("atlas", "notes"))


def open_shop(*items: catalogue.Item, now: datetime = NOW) -> None:
    with transaction():
        shops.claim(7342037359, "starfront_bot", "production")
        catalogue.replace(items or (ATLAS, NOTES, WEEK, WHOLE_SKY, PLAN, BIG_PLAN), now)


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


def speaks(user: User, code: str) -> None:
    """Have a person choose a language of the shop."""
    with transaction():
        users.choose_language(user.telegram_id, code)


def order(buyer: User, slug: str = "atlas", *, now: datetime = NOW, **choices: bool) -> Order:
    with transaction():
        return orders.place(
            buyer,
            slug,
            terms_version=TERMS_VERSION,
            current_terms=TERMS_VERSION,
            correlation_id="tap",
            keys=KEYS,
            now=now,
            **choices,
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


def facts(about: Order, charge_id: str = "charge-1", **changes: Any) -> ChargeFacts:
    known: dict[str, Any] = {
        "charge_id": charge_id,
        "telegram_id": about.telegram_id,
        "stars": about.stars,
        "currency": "XTR",
        "payload": about.payload,
        "charged_at": NOW,
        "cause": "update:1",
    }
    return ChargeFacts(**{**known, **changes})


def pay(told: ChargeFacts, *, now: datetime = NOW) -> Charge:
    with transaction():
        return charges.record_charge(told, keys=KEYS, now=now, owner_ids=[OWNER]).charge


def subscribe(
    buyer: User, slug: str = "plan", *, at: datetime = NOW, charge_id: str = "first", **changes: Any
) -> Order:
    """Have a buyer's plan begun by its first charge."""
    made = order(buyer, slug, now=at)
    known = {"charged_at": at, "paid_until": at + MONTH, "is_renewal": False, **changes}
    pay(facts(made, charge_id, **known), now=at)
    return made


def renew(
    made: Order, charge_id: str, *, at: datetime, now: datetime | None = None, **changes: Any
) -> Charge:
    """Have Telegram charge for a plan again."""
    known = {"charged_at": at, "paid_until": at + MONTH, "is_renewal": True, **changes}
    return pay(facts(made, charge_id, **known), now=now or at)


def told(telegram_id: int) -> list[str]:
    """Return the kinds of what a person was told, in order."""
    messages = db.session.scalars(db.select(OutboxMessage).order_by(OutboxMessage.id))
    return [message.kind for message in messages if message.telegram_id == telegram_id]


def settle(charge: Charge, *, at: datetime = NOW, owner_ids: Collection[int] = (), **changes: Any) -> Refund:
    known: dict[str, Any] = {
        "charge_id": charge.telegram_payment_charge_id,
        "telegram_id": charge.telegram_id,
        "stars": charge.stars,
        "refunded_at": at,
        "cause": "update:2",
    }
    with transaction():
        return refunds.mark_done(refunds.RefundFacts(**{**known, **changes}), now=at, owner_ids=owner_ids)


def buy(buyer: User, slug: str = "atlas") -> None:
    order = arrange.order(buyer, slug)
    arrange.decide(arrange.question(order, f"q-{order.public_id}"))
    arrange.pay(arrange.facts(order, f"charge-{order.public_id}"))


def set_up(api: BotApi, url: str) -> None:
    """Have a webhook set by somebody; Telegram takes no two within a second."""

    def works() -> bool:
        try:
            return bool(api.call("setWebhook", {"url": url}))
        except BotApiError:
            return False

    eventually(works)
