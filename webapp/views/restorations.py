"""Restoring purchases: Telegram's own records are read because somebody misses something."""

from flask import Blueprint, Response, g, request

from webapp.db.models import User
from webapp.domain.sales import charges, refunds
from webapp.usecases import context, statement
from webapp.views import library, purchases
from webapp.web.guards import signed_in

bp = Blueprint("restorations", __name__)


@bp.post("/restorations")
@signed_in
def create() -> Response:
    known, given_back = _known(g.user)
    statement.check_payment(context.current(), g.user)
    found = [one for one in charges.of(g.user.telegram_id) if one.telegram_payment_charge_id not in known]
    refunded = len(_known(g.user)[1] - given_back)
    # The page on which the button was, with what was found at its top.
    page = library.listed if request.form.get("page") == "upgrades" else purchases.listed
    return page(restored={"charges": found, "refunded": refunded})


def _known(user: User) -> tuple[set[str], set[str]]:
    """Return a person's charges, and which of them went back."""
    known = {one.telegram_payment_charge_id for one in charges.of(user.telegram_id)}
    return known, {one.charge_id for one in refunds.for_user(user.telegram_id).values() if one.done_at}
