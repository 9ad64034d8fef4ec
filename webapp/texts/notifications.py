"""Each kind of message that the outbox sends, and who says it."""

from typing import Any

from webapp.i18n.localize import gettext, speaking
from webapp.texts import buyers, letters, owners, plans
from webapp.texts.message import Message

TOLD = {
    "owner_set_aside": owners.owner_set_aside,
    "owner_refunds_unknown": owners.owner_refunds_unknown,
    "owner_drift": owners.owner_drift,
    "owner_finding": owners.owner_finding,
    "news": letters.news,
    "support_heard": letters.support_heard,
    "support_limited": letters.support_limited,
    "support_answer": letters.support_answer,
    "owner_support": owners.owner_support,
    "owner_support_prompt": owners.owner_support_prompt,
    "owner_unanswered": owners.owner_unanswered,
    "owner_no_addressee": owners.owner_no_addressee,
    "owner_sale": owners.owner_sale,
    "owner_refunded": owners.owner_refunded,
    "owner_plan_stopped": owners.owner_plan_stopped,
    "owner_renewal_failed": owners.owner_renewal_failed,
    "owner_digest": owners.owner_digest,
    "owner_updates_stopped": owners.owner_updates_stopped,
    "owner_updates_again": owners.owner_updates_again,
    "owner_updates_pile_up": owners.owner_updates_pile_up,
    "owner_bot_dead": owners.owner_bot_dead,
    "owner_bot_back": owners.owner_bot_back,
    "receipt": buyers.receipt,
    "subscribed": buyers.subscribed,
    "renewed": plans.renewed,
    "renewal_stopped": plans.renewal_stopped,
    "renewal_failed": plans.renewal_failed,
    "renews_soon": plans.renews_soon,
    "plan_ends_soon": plans.plan_ends_soon,
    "pass_ends_soon": plans.pass_ends_soon,
    "sent_back": buyers.sent_back,
    "paid_twice": buyers.paid_twice,
    "refund_refused": buyers.refund_refused,
    "refund_declined": buyers.refund_declined,
    "owner_refund_refused": owners.owner_refund_refused,
    "owner_foreign_refund": owners.owner_foreign_refund,
    "in_review": buyers.in_review,
    "owner_in_review": owners.owner_in_review,
    "refunded": buyers.refunded,
}


def told(kind: str, facts: dict[str, Any], language_code: str | None) -> Message:
    """Return the message for a fact of the outbox, in a person's language.

    :raise KeyError: no such kind of message
    """
    with speaking(language_code):
        return TOLD[kind](facts)


def sentence(text: str, language_code: str | None) -> str:
    """Return one of the shop's sentences in a person's language."""
    with speaking(language_code):
        return str(gettext(text))
