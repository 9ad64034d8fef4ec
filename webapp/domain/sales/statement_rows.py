"""Rows of Telegram's statement, read strictly: the charges and refunds that they tell of."""

from typing import Any

from webapp.domain.people.keys import KeyRing
from webapp.domain.sales import payloads
from webapp.domain.sales.charge_context import ChargeFacts
from webapp.domain.sales.movements import NANOS
from webapp.domain.sales.refunds import RefundFacts
from webapp.domain.sales.telegram_json import LARGEST_STARS, Unreadable, moment, number, part, person, text


def charge_in(row: dict[str, Any]) -> ChargeFacts | None:
    """Return the charge that a row of the statement tells of, if it is a payment to us.

    :raise Unreadable: it is one, but a fact is missing or of the wrong type
    """
    if not _is_of_an_invoice(row.get("source")):
        return None
    partner = part(row, "source")
    period = (
        number(partner, "subscription_period", LARGEST_STARS) if "subscription_period" in partner else None
    )
    return ChargeFacts(
        charge_id=text(row, "id", 255),
        telegram_id=person(partner, "user"),
        stars=number(row, "amount", LARGEST_STARS),
        currency="XTR",
        # Left out when it is empty.
        payload=text({"invoice_payload": "", **partner}, "invoice_payload", 4096, empty=True),
        charged_at=moment(row, "date"),
        cause="statement",
        period_seconds=period,
        gross_stars=_gross(row, partner),
    )


def refund_in(row: dict[str, Any], keys: KeyRing) -> RefundFacts | None:
    """Return the refund that a row tells of: it repeats the charge's id, with a receiver.

    :raise Unreadable: it is one, but a fact is missing or of the wrong type
    """
    if not _is_of_an_invoice(row.get("receiver")):
        return None
    partner = part(row, "receiver")
    stars, gross_stars = number(row, "amount", LARGEST_STARS), _gross(row, partner)
    return RefundFacts(
        charge_id=text(row, "id", 255),
        telegram_id=person(partner, "user"),
        # As much as its charge is booked with, or would be.
        stars=gross_stars if gross_stars and gross_stars == _price(partner, keys) else stars,
        refunded_at=moment(row, "date"),
        cause="statement",
    )


def is_sale(row: dict[str, Any]) -> bool:
    """Tell whether a row is about a sale or the refund of one."""
    return any(_is_of_an_invoice(row.get(side)) for side in ("source", "receiver"))


def _is_of_an_invoice(partner: Any) -> bool:
    """Tell whether a row is about a sale; Fragment, gifts and the rest are not."""
    if not isinstance(partner, dict) or partner.get("type") != "user":
        return False
    kind: object = partner.get("transaction_type", "invoice_payment")
    return kind == "invoice_payment"


def _gross(row: dict[str, Any], partner: dict[str, Any]) -> int | None:
    """Return what the buyer paid if the row leaves out an affiliate's share, in whole Stars.

    Whether it does is not documented, so both amounts are held against the price. Of what was given
    back the share is negative.
    """
    affiliate = partner.get("affiliate")
    if not isinstance(affiliate, dict):
        return None
    amounts = [one.get(name, 0) for one in (row, affiliate) for name in ("amount", "nanostar_amount")]
    if not all(type(amount) is int for amount in amounts):
        raise Unreadable("an affiliate's amount is not a whole number")
    stars, nanos = divmod(amounts[0] * NANOS + amounts[1] + abs(amounts[2] * NANOS + amounts[3]), NANOS)
    return None if nanos else stars


def _price(partner: dict[str, Any], keys: KeyRing) -> int | None:
    """Return what the payload says was agreed on, if it is of this shop."""
    try:
        return payloads.unseal(str(partner.get("invoice_payload", "")), keys).stars
    except payloads.PayloadInvalid:
        return None
