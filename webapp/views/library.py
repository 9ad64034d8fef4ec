"""What a person owns, why, and the pages that it opens."""

from datetime import datetime

from flask import Blueprint, Response

from webapp import clock
from webapp.db.models import User
from webapp.domain.access import entitlements, explanations
from webapp.domain.catalogue import catalogue
from webapp.domain.sales import subscriptions
from webapp.views import holdings, openings
from webapp.views.subscriptions import Standing, standing
from webapp.web import guards, pages

bp = Blueprint("library", __name__)


@bp.get("/upgrades")
def upgrades() -> Response:
    return listed()


@bp.get("/why")
def why() -> Response:
    user, now = guards.current_user(), clock.now()
    explained = explanations.explain(user.telegram_id, now) if user else []
    return pages.page(
        "why.html",
        path="/why",
        start="why",
        tab="upgrades",
        viewer=user.telegram_id if user else "",
        explained=explained,
        plans=_plans(user, now) if user else [],
        named=openings.named(one.key for one in explained if one.key),
    )


def listed(**facts: object) -> Response:
    """Return the page with all that is open to the person asking."""
    user, now = guards.current_user(), clock.now()
    held = entitlements.of(user.telegram_id) if user else {}
    plans = _plans(user, now) if user else []
    return pages.page(
        "upgrades.html",
        path="/upgrades",
        start="upgrades",
        tab="upgrades",
        viewer=user.telegram_id if user else "",
        opened=holdings.opened(held, [plan.subscription for plan in plans], now),
        plans=plans,
        **facts,
    )


def _plans(user: User, now: datetime) -> list[Standing]:
    """Return how it stands with the plans of a person that run."""
    running = [one for one in subscriptions.of(user.telegram_id) if one.is_running(now)]
    sold = {product.id for product in catalogue.on_sale()} if running else set()
    return [standing(one, now, is_sold=one.product_id in sold) for one in running]
