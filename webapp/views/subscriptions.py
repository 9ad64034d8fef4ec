"""A plan's renewal, turned off and on again by the person who pays for it."""

from flask import Blueprint, Response, g
from htmx_flask import request

from webapp import clock
from webapp.db.models import Subscription, User
from webapp.domain.access import entitlements
from webapp.domain.sales import subscriptions
from webapp.errors import SubscriptionNotFound
from webapp.usecases import context, renewals
from webapp.views.orders import LONGEST_ID
from webapp.views.read import holdings, plans
from webapp.views.read.holdings import Opened
from webapp.web import guards, polled
from webapp.web.guards import signed_in

bp = Blueprint("subscriptions", __name__)


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


def _own(public_id: str) -> Subscription:
    if not guards.may_name(public_id, LONGEST_ID):
        raise SubscriptionNotFound(subscription=public_id)
    return subscriptions.get_for(g.user.telegram_id, public_id)


def _answer(subscription: Subscription) -> Response:
    """Return the plan's fragment, or nothing new when that is what the page already shows."""
    standing = plans.standing(subscription, clock.now(), is_sold=subscriptions.is_sold(subscription))
    return polled.fragment(
        "_subscription.html",
        standing.seen,
        lambda: {"standing": standing, "swapped": True, "opened": _opened(g.user)},
    )


def _opened(user: User) -> list[Opened]:
    """Return what is open to a person, for the page that tells of each when it renews."""
    if not str(request.htmx.current_url).endswith("/upgrades"):
        return []
    now = clock.now()
    running = [plan for plan in subscriptions.list_for(user.telegram_id) if plan.is_running(now)]
    return holdings.opened(entitlements.of(user.telegram_id), running, now)
