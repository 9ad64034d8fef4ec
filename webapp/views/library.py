"""What a person owns, why, and the pages that it opens."""

from flask import Blueprint, Response

from webapp import clock
from webapp.domain.access import entitlements, explanations
from webapp.views.read import gated_pages, holdings, plans
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
        plans=plans.running(user, now) if user else [],
        named=gated_pages.named(explanation.key for explanation in explained if explanation.key),
    )


def listed(**facts: object) -> Response:
    """Return the page with all that is open to the person asking."""
    user, now = guards.current_user(), clock.now()
    held = entitlements.of(user.telegram_id) if user else {}
    running = plans.running(user, now) if user else []
    return pages.page(
        "upgrades.html",
        path="/upgrades",
        start="upgrades",
        tab="upgrades",
        viewer=user.telegram_id if user else "",
        opened=holdings.opened(held, [plan.subscription for plan in running], now),
        plans=running,
        **facts,
    )
