"""Refunds: the request is written first, and only Telegram's word makes it done."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select, update

from webapp.db.engine import db
from webapp.db.models import Charge, LedgerEntry, Refund
from webapp.db.retried import Retries
from webapp.domain.access import entitlements, ledger
from webapp.domain.access.signal_facts import Sold
from webapp.domain.queue import outbox
from webapp.domain.sales import billing, renewals, subscriptions

RETRIES = Retries(Refund, longest_pause_seconds=600)
# Not given back yet, or its plan's renewal is still to be stopped.
UNFINISHED = or_(
    Refund.done_at.is_(None), and_(Refund.stops_charge_id.is_not(None), Refund.stopped_at.is_(None))
)


@dataclass(frozen=True)
class RefundFacts:
    """What Telegram says about a refund, in an update, an answer or the statement."""

    charge_id: str  # the refunded charge's telegram_payment_charge_id
    telegram_id: int
    stars: int
    refunded_at: datetime
    cause: str  # update:<id>, statement or call
    currency: str = "XTR"  # what is in another moves no Stars
    product: str | None = None  # of the charge, where that is known


def find(charge_id: str) -> Refund | None:
    """Return the refund of a charge, as the database has it now."""
    return db.session.get(Refund, charge_id, populate_existing=True)


def for_user(telegram_id: int) -> dict[str, Refund]:
    """Return a person's refunds by the charge they give back."""
    refunds = db.session.scalars(
        select(Refund).where(Refund.telegram_id == telegram_id),
        execution_options={"populate_existing": True},
    )
    return {refund.charge_id: refund for refund in refunds}


def request_refund(
    charge: Charge, reason: str, *, requested_by: str, now: datetime, stops_charge_id: str | None = None
) -> Refund:
    """Request that a charge is given back: its access is suspended until Telegram says yes or no.

    Requested again it is the same refund; one that Telegram refused is tried afresh.

    :param requested_by: shop, owner or buyer
    :param stops_charge_id: the first charge of a plan whose renewal is stopped before the Stars go back;
        that of the charge's own plan unless told
    """
    ledger.lock(charge.telegram_id)
    plan = subscriptions.paid_by(charge)
    if plan and plan.renews:
        stops_charge_id = stops_charge_id or plan.first_charge_id
    refund = find(charge.telegram_payment_charge_id)
    if refund is None:
        refund = _insert(charge, reason, requested_by, stops_charge_id, now)
    elif refund.refused_at is None:
        return refund
    refund.refused_at = refund.refused_because = None
    refund.declined_at = refund.declined_because = None
    refund.next_attempt_at = now
    db.session.flush()
    _append(refund, "suspension", f"refund:{requested_by}", now)
    return refund


def mark_attempted(refund: Refund, now: datetime, *, after_seconds: float | None = None) -> None:
    """Note that Telegram was asked and its answer is not known; it is asked again later.

    One that was settled meanwhile, by an update or by the statement, stays as it is.
    """
    changes = RETRIES.attempted(refund.attempts, now, after_seconds=after_seconds)
    change(refund.charge_id, UNFINISHED, **changes)


def mark_plan_stopped(refund: Refund, now: datetime) -> None:
    """Note that Telegram will not renew the plan of this charge, so that its Stars may go back."""
    change(
        refund.charge_id, stopped_at=now, next_attempt_at=None if refund.done_at else refund.next_attempt_at
    )
    renewals.mark_stopped(refund.telegram_id, refund.stops_charge_id or "", now)


def mark_rejected(refund: Refund, why: str, now: datetime, *, owner_ids: Iterable[int] = ()) -> None:
    """Note that Telegram said no for good: the access it suspended comes back, and people are told."""
    ledger.lock(refund.telegram_id)
    current = find(refund.charge_id)
    if current is None or current.done_at or current.refused_at:
        return
    change(
        refund.charge_id,
        refused_at=now,
        refused_because=why[:255],
        next_attempt_at=None,
        attempts=Refund.attempts + 1,
    )
    _append(refund, "restoration", "refund:refused", now)
    facts = {"charge_id": refund.charge_id, "stars": refund.stars, "problem": why[:255]}
    facts |= {"title": title_of(refund.charge_id), "telegram_id": refund.telegram_id}
    about = f"{refund.charge_id}:{refund.attempts}"
    outbox.add(refund.telegram_id, "refund_refused", facts, dedupe_key=f"refund_refused:{about}", now=now)
    # However often the buyer asks: once for each day since they first did.
    about = f"{refund.charge_id}:day-{(now - refund.requested_at).days}"
    outbox.tell_owners(owner_ids, "owner_refund_refused", facts, about=about, now=now)


def mark_done(facts: RefundFacts, *, now: datetime, owner_ids: Iterable[int] = ()) -> Refund:
    """Take back exactly what a refunded charge gave, and tell the person; once.

    It needs no charge before it, since Telegram keeps no order, and no wish of ours: somebody at
    Telegram may have refunded, or somebody else has the bot's token. Then the owners are told as well.
    """
    facts = _as_charged(facts)
    ledger.lock(facts.telegram_id)
    refund = find(facts.charge_id)
    is_foreign = refund is None
    refund = refund or _found_done(facts)
    entry = LedgerEntry(
        telegram_id=facts.telegram_id,
        kind="refund",
        charge_id=facts.charge_id,
        stars=-facts.stars if facts.currency == "XTR" else 0,
        occurred_at=facts.refunded_at,
        recorded_at=now,
        cause=facts.cause,
    )
    if entitlements.book(entry, sold=Sold(facts.product, -entry.stars)):
        # Somebody else may have been faster: the renewal that was to be stopped first still has to be.
        left = refund.next_attempt_at if refund.stops_charge_id and not refund.stopped_at else None
        change(facts.charge_id, done_at=now, refused_at=None, next_attempt_at=left)
        _end_plan(facts.charge_id)
        reason = refund.reason if refund.requested_by == "owner" else None
        _tell(facts, reason, now, owner_ids if is_foreign else ())
    return refund


def due(limit: int, now: datetime) -> list[Refund]:
    """Return refunds whose turn it is to be asked for at Telegram, or whose plan is still to be stopped."""
    query = (
        select(Refund)
        .where(
            Refund.next_attempt_at.is_not(None),  # so that SQLite reads past none of those that are done
            RETRIES.is_due(now),
            Refund.refused_at.is_(None),
            UNFINISHED,
        )
        .order_by(Refund.next_attempt_at)
        .limit(limit)
    )
    return list(db.session.scalars(query, execution_options={"populate_existing": True}))


def _as_charged(facts: RefundFacts) -> RefundFacts:
    """Return the facts with the payer, the currency and the product of the charge, where that is known."""
    charged = select(Charge.telegram_id, Charge.currency, Charge.slug.label("product")).where(
        Charge.telegram_payment_charge_id == facts.charge_id
    )
    known = db.session.execute(charged).one_or_none()
    return replace(facts, **known._asdict()) if known else facts


def _insert(
    charge: Charge, reason: str, requested_by: str, stops_charge_id: str | None, now: datetime
) -> Refund:
    refund = Refund(
        charge_id=charge.telegram_payment_charge_id,
        telegram_id=charge.telegram_id,
        stars=charge.stars,
        reason=reason[:255],
        requested_by=requested_by,
        requested_at=now,
        attempts=0,
        stops_charge_id=stops_charge_id,
    )
    db.session.add(refund)
    return refund


def _found_done(facts: RefundFacts) -> Refund:
    refund = Refund(
        charge_id=facts.charge_id,
        telegram_id=facts.telegram_id,
        stars=facts.stars,
        reason="refunded at Telegram",
        requested_by="telegram",
        requested_at=facts.refunded_at,
        attempts=0,
    )
    db.session.add(refund)
    db.session.flush()
    return refund


def _append(refund: Refund, kind: str, cause: str, now: datetime) -> None:
    entitlements.book(
        LedgerEntry(
            telegram_id=refund.telegram_id,
            kind=kind,
            charge_id=refund.charge_id,
            occurred_at=now,
            recorded_at=now,
            cause=cause,
        )
    )


def _end_plan(charge_id: str) -> None:
    charge = db.session.scalar(select(Charge).where(Charge.telegram_payment_charge_id == charge_id))
    if charge:
        billing.end_refunded(charge)


def _tell(facts: RefundFacts, reason: str | None, now: datetime, owner_ids: Iterable[int]) -> None:
    if not outbox.is_news(facts.refunded_at, now):
        return
    details = {"charge_id": facts.charge_id, "stars": facts.stars, "title": title_of(facts.charge_id)}
    for_buyer = {**details, "reason": reason}
    outbox.add(facts.telegram_id, "refunded", for_buyer, dedupe_key=f"refunded:{facts.charge_id}", now=now)
    for_owner = {**details, "telegram_id": facts.telegram_id}
    outbox.tell_owners(owner_ids, "owner_foreign_refund", for_owner, about=facts.charge_id, now=now)


def title_of(charge_id: str) -> str:
    """Return what a charge paid for, as its buyer read it."""
    query = select(Charge.title).where(Charge.telegram_payment_charge_id == charge_id)
    return db.session.scalar(query) or ""


def change(charge_id: str, *only_if: ColumnElement[bool], **changes: object) -> None:
    """Change the refund of a charge, and the row in hand with it."""
    db.session.execute(update(Refund).where(Refund.charge_id == charge_id, *only_if).values(**changes))
    db.session.get(Refund, charge_id, populate_existing=True)
