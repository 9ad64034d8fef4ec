"""What a kept update means for money, read strictly."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from webapp.domain import payments, pre_checkouts, refunds
from webapp.domain.keys import KeyRing
from webapp.domain.payments import ChargeFacts
from webapp.domain.refunds import RefundFacts
from webapp.models import InboxItem

LARGEST_STARS = 2**31 - 1  # what the column holds
MONEY = frozenset({"successful_payment", "refunded_payment"})


class UpdateUnreadable(ValueError):
    """An update whose facts are missing or of the wrong type: it waits for the owner."""


class NotAPayment(Exception):
    """A forwarded or copied message about a payment: worth nothing."""


def apply(item: InboxItem, *, keys: KeyRing, now: datetime, owner_ids: Iterable[int] = ()) -> None:
    """Have on the ledger what an update says about money; a copy of such a message says nothing.

    :raise UpdateUnreadable: a fact is missing or of the wrong type
    """
    try:
        if item.kind == "successful_payment":
            payments.record_charge(charge(item), keys=keys, now=now, owner_ids=owner_ids)
        elif item.kind == "refunded_payment":
            refunds.settle(refund(item), now=now)
    except NotAPayment:
        return


def question(item: InboxItem) -> pre_checkouts.Question:
    """Return what Telegram asks before it charges.

    :raise UpdateUnreadable: a fact is missing or of the wrong type
    """
    query = _part(json.loads(item.body), "pre_checkout_query")
    return pre_checkouts.Question(
        query_id=_text(query, "id", 64),
        telegram_id=_person(query),
        stars=_number(query, "total_amount", LARGEST_STARS),
        currency=_text(query, "currency", 8),
        payload=_text(query, "invoice_payload", 255, empty=True),
        received_at=item.received_at,
    )


def charge(item: InboxItem) -> ChargeFacts:
    """Return the charge that a successful_payment message tells of.

    :raise UpdateUnreadable: a fact is missing or of the wrong type
    :raise NotAPayment: it is a copy of such a message
    """
    message = _service_message(item)
    if _part(message, "chat").get("type") == "private" and _chat(message) != _person(message):
        raise NotAPayment
    payment = _part(message, "successful_payment")
    return ChargeFacts(
        charge_id=_text(payment, "telegram_payment_charge_id", 255),
        telegram_id=_person(message),
        stars=_number(payment, "total_amount", LARGEST_STARS),
        currency=_text(payment, "currency", 8),
        payload=_text(payment, "invoice_payload", 4096, empty=True),
        charged_at=_time(message),
        cause=f"update:{item.update_id}",
    )


def refund(item: InboxItem) -> RefundFacts:
    """Return the refund that a refunded_payment message tells of.

    :raise UpdateUnreadable: a fact is missing or of the wrong type
    :raise NotAPayment: it is a copy of such a message
    """
    message = _service_message(item)
    payment = _part(message, "refunded_payment")
    return RefundFacts(
        charge_id=_text(payment, "telegram_payment_charge_id", 255),
        telegram_id=_chat(message),
        stars=_number(payment, "total_amount", LARGEST_STARS),
        refunded_at=_time(message),
        cause=f"update:{item.update_id}",
    )


def _service_message(item: InboxItem) -> dict[str, Any]:
    message = _part(json.loads(item.body), "message")
    if any(key in message for key in ("forward_origin", "forward_from", "forward_date", "via_bot")):
        raise NotAPayment
    return message


def _part(whole: dict[str, Any], key: str) -> dict[str, Any]:
    part = whole.get(key)
    if not isinstance(part, dict):
        raise UpdateUnreadable(f"{key} is not an object")
    return part


def _text(part: dict[str, Any], key: str, longest: int, *, empty: bool = False) -> str:
    value = part.get(key)
    if not isinstance(value, str) or not (value or empty) or len(value) > longest or "\0" in value:
        raise UpdateUnreadable(f"{key} is not a text of at most {longest} characters")
    return value


def _number(part: dict[str, Any], key: str, largest: int) -> int:
    value = part.get(key)
    if type(value) is not int or not 0 <= value <= largest:
        raise UpdateUnreadable(f"{key} is not a whole number up to {largest}")
    return value


def _person(part: dict[str, Any]) -> int:
    return _number(_part(part, "from"), "id", 2**52)


def _chat(message: dict[str, Any]) -> int:
    # A refund's message comes from the bot or from the person; the private chat is the person's.
    return _number(_part(message, "chat"), "id", 2**52)


def _time(message: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(_number(message, "date", 2**32), UTC)
