"""Buying: an order opened, watched until it is paid, and checked when somebody says so."""

import json
from datetime import datetime, timedelta

from flask import Blueprint, Response, g, request

from webapp import clock
from webapp.db.models import Order
from webapp.domain.access import entitlements
from webapp.domain.catalogue import catalogue
from webapp.domain.sales import orders, refunds, subscriptions
from webapp.errors import OrderNotFound
from webapp.i18n import localize
from webapp.ops import logs
from webapp.usecases import context, invoices, statement
from webapp.views.read import gated_pages, holdings
from webapp.views.read.holdings import Holding
from webapp.web import guards, pages, polled
from webapp.web.guards import signed_in
from webapp.web.polled import Pace

bp = Blueprint("orders", __name__)

# What a client may say of the sheet it closed (Mini Apps: invoiceClosed); it changes words, never facts.
PAID = frozenset({"paid", "pending"})
CLAIMS = PAID | {"failed", "cancelled", "none"}
LONGEST_ID = 16  # characters; payloads.new_order_id
PACE = Pace(1, 3, timedelta(seconds=30))  # after the tap; most people have paid by then


@bp.post("/orders")
@signed_in
def create() -> Response:
    order = invoices.open_invoice(
        context.current(),
        g.user,
        request.form.get("product", ""),
        terms_version=request.form.get("terms", ""),
        correlation_id=logs.correlation_id(),
        trial=request.form.get("trial") == "1",
        beside_plan=request.form.get("beside_plan") == "1",
        language=localize.spoken().code,
    )
    response = _answer(order)
    opened = {"link": order.invoice_link, "order": order.public_id}
    response.headers["HX-Trigger"] = json.dumps({"order:opened": opened})
    return response


@bp.get("/orders/<public_id>")
@signed_in
def show(public_id: str) -> Response:
    return _answer(_own(public_id))


@bp.post("/orders/<public_id>/check")
@signed_in
def check(public_id: str) -> Response:
    order = _own(public_id)
    statement.check_payment(context.current(), g.user)
    return _answer(orders.get_for(g.user, order.public_id), checked=True)


def _own(public_id: str) -> Order:
    if not guards.may_name(public_id, LONGEST_ID):
        raise OrderNotFound(order=public_id)
    return orders.get_for(g.user, public_id)


def _answer(order: Order, *, checked: bool = False) -> Response:
    """Return the order's fragment, or nothing new when that is what the page already shows."""
    now = clock.now()
    state, claim = orders.state(order, now), _claim()
    phase = _phase(order, state, claim, now)
    pace = PACE.after(timedelta(0) if phase == "confirming" else now - order.created_at)
    # A claim is kept under a name that is no phase's: "paid" is what only the ledger says.
    seen = polled.mark("pending" if phase == "confirming" and claim in PAID else phase, pace)
    return polled.fragment(
        "_order.html", seen, lambda: {**_shown(order, phase, now), "pace_seconds": pace, "checked": checked}
    )


def _shown(order: Order, phase: str, now: datetime) -> pages.Facts:
    return {
        "order": order,
        "phase": phase,
        "gated_pages": gated_pages.behind(order.keys),
        "holding": _holding(order, now) if order.charge_id else None,
        "cheaper": catalogue.cheaper(order.stars) if phase in {"failed", "cancelled"} else None,
        "plan": subscriptions.find(order.public_id) if phase == "paid" and order.period_seconds else None,
        "refund": refunds.find(order.charge_id) if order.charge_id and phase != "paid" else None,
    }


def _holding(order: Order, now: datetime) -> Holding | None:
    """Return how the buyer holds the product now, which its price on the page gives way to."""
    person = g.user.telegram_id
    return holdings.holding(order.product, entitlements.of(person), subscriptions.list_for(person), now)


def _claim() -> str:
    """Return what Telegram's client said of the payment; a page that goes on looking repeats it."""
    return request.values.get("told") or polled.state_seen()


def _phase(order: Order, state: str, claim: str, now: datetime) -> str:
    """Return what the buyer is to be told of an open order; a finished one speaks for itself."""
    if state != "open":
        return state
    if claim in PAID or (order.reserved_until and order.reserved_until > now):
        return "confirming"
    return claim if claim in CLAIMS else "waiting"
