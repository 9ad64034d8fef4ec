"""What a kept update means for money, read strictly."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from webapp.db.models import InboxItem
from webapp.domain.people.keys import KeyRing
from webapp.domain.sales import billing, charges, payloads, pre_checkouts, refunds
from webapp.domain.sales.billing import Renewal
from webapp.domain.sales.charge_context import ChargeFacts
from webapp.domain.sales.outcomes import Recorded
from webapp.domain.sales.refunds import RefundFacts
from webapp.domain.sales.telegram_json import (
    LARGEST_STARS,
    Unreadable,
    moment,
    number,
    part,
    person,
    private_chat,
    text,
)

MONEY = frozenset({"successful_payment", "refunded_payment", "subscription"})


class NotAPayment(Exception):
    """A forwarded or copied message about a payment: worth nothing."""


def apply(item: InboxItem, *, keys: KeyRing, now: datetime, owner_ids: Iterable[int] = ()) -> Recorded | None:
    """Book what an update says about money; a copy of such a message says nothing.

    :return: the charge, if it was about one
    :raise Unreadable: a fact is missing or of the wrong type
    :raise SubscriptionUnknown: its plan's first charge has not arrived yet
    """
    try:
        if item.kind == "successful_payment":
            return charges.record_charge(charge(item), keys=keys, now=now, owner_ids=owner_ids)
        if item.kind == "refunded_payment":
            refunds.mark_done(refund(item), now=now, owner_ids=owner_ids)
        elif item.kind == "subscription":
            billing.note_state(renewal(item, keys), now)
    except NotAPayment:
        pass
    return None


def question(item: InboxItem) -> pre_checkouts.Question:
    """Return what Telegram asks before it charges.

    :raise Unreadable: a fact is missing or of the wrong type
    """
    query = part(json.loads(item.body), "pre_checkout_query")
    tag = part(query, "from").get("language_code")
    return pre_checkouts.Question(
        query_id=text(query, "id", 64),
        telegram_id=person(query, "from"),
        stars=number(query, "total_amount", LARGEST_STARS),
        currency=text(query, "currency", 8),
        payload=text(query, "invoice_payload", 255, empty=True),
        received_at=item.received_at,
        language_code=tag if isinstance(tag, str) else None,
    )


def charge(item: InboxItem) -> ChargeFacts:
    """Return the charge that a successful_payment message tells of.

    :raise Unreadable: a fact is missing or of the wrong type
    :raise NotAPayment: it is a copy of such a message
    """
    message = _service_message(item)
    payer_id = person(message, "from")
    if private_chat(message) not in {None, payer_id}:
        raise NotAPayment
    payment = part(message, "successful_payment")
    return ChargeFacts(
        charge_id=text(payment, "telegram_payment_charge_id", 255),
        telegram_id=payer_id,
        stars=number(payment, "total_amount", LARGEST_STARS),
        currency=text(payment, "currency", 8),
        payload=text(payment, "invoice_payload", 4096, empty=True),
        charged_at=moment(message, "date"),
        cause=f"update:{item.update_id}",
        paid_until=_paid_until(payment),
        # Both are there only when they are true; without the first nothing recurs at all.
        is_renewal=not payment.get("is_first_recurring") if payment.get("is_recurring") else None,
    )


def renewal(item: InboxItem, keys: KeyRing) -> Renewal:
    """Return what a subscription update says of a plan's renewal.

    :raise Unreadable: a fact is missing or of the wrong type, or the payload is not ours
    """
    told = part(json.loads(item.body), "subscription")
    state = text(told, "state", 32)
    if state not in billing.STATES:
        raise Unreadable(f"state is none of {', '.join(sorted(billing.STATES))}")
    try:
        payload = payloads.unseal(text(told, "invoice_payload", 4096), keys)
    except payloads.PayloadInvalid as error:
        raise Unreadable("invoice_payload is not of this shop") from error
    return Renewal(
        public_id=payload.order_id,
        telegram_id=person(told, "user"),
        state=state,
        update_id=item.update_id,
    )


def refund(item: InboxItem) -> RefundFacts:
    """Return the refund that a refunded_payment message tells of.

    :raise Unreadable: a fact is missing or of the wrong type
    :raise NotAPayment: it is a copy of such a message
    """
    message = _service_message(item)
    payment = part(message, "refunded_payment")
    return RefundFacts(
        charge_id=text(payment, "telegram_payment_charge_id", 255),
        telegram_id=_chat(message),
        stars=number(payment, "total_amount", LARGEST_STARS),
        refunded_at=moment(message, "date"),
        currency=text(payment, "currency", 8),
        cause=f"update:{item.update_id}",
    )


def _service_message(item: InboxItem) -> dict[str, Any]:
    message = part(json.loads(item.body), "message")
    if any(key in message for key in ("forward_origin", "forward_from", "forward_date", "via_bot")):
        raise NotAPayment
    return message


def _chat(message: dict[str, Any]) -> int:
    # A refund's message comes from the bot or from the person; the private chat is the person's.
    return person(message, "chat")


def _paid_until(payment: dict[str, Any]) -> datetime | None:
    if payment.get("subscription_expiration_date") is None:
        return None
    return moment(payment, "subscription_expiration_date")
