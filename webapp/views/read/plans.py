"""Plans as the people who pay for them read them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from webapp.db.models import Subscription, User
from webapp.domain.catalogue import catalogue
from webapp.domain.sales import subscriptions
from webapp.web import polled
from webapp.web.polled import Pace

# Most wishes are granted within a minute.
WISH = Pace(2, 10, timedelta(minutes=1))
# How long a page looks by itself whether the person turned renewal on in Telegram.
RETURN = Pace(5, None, timedelta(minutes=10))


@dataclass(frozen=True)
class Standing:
    """How it stands with a plan, for its page."""

    subscription: Subscription
    state: str  # as subscriptions.state says
    until: datetime  # when it closes, should no further charge come
    was_refused: bool
    is_sold: bool
    pace_seconds: int | None  # between two looks of a page that waits

    @property
    def seen(self) -> str:
        """What a page that shows this repeats, so that nothing is sent while nothing changes."""
        return polled.mark(self.state, self.pace_seconds)


def standing(subscription: Subscription, now: datetime, *, is_sold: bool) -> Standing:
    """Return how it stands with a plan."""
    state = subscriptions.state(subscription, now)
    return Standing(
        subscription=subscription,
        state=state,
        until=subscription.stays_until(now),
        was_refused=subscriptions.was_refused(subscription),
        is_sold=is_sold,
        pace_seconds=_pace(subscription, state, now),
    )


def running(user: User, now: datetime) -> list[Standing]:
    """Return how it stands with the plans of a person that run."""
    plans = [plan for plan in subscriptions.list_for(user.telegram_id) if plan.is_running(now)]
    sold = {product.id for product in catalogue.on_sale()} if plans else set()
    return [standing(plan, now, is_sold=plan.product_id in sold) for plan in plans]


def _pace(subscription: Subscription, state: str, now: datetime) -> int | None:
    if subscription.wished_at is None:
        return WISH.later_seconds if state in {"cancelling", "resuming"} else None
    waited = now - subscription.wished_at
    if state in {"cancelling", "resuming"}:
        return WISH.after(waited)
    # Let to renew again just now: the person is on the way to Telegram's settings and back.
    is_awaited = state == "cancelled" and subscription.wished_by == "buyer"
    return RETURN.after(waited) if is_awaited else None
