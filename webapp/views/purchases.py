"""What a person paid, the receipt for each charge, and the way to give it back."""

from flask import Blueprint, Response, g, request

from webapp import clock
from webapp.db.models import Charge, User
from webapp.domain.access import entitlements, explanations, ledger
from webapp.domain.catalogue import terms
from webapp.domain.sales import charges, subscriptions
from webapp.errors import ChargeNotFound
from webapp.shop import brand
from webapp.usecases import context, refunds
from webapp.views.read import gated_pages, receipts
from webapp.views.read.gated_pages import GatedPage
from webapp.views.read.receipts import Receipt
from webapp.web import guards, pages, polled
from webapp.web.guards import signed_in

bp = Blueprint("purchases", __name__)

LONGEST_ID = 255  # characters; as the database keeps Telegram's charge ids


@bp.get("/purchases")
def index() -> Response:
    return listed()


@bp.get("/purchases/<path:charge_id>")
def show(charge_id: str) -> Response:
    user = guards.current_user()
    charge = _own(user, charge_id) if user else None
    return pages.page(
        "receipt.html",
        start="purchases",
        tab="purchases",
        viewer=user.telegram_id if user else "",
        receipt=receipts.read(user, charge, clock.now()) if user and charge else None,
        gated_pages=_open_now(user, charge) if user and charge else [],
        accepted_at=_accepted_at(charge) if charge else None,
        contact=brand.contact(),
    )


@bp.post("/refunds")
@signed_in
def give_back() -> Response:
    charge = _own(g.user, request.form.get("charge", ""))
    refunds.refund_own(context.current(), g.user, charge.telegram_payment_charge_id)
    return _answer(charge)


@bp.get("/refunds/<path:charge_id>")
@signed_in
def refund(charge_id: str) -> Response:
    return _answer(_own(g.user, charge_id), is_sure="sure" in request.args)


def listed(**facts: object) -> Response:
    """Return the page with all that the person asking paid."""
    user = guards.current_user()
    return pages.page(
        "purchases.html",
        path="/purchases",
        start="purchases",
        tab="purchases",
        viewer=user.telegram_id if user else "",
        receipts=receipts.list_for(user, clock.now()) if user else [],
        **facts,
    )


def _own(user: User, charge_id: str) -> Charge:
    if not guards.may_name(charge_id, LONGEST_ID):
        raise ChargeNotFound(charge=charge_id)
    return charges.get_for(user.telegram_id, charge_id)


def _open_now(user: User, charge: Charge) -> list[GatedPage]:
    """Return what a charge gave that is open to its payer now."""
    paid = (
        entry for entry in ledger.of(user.telegram_id) if entry.charge_id == charge.telegram_payment_charge_id
    )
    held, now = entitlements.of(user.telegram_id), clock.now()
    keys = dict.fromkeys(key for entry in paid for key in entry.keys)
    return gated_pages.behind(key for key in keys if key in held and held[key].is_active(now))


def _answer(charge: Charge, *, is_sure: bool = False) -> Response:
    """Return how it stands with giving a charge back, or nothing new when the page shows that."""
    receipt = receipts.read(g.user, charge, clock.now())
    return polled.fragment("_refund.html", receipt.seen, lambda: _refund(receipt, is_sure=is_sure))


def _refund(receipt: Receipt, *, is_sure: bool) -> pages.Facts:
    lost = explanations.lost(g.user.telegram_id, receipt.charge_id, clock.now()) if is_sure else {}
    plan = subscriptions.paid_by(receipt.charge)
    return {
        "receipt": receipt,
        "is_sure": is_sure,
        "closing": [(page, lost[key]) for key, page in gated_pages.named(lost).items()],
        "renews": plan is not None and plan.renews,
    }


def _accepted_at(charge: Charge) -> object:
    order = charge.order
    return terms.accepted_at(order.telegram_id, order.terms_version) if order else None
