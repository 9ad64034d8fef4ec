"""What a person may do about a product: buy it, subscribe, try it, wait, or nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from webapp.config import current
from webapp.db.models import Order, Product, Subscription, User
from webapp.domain.access import entitlements
from webapp.domain.sales import orders, subscriptions
from webapp.views.read import gated_pages, holdings
from webapp.views.read.gated_pages import GatedPage
from webapp.views.read.holdings import Holding


@dataclass(frozen=True)
class Offer:
    """A product as one person finds it."""

    product: Product
    holding: Holding | None  # what stands in the place of its price
    open_now: Holding | None  # whether all of it is open, whatever opened it
    gated_pages: list[GatedPage]
    order: Order | None  # still to be paid
    plan: Subscription | None  # of this product: running, or the last that ended
    others: list[Subscription]  # plans that run and open some of the same
    may_begin: bool  # for a plan: none runs that renews or is paid for
    has_trial: bool
    renews_at: datetime  # should a plan begin now

    @property
    def is_for_good(self) -> bool:
        """Whether nothing is left to pay for, ever."""
        return self.open_now is not None and self.open_now.until is None

    @property
    def is_covered(self) -> bool:
        """Whether other plans open all of this already."""
        return bool(self.others) and set(self.product.keys) <= {
            key for one in self.others for key in one.keys
        }

    @property
    def replaces(self) -> list[Subscription]:
        """What renews no more once this is paid: other tiers of the same plan."""
        return [one for one in self.others if self.product.is_subscription and one.renews]


def for_user(product: Product, user: User, now: datetime) -> Offer:
    """Return what a person may do about a product now."""
    held = entitlements.of(user.telegram_id)
    plans = subscriptions.list_for(user.telegram_id)
    plan = next((one for one in plans if one.product_id == product.id), None)
    return Offer(
        product=product,
        holding=holdings.holding(product, held, plans, now),
        open_now=holdings.covering(product.keys, held, now),
        gated_pages=gated_pages.behind(product.keys),
        order=next((one for one in orders.unfinished(user, now) if one.product_id == product.id), None),
        plan=plan,
        others=_others(product, plans, now),
        may_begin=plan is None or subscriptions.state(plan, now) in {"lapsed", "ended"},
        has_trial=product.trial_stars is not None and not subscriptions.had(user.telegram_id, product),
        renews_at=now + timedelta(seconds=current().subscription_seconds),
    )


def _others(product: Product, plans: list[Subscription], now: datetime) -> list[Subscription]:
    if product.is_permanent:
        return []
    running = [one for one in plans if one.product_id != product.id and one.is_running(now)]
    return [one for one in running if set(one.keys) & set(product.keys)]
