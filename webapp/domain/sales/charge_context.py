"""What Telegram says about a charge, and all that is known about it before it is booked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, exists, func, literal_column, select

from webapp.db.engine import db
from webapp.db.models import Charge, LedgerEntry, Order, PreCheckout, Product, Subscription, User
from webapp.db.writes import run
from webapp.domain.access import ledger
from webapp.domain.access.access import Access
from webapp.domain.catalogue import catalogue
from webapp.domain.people.keys import KeyRing
from webapp.domain.sales import payloads, subscriptions
from webapp.domain.sales.payloads import Payload, SaleKind
from webapp.errors import ProductNotFound

ORDERS, PRODUCTS, ENTRIES, CHARGES, ASKED, USERS = (
    model.__table__ for model in (Order, Product, LedgerEntry, Charge, PreCheckout, User)
)


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
    paid_until: datetime | None = None  # of a subscription; updates tell it
    period_seconds: int | None = None  # of a subscription; the statement tells it
    is_renewal: bool | None = None  # None: not told
    gross_stars: int | None = None  # with an affiliate's share, where the statement tells of one


class SoldProduct(NamedTuple):
    """What a charge has to know of its product; named as the columns are."""

    id: int
    slug: str
    retired_at: datetime | None


class Agreement(NamedTuple):
    """What the order agreed on, named as its columns are; without the order what its payload says."""

    id: int | None  # None: the order is gone
    public_id: str
    title: str
    stars: int
    keys: list[str]
    pass_days: int | None
    period_seconds: int | None
    grace_days: int
    expires_at: datetime | None
    correlation_id: str | None


class BookedEntry(NamedTuple):
    """What folding has to know of an entry of the ledger; named as the columns are."""

    id: int
    kind: str
    charge_id: str | None
    keys: list[str]
    pass_days: int | None
    paid_until: datetime | None
    grace_days: int
    occurred_at: datetime
    cause: str


class ChargeContext(NamedTuple):
    """What is known about a charge and its payer before it is booked."""

    facts: ChargeFacts
    payload: Payload | None  # None: not one of ours
    is_recorded: bool
    is_refunded: bool  # before it arrived: Telegram keeps no order between the two
    is_approved: bool  # Telegram asked whether this payer may be charged, and we said yes
    banned_at: datetime | None  # the payer
    product: SoldProduct | None
    agreement: Agreement | None
    entries: list[BookedEntry]  # what the ledger says about the payer
    access: dict[str, Access]  # that they give the payer
    plans: list[Subscription]  # the payer's, where a plan or its trial was sold
    had_plan: bool = False  # the payer had it, or its trial, before a trial was charged
    paid_before: datetime | None = None  # until when earlier charges paid a plan, if nobody tells its new end

    @property
    def plan(self) -> Subscription | None:
        """The plan that an earlier charge of the same order began."""
        mine = self.agreement.public_id if self.agreement else ""
        return next((plan for plan in self.plans if plan.public_id == mine), None)


# In one question past the ORM: the buyer waits for the answer. It has a row for each entry of the ledger
# about the payer, and one without an entry if there is none.
QUESTION = (
    select(
        exists().where(CHARGES.c.telegram_payment_charge_id == bindparam("charge")),
        exists().where(
            ASKED.c.order_id == ORDERS.c.id,
            ASKED.c.telegram_id == bindparam("payer"),
            ASKED.c.declined_because.is_(None),
        ),
        USERS.c.banned_at,
        *(PRODUCTS.c[name] for name in SoldProduct._fields),
        *(ORDERS.c[name] for name in Agreement._fields),
        *(ENTRIES.c[name] for name in BookedEntry._fields),
    )
    .select_from(select(literal_column("1")).subquery())
    .outerjoin(ORDERS, ORDERS.c.public_id == bindparam("order"))
    .outerjoin(PRODUCTS, PRODUCTS.c.id == ORDERS.c.product_id)
    .outerjoin(USERS, USERS.c.telegram_id == bindparam("payer"))
    .outerjoin(ENTRIES, ENTRIES.c.telegram_id == bindparam("payer"))
)


def load_context(facts: ChargeFacts, keys: KeyRing) -> ChargeContext:
    """Return what is known about a charge and its payer."""
    try:
        payload = payloads.unseal(facts.payload, keys)
    except payloads.PayloadInvalid:
        payload = None
    asked = {
        "order": payload.order_id if payload else "",
        "payer": facts.telegram_id,
        "charge": facts.charge_id,
    }
    context = _answered(facts, payload, run(QUESTION, asked))
    if payload and not context.agreement:
        context = _without_order(context, payload)
    if payload and context.product and payload.kind != SaleKind.ONCE:
        context = _with_plans(context, payload.kind, context.product)
    return context


def paid_before(facts: ChargeFacts) -> datetime | None:
    """Return until when a plan was paid for by its charges before this one: renewal may come early."""
    earlier = select(func.max(Charge.paid_until)).where(
        Charge.telegram_id == facts.telegram_id,
        Charge.payload == facts.payload,
        Charge.charged_at <= facts.charged_at,
        Charge.telegram_payment_charge_id != facts.charge_id,
    )
    return db.session.scalar(earlier)


def _answered(facts: ChargeFacts, payload: Payload | None, rows: Sequence[Sequence[Any]]) -> ChargeContext:
    is_recorded, is_approved, banned_at, *columns = rows[0]
    products, agreements, entries = (len(one._fields) for one in (SoldProduct, Agreement, BookedEntry))
    has_order = columns[0] is not None
    booked = [BookedEntry(*row[-entries:]) for row in rows if row[-entries] is not None]
    return ChargeContext(
        facts=facts,
        payload=payload,
        is_recorded=is_recorded,
        is_refunded=("refund", facts.charge_id) in {(entry.kind, entry.charge_id) for entry in booked},
        is_approved=is_approved,
        banned_at=banned_at,
        product=SoldProduct(*columns[:products]) if has_order else None,
        agreement=Agreement(*columns[products : products + agreements]) if has_order else None,
        entries=booked,
        access=ledger.fold(booked),
        plans=[],
    )


def _without_order(context: ChargeContext, payload: Payload) -> ChargeContext:
    """Return what is known where the order is gone, with a lost database perhaps."""
    try:
        product = catalogue.get(payload.slug, include_retired=True)
    except ProductNotFound:
        return context
    agreement = Agreement(
        id=None,
        public_id=payload.order_id,
        title=product.title,
        stars=payload.stars,
        keys=product.keys,
        pass_days=payload.pass_days,
        period_seconds=None,
        grace_days=product.grace_days,
        expires_at=None,
        correlation_id=None,
    )
    sold = SoldProduct(product.id, product.slug, product.retired_at)
    return context._replace(product=sold, agreement=agreement)


def _with_plans(context: ChargeContext, kind: SaleKind, product: SoldProduct) -> ChargeContext:
    facts = context.facts
    is_trial = kind == SaleKind.TRIAL
    return context._replace(
        plans=subscriptions.list_for(facts.telegram_id),
        had_plan=is_trial and subscriptions.had(facts.telegram_id, product, by=facts.charged_at),
        paid_before=None if is_trial or facts.paid_until else paid_before(facts),
    )
