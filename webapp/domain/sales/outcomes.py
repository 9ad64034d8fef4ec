"""What a charge was for, and which of five things becomes of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from webapp.db.models import Charge
from webapp.domain.access import access
from webapp.domain.sales import reservations, subscriptions
from webapp.domain.sales.charge_context import Agreement, ChargeContext, ChargeFacts, SoldProduct
from webapp.domain.sales.payloads import SaleKind

# A charge this long after the order's end was confirmed before it.
SLACK_SECONDS = reservations.RESERVATION_SECONDS
# Our clock from Telegram's, whose charges tell whole seconds; further off, nobody is let in.
CLOCKS_DIFFER = timedelta(seconds=60)


class Problem(StrEnum):
    """Why nobody knows what a charge was for; the database keeps these names."""

    UNKNOWN_PAYLOAD = "UnknownPayload"
    UNKNOWN_PRODUCT = "UnknownProduct"
    WRONG_CURRENCY = "WrongCurrency"
    WRONG_AMOUNT = "WrongAmount"
    WRONG_PAYER = "WrongPayer"
    ORDER_EXPIRED = "OrderExpired"


class Rejection(StrEnum):
    """Why a charge that was identified buys nothing; the database keeps these names."""

    ALREADY_OWNED = "AlreadyOwned"
    ALREADY_SUBSCRIBED = "AlreadySubscribed"
    TRIAL_USED = "TrialUsed"
    OFF_SALE = "OffSale"
    BANNED = "Banned"


@dataclass(frozen=True)
class Sale:
    """What a charge pays for, as it was agreed on."""

    kind: SaleKind
    public_id: str  # the order's
    title: str
    stars: int
    keys: list[str]
    pass_days: int | None
    grace_days: int
    product: SoldProduct
    order_id: int | None = None
    paid_until: datetime | None = None  # of a subscription: the end that Telegram reports or implies
    is_renewal: bool = False

    @property
    def is_permanent(self) -> bool:
        return self.pass_days is None and not self.is_subscription

    @property
    def is_subscription(self) -> bool:
        return self.kind == SaleKind.SUBSCRIPTION

    @property
    def plan(self) -> subscriptions.Plan:
        """The plan that a subscription's charges pay for."""
        return subscriptions.Plan(
            self.public_id, self.product, self.title, self.stars, self.keys, self.grace_days
        )


class Recorded(NamedTuple):
    """A charge, and the tap that its order came from, by which logs are followed to it."""

    charge: Charge
    correlation_id: str | None


@dataclass(frozen=True)
class AlreadyRecorded:
    """It came before, from an update or from the statement."""


@dataclass(frozen=True)
class Quarantined:
    """Nobody knows what it was for: it is kept, gives no access and waits for the owner."""

    sale: Sale | None
    problem: Problem


@dataclass(frozen=True)
class RefundedBefore:
    """Its refund arrived before it: there is nothing to unlock, and nothing to tell."""

    sale: Sale


@dataclass(frozen=True)
class SentBack:
    """It buys nothing, so the shop gives it back by itself."""

    sale: Sale
    reason: Rejection


@dataclass(frozen=True)
class Delivered:
    """It unlocks what it paid for."""

    sale: Sale


Outcome: TypeAlias = AlreadyRecorded | Quarantined | RefundedBefore | SentBack | Delivered


def name_outcome(context: ChargeContext) -> Outcome:
    """Return what becomes of a charge; nothing is asked or written."""
    if context.is_recorded:
        return AlreadyRecorded()
    sale = identify(context)
    if isinstance(sale, Quarantined):
        return sale
    if context.is_refunded:
        return RefundedBefore(sale)
    reason = rejection(context, sale)
    return SentBack(sale, reason) if reason else Delivered(sale)


def identify(context: ChargeContext) -> Sale | Quarantined:
    """Return what a charge was for, or what is wrong with it."""
    facts, payload = context.facts, context.payload
    if payload is None:
        return Quarantined(None, Problem.UNKNOWN_PAYLOAD)
    if context.agreement is None or context.product is None:
        return Quarantined(None, Problem.UNKNOWN_PRODUCT)
    sale = _sale(payload.kind, context.agreement, context.product, context)
    if facts.currency != "XTR":
        return Quarantined(sale, Problem.WRONG_CURRENCY)
    if sale.stars not in (facts.stars, facts.gross_stars):
        return Quarantined(sale, Problem.WRONG_AMOUNT)
    if facts.telegram_id != payload.telegram_id:
        return Quarantined(sale, Problem.WRONG_PAYER)
    return Quarantined(sale, Problem.ORDER_EXPIRED) if _is_expired(context, sale) else sale


def rejection(context: ChargeContext, sale: Sale) -> Rejection | None:
    """Return why a charge that was identified buys nothing, or None when it does."""
    if sale.is_permanent and access.is_complete(context.access, sale.keys):
        return Rejection.ALREADY_OWNED
    if context.had_plan:
        return Rejection.TRIAL_USED
    if sale.is_subscription and _is_paid_already(context, sale):
        return Rejection.ALREADY_SUBSCRIBED
    return _withdrawal(context, sale)


def paid_until(
    facts: ChargeFacts, paid_before: datetime | None, period_seconds: int | None = None
) -> datetime:
    """Return the end of what a plan's charge pays for, as Telegram reports it or the statement implies it.

    :param paid_before: until when its earlier charges paid
    """
    if facts.paid_until:
        return facts.paid_until
    return max(facts.charged_at, paid_before or facts.charged_at) + _period(facts, period_seconds)


def _sale(kind: SaleKind, agreed: Agreement, product: SoldProduct, context: ChargeContext) -> Sale:
    is_subscription = kind == SaleKind.SUBSCRIPTION
    ends_at = paid_until(context.facts, context.paid_before, agreed.period_seconds)
    return Sale(
        kind=kind,
        public_id=agreed.public_id,
        title=agreed.title,
        stars=agreed.stars,
        keys=agreed.keys,
        pass_days=agreed.pass_days,
        grace_days=agreed.grace_days,
        product=product,
        order_id=agreed.id,
        paid_until=ends_at if is_subscription else None,
        is_renewal=is_subscription and _is_renewal(context),
    )


def _is_renewal(context: ChargeContext) -> bool:
    """Tell whether a subscription's charge is not its first, as far as anybody can know yet."""
    if context.facts.is_renewal is not None:
        return context.facts.is_renewal
    return context.plan is not None and context.plan.started_at < context.facts.charged_at


def _period(facts: ChargeFacts, period_seconds: int | None) -> timedelta:
    return timedelta(seconds=facts.period_seconds or period_seconds or subscriptions.MONTH_SECONDS)


def _is_expired(context: ChargeContext, sale: Sale) -> bool:
    """Tell whether a charge came long after its order's end without our having said yes to it."""
    ends_at = context.agreement.expires_at if context.agreement else None
    if ends_at is None or context.facts.charged_at <= ends_at + timedelta(seconds=SLACK_SECONDS):
        return False
    return not context.is_approved and not sale.is_renewal


def _is_paid_already(context: ChargeContext, sale: Sale) -> bool:
    """Tell whether a charge begins what another one has begun: one plan is enough.

    A further charge of the same invoice is a renewal unless Telegram says that it is none.
    """
    facts, mine = context.facts, context.plan
    if facts.is_renewal or mine:
        return facts.is_renewal is False and mine is not None and mine.started_at <= facts.charged_at
    agreed_period = context.agreement.period_seconds if context.agreement else None
    ends_at = facts.paid_until or facts.charged_at + _period(facts, agreed_period)
    return any(
        plan.product_id == sale.product.id
        and plan.started_at < ends_at
        and facts.charged_at < plan.paid_until
        for plan in context.plans
    )


def _withdrawal(context: ChargeContext, sale: Sale) -> Rejection | None:
    """Return why we would have said no beforehand. A renewal is charged without our being asked."""
    if context.is_approved and not sale.is_renewal:
        return None
    # Within a minute nobody knows which came first, our deed or the charge: so the charge counts.
    charged_at = context.facts.charged_at - CLOCKS_DIFFER
    if context.banned_at and context.banned_at <= charged_at:
        return Rejection.BANNED
    # Without its order a charge comes from a database that was lost: it was fine when it was made.
    retired_at = sale.product.retired_at if sale.order_id or sale.is_subscription else None
    return Rejection.OFF_SALE if retired_at and retired_at <= charged_at else None
