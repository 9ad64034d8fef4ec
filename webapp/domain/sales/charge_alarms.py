"""What buyers and owners are told of charges that did not go as they should."""

from collections.abc import Iterable
from datetime import datetime

from webapp.db.models import Charge
from webapp.domain.queue import outbox
from webapp.domain.sales.outcomes import Problem, Rejection
from webapp.errors import N_

# Sent back like all that cannot be delivered, but somebody has to look why it was charged.
ALARMING = frozenset({Rejection.OFF_SALE, Rejection.BANNED})
REASONS = {
    Rejection.ALREADY_OWNED: N_("paid twice"),
    Rejection.ALREADY_SUBSCRIBED: N_("subscribed twice"),
    Rejection.TRIAL_USED: N_("a second trial"),
    Rejection.OFF_SALE: N_("no longer sold"),
    Rejection.BANNED: N_("the shop is closed to this person"),
}


def quarantined(charge: Charge, problem: Problem, owner_ids: Iterable[int], now: datetime) -> None:
    """Tell the buyer and the owners of a charge that waits for the owner's decision."""
    if outbox.is_news(charge.charged_at, now):
        dedupe_key = f"in_review:{charge.telegram_payment_charge_id}"
        outbox.add(charge.telegram_id, "in_review", _facts(charge), dedupe_key=dedupe_key, now=now)
    tell_owners(charge, problem, owner_ids, now)


def tell_owners(
    charge: Charge, problem: Problem | Rejection, owner_ids: Iterable[int], now: datetime
) -> None:
    """Tell the owners why they should look at a charge."""
    if outbox.is_news(charge.charged_at, now):
        facts = {**_facts(charge), "problem": problem, "telegram_id": charge.telegram_id}
        about = charge.telegram_payment_charge_id
        outbox.tell_owners(owner_ids, "owner_in_review", facts, about=about, now=now)


def _facts(charge: Charge) -> dict[str, object]:
    return {
        "charge_id": charge.telegram_payment_charge_id,
        "stars": charge.stars,
        "currency": charge.currency,
    }
