"""Stars that go back or stay, charges nobody understood, and books written anew from Telegram."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from webapp import clock
from webapp.db.models import Refund
from webapp.db.transactions import run_in_transaction
from webapp.domain.catalogue import catalogue
from webapp.domain.owner import audit
from webapp.domain.owner.audit import Decision
from webapp.domain.owner.manual import NotDone
from webapp.domain.queue import outbox
from webapp.domain.sales import charges, quarantine, refunds, rejected_refunds
from webapp.domain.sales.outcomes import Sale
from webapp.domain.sales.reconciliation import Report
from webapp.domain.sales.rejected_refunds import NotRejected
from webapp.usecases import entitlements, statement
from webapp.usecases.context import Context
from webapp.usecases.refunds import carry_out


@dataclass(frozen=True)
class Rebuilt:
    """What a database has again by Telegram's statement alone."""

    report: Report
    entitlements: int
    not_understood: int  # charges that wait in quarantine


def refund(context: Context, charge_id: str, decision: Decision) -> Refund:
    """Give a charge back at Telegram, or write down that it has to be asked again.

    :return: the refund; its status is done, refused or unknown
    :raise ChargeNotFound: Telegram never told us of such a charge
    """
    requested = run_in_transaction(partial(_request_refund, charge_id, decision, clock.now()))
    return requested if requested.done_at else carry_out(context, requested)


def decline_refund(charge_id: str, decision: Decision) -> Refund:
    """Keep what Telegram refused to give back, for good; the buyer is told why.

    :raise NotDone: Telegram refused no refund of this charge, or it is decided already
    """
    return run_in_transaction(partial(_decline, charge_id, decision, clock.now()))


def grant_quarantined(
    context: Context, charge_id: str, decision: Decision, *, product: str | None = None
) -> Sale:
    """Give what a quarantined charge paid for, and return that.

    :param product: the slug of what to give, if the payment does not say or says something else
    :raise ShopError: whatever :func:`webapp.domain.sales.quarantine.grant` refuses
    """
    return run_in_transaction(partial(_grant, context, charge_id, decision, product, clock.now()))


def rebuild(context: Context, decision: Decision) -> Rebuilt:
    """Restore charges, refunds, plans and access from Telegram alone; nobody is told anything.

    :raise NotDone: there is no catalogue, so nothing that was sold could be understood
    :raise BotApiError: Telegram did not give its statement; what was read before that is kept
    """
    run_in_transaction(partial(_record_rebuild, decision, clock.now()))
    with outbox.silence():
        report = statement.reconcile(context, full=True)
    return Rebuilt(report, entitlements.rebuild(), not_understood=len(quarantine.waiting()))


def _request_refund(charge_id: str, decision: Decision, now: datetime) -> Refund:
    charge = charges.get(charge_id)
    known = refunds.find(charge_id)
    before = known.status if known else None
    requested = refunds.request_refund(charge, decision.reason.strip(), requested_by="owner", now=now)
    if before in {None, "refused"}:
        _record(decision, "refund", requested, before, "requested", now)
    return requested


def _decline(charge_id: str, decision: Decision, now: datetime) -> Refund:
    try:
        refund = rejected_refunds.decline(charge_id, decision.reason.strip(), now)
    except NotRejected as error:
        raise NotDone(f"No refund of {charge_id} waits for your decision: see refunds list.") from error
    _record(decision, "decline", refund, "refused", "declined", now)
    return refund


def _record(
    decision: Decision, act: str, refund: Refund, before: str | None, after: str, now: datetime
) -> None:
    audit.record(
        decision,
        act,
        f"charge:{refund.charge_id}",
        telegram_id=refund.telegram_id,
        before={"refund": before},
        after={"refund": after},
        now=now,
    )


def _grant(context: Context, charge_id: str, decision: Decision, product: str | None, now: datetime) -> Sale:
    charge = charges.get(charge_id)
    before = {"quarantined": charge.quarantined_because}
    sale = quarantine.grant(charge_id, keys=context.keys, now=now, slug=product)
    audit.record(
        decision,
        "grant",
        f"charge:{charge_id}",
        telegram_id=charge.telegram_id,
        before=before,
        after={"keys": list(sale.keys)},
        now=now,
    )
    return sale


def _record_rebuild(decision: Decision, now: datetime) -> None:
    if not catalogue.everything():
        raise NotDone(
            "The catalogue is empty, so nothing that was sold could be understood: run "
            "flask --app webapp catalog import first."
        )
    audit.record(decision, "rebuild", "shop", telegram_id=None, before={}, after={}, now=now)
