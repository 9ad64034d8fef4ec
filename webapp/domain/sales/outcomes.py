"""What a charge was for, and whether it can be delivered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import bindparam, exists, func, literal_column, select

from webapp.db.extensions import db
from webapp.db.models import Charge, LedgerEntry, Order, PreCheckout, Product, User
from webapp.db.statements import run
from webapp.domain.access import access, ledger
from webapp.domain.catalogue import catalogue
from webapp.domain.people.keys import KeyRing
from webapp.domain.sales import orders, payloads, subscriptions
from webapp.errors import ProductNotFound

# A charge this long after the order's end was confirmed before it.
SLACK_SECONDS = orders.RESERVATION_SECONDS
# Our clock from Telegram's, whose charges tell whole seconds; further off, nobody is let in.
CLOCKS_DIFFER = timedelta(seconds=60)
Row = TypeVar("Row", Order, LedgerEntry)
ORDERS, PRODUCTS, ENTRIES, CHARGES, ASKED = (
    model.__table__ for model in (Order, Product, LedgerEntry, Charge, PreCheckout)
)
AGREED = (
    *("id", "public_id", "title", "stars", "keys", "pass_days", "period_seconds", "grace_days"),
    *("expires_at", "correlation_id"),
)
FOLDED = ("id", "kind", "charge_id", "keys", "pass_days", "paid_until", "grace_days", "occurred_at", "cause")
# All that booking a charge has to know, in one question past the ORM: the buyer waits for the answer. It
# has a row for each entry of the ledger about the payer, and one without an entry if there is none.
BACKGROUND = (
    select(
        exists().where(CHARGES.c.telegram_payment_charge_id == bindparam("charge")),
        exists().where(
            ASKED.c.order_id == ORDERS.c.id,
            ASKED.c.telegram_id == bindparam("payer"),
            ASKED.c.declined_because.is_(None),
        ),
        *(PRODUCTS.c.id, PRODUCTS.c.slug, PRODUCTS.c.retired_at),
        *(ORDERS.c[name] for name in AGREED),
        *(ENTRIES.c[name] for name in FOLDED),
    )
    .select_from(select(literal_column("1")).subquery())
    .outerjoin(ORDERS, ORDERS.c.public_id == bindparam("order"))
    .outerjoin(PRODUCTS, PRODUCTS.c.id == ORDERS.c.product_id)
    .outerjoin(ENTRIES, ENTRIES.c.telegram_id == bindparam("payer"))
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


@dataclass(frozen=True)
class Sold:
    """What a charge has to know of its product."""

    id: int
    slug: str
    retired_at: datetime | None


@dataclass(frozen=True)
class Background:
    """What is known about a charge before it is booked."""

    payload: payloads.Payload | None  # None: not one of ours
    is_recorded: bool
    is_approved: bool  # Telegram asked whether this payer may be charged, and we said yes
    product: Sold | None  # the order's
    order: Order | None  # no more of it than AGREED
    entries: list[LedgerEntry]  # what the ledger says about the payer; no more of it than FOLDED

    def is_refunded(self, charge_id: str) -> bool:
        """Tell whether a charge was given back before it arrived: Telegram keeps no order."""
        return any(one.kind == "refund" and one.charge_id == charge_id for one in self.entries)


@dataclass(frozen=True)
class Sale:
    """What was agreed on, by the order or, without it, by the payload."""

    kind: str  # once | subscription | trial
    public_id: str  # the order's
    title: str
    stars: int
    keys: list[str]
    pass_days: int | None
    period_seconds: int | None
    grace_days: int
    product: Product | Sold
    order: Order | None = None
    is_approved: bool = False

    @property
    def is_permanent(self) -> bool:
        return self.pass_days is None and not self.is_subscription

    @property
    def is_subscription(self) -> bool:
        return self.kind == "subscription"

    @property
    def plan(self) -> subscriptions.Plan:
        """The plan that a subscription's charges pay for."""
        return subscriptions.Plan(
            self.public_id, self.product, self.title, self.stars, self.keys, self.grace_days
        )

    def period(self, facts: ChargeFacts) -> timedelta:
        """Return what one charge of a subscription pays for."""
        seconds = facts.period_seconds or self.period_seconds or subscriptions.MONTH_SECONDS
        return timedelta(seconds=seconds)

    def paid_until(self, facts: ChargeFacts) -> datetime | None:
        """Return the end that Telegram reports, or that the statement implies; None if nothing ends."""
        if not self.is_subscription or facts.paid_until:
            return facts.paid_until if self.is_subscription else None
        return max(facts.charged_at, _paid_before(facts)) + self.period(facts)


def look_up(facts: ChargeFacts, keys: KeyRing) -> Background:
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
    rows = run(BACKGROUND, asked)
    is_recorded, is_approved, product_id, slug, retired_at, *agreed = rows[0][: -len(FOLDED)]
    entries = [row[-len(FOLDED) :] for row in rows]
    return Background(
        payload=payload,
        is_recorded=is_recorded,
        is_approved=is_approved,
        product=Sold(product_id, slug, retired_at) if product_id else None,
        order=_loaded(Order, AGREED, agreed) if product_id else None,
        entries=[_loaded(LedgerEntry, FOLDED, entry) for entry in entries if entry[0]],
    )


def understand(facts: ChargeFacts, background: Background) -> tuple[Sale | None, str | None]:
    """Return what a charge was for, and the name of what is wrong with it, if anything is."""
    payload = background.payload
    if payload is None:
        return None, "UnknownPayload"
    sale = _sale(payload, background)
    if sale is None:
        return None, "UnknownProduct"
    if facts.currency != "XTR":
        return sale, "WrongCurrency"
    if sale.stars not in (facts.stars, facts.gross_stars):
        return sale, "WrongAmount"
    if facts.telegram_id != payload.telegram_id:
        return sale, "WrongPayer"
    return sale, "OrderExpired" if _is_expired(sale, facts) else None


def undeliverable(sale: Sale, facts: ChargeFacts, entries: Iterable[LedgerEntry]) -> str | None:
    """Return why a charge that was understood buys nothing, or None when it does.

    :param entries: what the ledger says about its payer
    """
    if sale.is_permanent and access.is_complete(ledger.fold(entries), sale.keys):
        return "AlreadyOwned"
    if sale.kind == "trial" and subscriptions.had(facts.telegram_id, sale.product, by=facts.charged_at):
        return "TrialUsed"
    if sale.is_subscription and _is_paid_already(sale, facts):
        return "AlreadySubscribed"
    return _withdrawn(sale, facts)


def is_renewal(sale: Sale, facts: ChargeFacts) -> bool:
    """Tell whether a subscription's charge is not its first, as far as anybody can know yet."""
    if not sale.is_subscription or facts.is_renewal is not None:
        return sale.is_subscription and bool(facts.is_renewal)
    known = subscriptions.find(sale.public_id)
    return known is not None and known.started_at < facts.charged_at


def _loaded(model: type[Row], names: tuple[str, ...], values: Sequence[Any]) -> Row:
    """Return a row of which only these columns were read, and which is not the session's."""
    return model(**dict(zip(names, values, strict=True)))


def _sale(payload: payloads.Payload, background: Background) -> Sale | None:
    order = background.order
    if order and background.product:
        return Sale(
            kind=payload.kind,
            public_id=order.public_id,
            title=order.title,
            stars=order.stars,
            keys=order.keys,
            pass_days=order.pass_days,
            period_seconds=order.period_seconds,
            grace_days=order.grace_days,
            product=background.product,
            order=order,
            is_approved=background.is_approved,
        )
    # The order is gone, with a lost database perhaps: its payload still says what was sold.
    try:
        product = catalogue.get(payload.slug, include_retired=True)
    except ProductNotFound:
        return None
    return Sale(
        kind=payload.kind,
        public_id=payload.order_id,
        title=product.title,
        stars=payload.stars,
        keys=product.keys,
        pass_days=payload.pass_days,
        period_seconds=None,
        grace_days=product.grace_days,
        product=product,
    )


def _is_expired(sale: Sale, facts: ChargeFacts) -> bool:
    """Tell whether a charge came long after its order's end without our having said yes to it."""
    if sale.order is None or facts.charged_at <= sale.order.expires_at + timedelta(seconds=SLACK_SECONDS):
        return False
    return not sale.is_approved and not is_renewal(sale, facts)


def _is_paid_already(sale: Sale, facts: ChargeFacts) -> bool:
    """Tell whether a charge begins what another one has begun: one plan is enough.

    A further charge of the same invoice is a renewal unless Telegram says that it is none.
    """
    mine = subscriptions.find(sale.public_id)
    if facts.is_renewal or mine:
        return facts.is_renewal is False and mine is not None and mine.started_at <= facts.charged_at
    ends_at = facts.paid_until or facts.charged_at + sale.period(facts)
    return any(
        one.product_id == sale.product.id and one.started_at < ends_at and facts.charged_at < one.paid_until
        for one in subscriptions.of(facts.telegram_id)
    )


def _paid_before(facts: ChargeFacts) -> datetime:
    """Return until when a plan was paid for by its charges before this one: renewal may come early."""
    earlier = select(func.max(Charge.paid_until)).where(
        Charge.telegram_id == facts.telegram_id,
        Charge.payload == facts.payload,
        Charge.charged_at <= facts.charged_at,
        Charge.telegram_payment_charge_id != facts.charge_id,
    )
    return db.session.scalar(earlier) or facts.charged_at


def _withdrawn(sale: Sale, facts: ChargeFacts) -> str | None:
    """Return why we would have said no beforehand. A renewal is charged without our being asked."""
    order = sale.order
    if sale.is_approved and not is_renewal(sale, facts):
        return None
    buyer = db.session.get(User, facts.telegram_id, populate_existing=True)
    # Within a minute nobody knows which came first, our deed or the charge: so the charge counts.
    charged_at = facts.charged_at - CLOCKS_DIFFER
    if buyer and buyer.banned_at and buyer.banned_at <= charged_at:
        return "Banned"
    # Without its order a charge comes from a database that was lost: it was fine when it was made.
    retired_at = sale.product.retired_at if order or sale.is_subscription else None
    return "OffSale" if retired_at and retired_at <= charged_at else None
