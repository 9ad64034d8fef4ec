"""Charges: Stars that Telegram took, recorded once and turned into access."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from webapp.domain import catalogue, entitlements, ledger, orders, outbox, payloads, refunds
from webapp.domain.keys import KeyRing
from webapp.errors import ChargeNotFound, ProductNotFound
from webapp.extensions import db, insert
from webapp.models import Charge, LedgerEntry, Order, PreCheckout, User

# A charge this long after the order's end was confirmed before it.
SLACK_SECONDS = orders.RESERVATION_SECONDS


@dataclass(frozen=True)
class ChargeFacts:
    """What Telegram says about a charge, in an update or in the statement."""

    charge_id: str  # telegram_payment_charge_id
    telegram_id: int  # who paid
    stars: int
    currency: str
    payload: str
    charged_at: datetime  # Telegram's time
    cause: str  # update:<id> or statement


@dataclass(frozen=True)
class Sale:
    """What a charge was for."""

    title: str
    slug: str | None
    keys: list[str]
    pass_days: int | None
    order: Order | None = None


UNKNOWN = Sale(title="", slug=None, keys=[], pass_days=None)


def record_charge(
    facts: ChargeFacts, *, keys: KeyRing, now: datetime, owner_ids: Iterable[int] = ()
) -> Charge:
    """Have a charge on the ledger, what it paid for unlocked, and the buyer told; all or nothing.

    Repeated any number of times, from an update or from the statement, it is the same charge. One
    that cannot be understood is kept, gives no access and waits for the owner; it is never refunded by
    itself. A second payment for something already owned for ever is refunded by itself.
    """
    # Deliveries of one charge wait for each other here; behind that stands the unique charge id.
    ledger.lock(facts.telegram_id)
    known = find(facts.charge_id)
    if known:
        return known
    sale, problem = _understand(facts, keys)
    owned_before = not problem and sale.pass_days is None and _owned(facts.telegram_id, sale.keys)
    charge = _insert(facts, sale, problem, now)
    ledger.add(_entry(facts, sale, problem, now))
    if problem:
        _park(facts, problem, owner_ids, now)
        return charge
    if sale.order:
        orders.pay(sale.order, facts.charge_id, now)
    if owned_before:
        refunds.request(charge, "paid twice", requested_by="shop", now=now)
        _tell(facts, "paid_twice", sale, now)
    else:
        entitlements.refresh(facts.telegram_id)
        _tell(facts, "receipt", sale, now)
    return charge


def find(charge_id: str) -> Charge | None:
    """Return a recorded charge by Telegram's id."""
    return db.session.scalar(select(Charge).where(Charge.telegram_payment_charge_id == charge_id))


def get(charge_id: str) -> Charge:
    """Return a recorded charge by Telegram's id.

    :raise ChargeNotFound: Telegram never told us of it
    """
    charge = find(charge_id)
    if charge is None:
        raise ChargeNotFound(charge=charge_id)
    return charge


def of(telegram_id: int, *, limit: int = 100) -> list[Charge]:
    """Return a person's charges, the latest first."""
    query = select(Charge).where(Charge.telegram_id == telegram_id)
    return list(db.session.scalars(query.order_by(Charge.charged_at.desc(), Charge.id.desc()).limit(limit)))


def _understand(facts: ChargeFacts, keys: KeyRing) -> tuple[Sale, str | None]:
    """Return what a charge was for, and the name of what is wrong with it, if anything is."""
    try:
        payload = payloads.unseal(facts.payload, keys)
    except payloads.PayloadInvalid:
        return UNKNOWN, "UnknownPayload"
    order = orders.find(payload.order_id)
    sale = _sale(order, payload)
    if sale is None:
        return UNKNOWN, "UnknownProduct"
    if facts.currency != "XTR":
        return sale, "WrongCurrency"
    if facts.stars != (order.stars if order else payload.stars):
        return sale, "WrongAmount"
    if facts.telegram_id != payload.telegram_id:
        return sale, "WrongPayer"
    return sale, _unconfirmed(order, facts) if order else None


def _sale(order: Order | None, payload: payloads.Payload) -> Sale | None:
    if order:
        return Sale(order.title, order.product.slug, order.keys, order.pass_days, order)
    # The order is gone, with a lost database perhaps: its payload still says what was sold.
    try:
        product = catalogue.get(payload.slug, include_retired=True)
    except ProductNotFound:
        return None
    return Sale(product.title, product.slug, product.keys, payload.pass_days)


def _unconfirmed(order: Order, facts: ChargeFacts) -> str | None:
    """Return why this charge should never have happened, unless we said yes to it beforehand."""
    if _was_approved(order, facts.telegram_id):
        return None
    buyer = db.session.get(User, facts.telegram_id, populate_existing=True)
    if buyer and buyer.banned_at and buyer.banned_at <= facts.charged_at:
        return "Banned"
    if facts.charged_at > order.expires_at + timedelta(seconds=SLACK_SECONDS):
        return "OrderExpired"
    retired_at = order.product.retired_at
    return "OffSale" if retired_at and retired_at <= facts.charged_at else None


def _was_approved(order: Order, telegram_id: int) -> bool:
    query = select(PreCheckout.query_id).where(
        PreCheckout.order_id == order.id,
        PreCheckout.telegram_id == telegram_id,
        PreCheckout.declined_because.is_(None),
    )
    return db.session.scalar(query.limit(1)) is not None


def _owned(telegram_id: int, keys: list[str]) -> bool:
    return entitlements.owns_for_ever(telegram_id, keys)


def _insert(facts: ChargeFacts, sale: Sale, problem: str | None, now: datetime) -> Charge:
    statement = (
        insert(Charge)
        .values(
            telegram_payment_charge_id=facts.charge_id,
            telegram_id=facts.telegram_id,
            order_id=sale.order.id if sale.order else None,
            title=sale.title,
            stars=facts.stars,
            currency=facts.currency,
            payload=facts.payload,
            charged_at=facts.charged_at,
            recorded_at=now,
            cause=facts.cause,
            quarantined_because=problem,
        )
        .returning(Charge)
    )
    charge: Charge = db.session.scalars(statement).one()
    return charge


def _entry(facts: ChargeFacts, sale: Sale, problem: str | None, now: datetime) -> LedgerEntry:
    return LedgerEntry(
        telegram_id=facts.telegram_id,
        kind="charge",
        charge_id=facts.charge_id,
        stars=facts.stars if facts.currency == "XTR" else 0,
        title=sale.title,
        keys=[] if problem else sale.keys,
        pass_days=None if problem else sale.pass_days,
        occurred_at=facts.charged_at,
        recorded_at=now,
        cause=facts.cause,
    )


def _park(facts: ChargeFacts, problem: str, owner_ids: Iterable[int], now: datetime) -> None:
    told = {"charge_id": facts.charge_id, "stars": facts.stars, "problem": problem}
    outbox.add(facts.telegram_id, "in_review", told, dedupe_key=f"in_review:{facts.charge_id}", now=now)
    for owner_id in owner_ids:
        told_owner = {**told, "telegram_id": facts.telegram_id}
        dedupe_key = f"owner_in_review:{owner_id}:{facts.charge_id}"
        outbox.add(owner_id, "owner_in_review", told_owner, dedupe_key=dedupe_key, now=now)


def _tell(facts: ChargeFacts, kind: str, sale: Sale, now: datetime) -> None:
    told = {
        "charge_id": facts.charge_id,
        "title": sale.title,
        "slug": sale.slug,
        "stars": facts.stars,
        "keys": sale.keys,
        "pass_days": sale.pass_days,
        "charged_at": facts.charged_at.isoformat(),
    }
    outbox.add(facts.telegram_id, kind, told, dedupe_key=f"{kind}:{facts.charge_id}", now=now)
