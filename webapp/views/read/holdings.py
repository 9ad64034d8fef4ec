"""What a person holds: of each entitlement, and of each product."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from webapp.db.models import Entitlement, Product, Subscription
from webapp.domain.sales import subscriptions
from webapp.views.read import gated_pages
from webapp.views.read.gated_pages import GatedPage


@dataclass(frozen=True)
class Opened:
    """Something that is open to somebody: for ever, until a moment, or until its plan is renewed."""

    page: GatedPage
    until: datetime | None
    renews_at: datetime | None


@dataclass(frozen=True)
class Holding:
    """A product that is somebody's: for ever, or until a moment."""

    until: datetime | None


def opened(held: Mapping[str, Entitlement], plans: Iterable[Subscription], now: datetime) -> list[Opened]:
    """Return what is open to a person now, each with its end or its next renewal."""
    running = [plan for plan in plans if plan.is_running(now)]
    active = [row for row in held.values() if row.is_active(now)]
    pages = gated_pages.named(row.key for row in active)
    return [_opened(row, pages[row.key], running, now) for row in active]


def holding(
    product: Product, held: Mapping[str, Entitlement], plans: Iterable[Subscription], now: datetime
) -> Holding | None:
    """Return what a person holds of a product, or nothing unless they hold all of it."""
    if product.is_subscription:
        running = (plan for plan in plans if plan.product_id == product.id and plan.is_running(now))
        plan = next(running, None)
        if plan:
            return Holding(plan.stays_until(now))
    open_now = covering(product.keys, held, now)
    # A pass for what is also sold for good, or as a plan, leaves something to buy.
    is_theirs = open_now and (product.pass_days or open_now.until is None)
    return open_now if is_theirs else None


def covering(keys: Collection[str], held: Mapping[str, Entitlement], now: datetime) -> Holding | None:
    """Return for how long all of these entitlement keys are open, or nothing unless each is."""
    rows = [held[key] for key in keys if key in held and held[key].is_active(now)]
    if len(rows) < len(keys):
        return None
    return Holding(min((row.until for row in rows if row.until), default=None))


def by_slug(
    products: Iterable[Product],
    held: Mapping[str, Entitlement],
    plans: Collection[Subscription],
    now: datetime,
) -> dict[str, Holding]:
    """Return what a person holds, by product slug."""
    found = {product.slug: holding(product, held, plans, now) for product in products}
    return {slug: held_now for slug, held_now in found.items() if held_now}


def _opened(
    entitlement: Entitlement, page: GatedPage, running: Iterable[Subscription], now: datetime
) -> Opened:
    until = entitlement.until
    plans = [plan for plan in running if entitlement.key in plan.keys]
    if until is None:
        return Opened(page, None, None)
    renewals = [plan.paid_until for plan in plans if subscriptions.state(plan, now) == "renewing"]
    # The ledger counts a plan's days of grace; a person is told what is paid for.
    ends = [plan.stays_until(now) for plan in plans if plan.ends_at == until]
    return Opened(page, max(ends, default=until), max(renewals, default=None))
