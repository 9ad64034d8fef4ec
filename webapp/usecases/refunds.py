"""Stars that go back: the request is committed, Telegram is asked, its answer is committed."""

import logging

from webapp import clock
from webapp.bot_api.client import Refused
from webapp.db.models import Refund, User
from webapp.db.transactions import transaction
from webapp.domain.sales import refunds, returns
from webapp.domain.sales.refunds import RefundFacts
from webapp.errors import TelegramBusy
from webapp.usecases import calls, renewals
from webapp.usecases.context import Context

log = logging.getLogger(__name__)

AT_ONCE = 20  # refunds of one round


def refund_own(context: Context, buyer: User, charge_id: str) -> Refund:
    """Give a buyer's own charge back at Telegram, or write down that it has to be asked again.

    :return: the refund; its status is done, refused or unknown
    :raise ShopError: whatever :func:`webapp.domain.sales.returns.request_return` refuses
    """
    with transaction():
        renewals.count_request(buyer.telegram_id)
        refund = returns.request_return(buyer.telegram_id, charge_id, clock.now())
    if refund.done_at:
        return refund
    try:
        with context.slot():
            return carry_out(context, refund)
    except TelegramBusy:
        return refund  # it is requested, and the bot asks for it in a moment


def carry_out(context: Context, refund: Refund) -> Refund:
    """Ask Telegram for a refund whose request is committed, and write down what it says.

    The plan that a charge belongs to is stopped first: a renewal after the refund would take the
    Stars again. Without an answer to that, nothing is refunded yet.
    """
    if refund.stops_charge_id and not refund.stopped_at and not _stop_renewal(context, refund):
        return refunds.find(refund.charge_id) or refund
    if refund.done_at:
        return refund
    try:
        context.client.call(
            "refundStarPayment",
            {"user_id": refund.telegram_id, "telegram_payment_charge_id": refund.charge_id},
        )
    except calls.NOT_KNOWN as error:
        log.warning("refund not confirmed: %s", error.description, extra={"charge_id": refund.charge_id})
        with transaction():
            refunds.mark_attempted(refund, clock.now(), after_seconds=calls.pause_of(error))
    except Refused as error:
        _note_refusal(context, refund, error)
    else:
        _note_done(context, refund)
    return refunds.find(refund.charge_id) or refund


def carry_out_due(context: Context) -> int:
    """Ask Telegram for every refund whose turn it is, and return for how many; none in a pause."""
    due = refunds.due(AT_ONCE, clock.now())
    for number, refund in enumerate(due):
        if context.client.pause_seconds("refundStarPayment"):
            return number
        carry_out(context, refund)
    return len(due)


def _stop_renewal(context: Context, refund: Refund) -> bool:
    """Stop the plan of a charge that is to be given back; False while nobody knows whether it is."""
    charge_id = refund.stops_charge_id or ""
    try:
        calls.edit_subscription(context, refund.telegram_id, charge_id, is_canceled=True)
    except calls.NOT_KNOWN as error:
        log.warning("renewal not stopped: %s", error.description, extra={"charge_id": charge_id})
        with transaction():
            refunds.mark_attempted(refund, clock.now(), after_seconds=calls.pause_of(error))
        return False
    except Refused as error:
        # Over, or never a subscription in Telegram's eyes. The Stars go back all the same.
        log.error("renewal not stopped: %s", error.description, extra={"charge_id": charge_id})
    with transaction():
        refunds.mark_plan_stopped(refund, clock.now())
    return True


def _note_refusal(context: Context, refund: Refund, error: Refused) -> None:
    # A lost answer and a second call end here: the Stars are back with the buyer.
    if error.says("CHARGE_ALREADY_REFUNDED"):
        _note_done(context, refund)
        return
    log.error("refund refused: %s", error.description, extra={"charge_id": refund.charge_id})
    with transaction():
        refunds.mark_rejected(refund, error.description, clock.now(), owner_ids=context.config.owner_chats)


def _note_done(context: Context, refund: Refund) -> None:
    now = clock.now()
    facts = RefundFacts(
        charge_id=refund.charge_id,
        telegram_id=refund.telegram_id,
        stars=refund.stars,
        refunded_at=now,
        cause="call",
    )
    with transaction():
        refunds.mark_done(facts, now=now, owner_ids=context.config.owner_chats)
