"""A plan's renewal, turned off and on again by the person who pays for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, Response, g
from htmx_flask import request

from webapp import clock
from webapp.db.models import Subscription, User
from webapp.domain.access import entitlements
from webapp.domain.sales import subscriptions
from webapp.errors import SubscriptionNotFound
from webapp.usecases import context, renewals
from webapp.views import holdings
from webapp.views.holdings import Opened
from webapp.views.orders import LONGEST_ID
from webapp.web import guards, pages
from webapp.web.guards import signed_in

bp = Blueprint("subscriptions", __name__)

SOON = timedelta(minutes=1)  # most wishes are granted by then
# How long a page looks by itself whether the person turned renewal on in Telegram.
RETURN = timedelta(minutes=10)


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
        return f"{self.state}-{self.pace_seconds}"


@bp.get("/subscriptions/<public_id>")
@signed_in
def show(public_id: str) -> Response:
    return _answer(_own(public_id))


@bp.delete("/subscriptions/<public_id>/renewal")
@signed_in
def cancel(public_id: str) -> Response:
    return _answer(renewals.cancel_renewal(context.current(), _own(public_id), by="buyer"))


@bp.put("/subscriptions/<public_id>/renewal")
@signed_in
def resume(public_id: str) -> Response:
    return _answer(renewals.allow_renewal(context.current(), _own(public_id), by="buyer"))


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


def _own(public_id: str) -> Subscription:
    if not guards.may_name(public_id, LONGEST_ID):
        raise SubscriptionNotFound(subscription=public_id)
    return subscriptions.get_for(g.user.telegram_id, public_id)


def _answer(subscription: Subscription) -> Response:
    """Return the plan's fragment, or nothing new when that is what the page already shows."""
    found = standing(subscription, clock.now(), is_sold=subscriptions.is_sold(subscription))
    if request.args.get("seen") == found.seen:
        return Response(status=204)
    return pages.fragment("_subscription.html", standing=found, swapped=True, opened=_opened(g.user))


def _opened(user: User) -> list[Opened]:
    """Return what is open to a person, for the page that tells of each when it renews."""
    if not str(request.htmx.current_url).endswith("/upgrades"):
        return []
    now, plans = clock.now(), subscriptions.of(user.telegram_id)
    running = [one for one in plans if one.is_running(now)]
    return holdings.opened(entitlements.of(user.telegram_id), running, now)


def _pace(subscription: Subscription, state: str, now: datetime) -> int | None:
    since = now - subscription.wished_at if subscription.wished_at else RETURN
    if state in {"cancelling", "resuming"}:
        return 2 if since < SOON else 10
    # Let to renew again just now: the person is on the way to Telegram's settings and back.
    is_awaited = state == "cancelled" and subscription.wished_by == "buyer" and since < RETURN
    return 5 if is_awaited else None
