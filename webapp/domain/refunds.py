"""Refunds: the wish is written first, and only Telegram's word makes it done."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select, update

from webapp.domain import entitlements, ledger, outbox
from webapp.extensions import db
from webapp.models import Charge, LedgerEntry, Refund

LONGEST_PAUSE_SECONDS = 3600


@dataclass(frozen=True)
class RefundFacts:
    """What Telegram says about a refund, in an update, an answer or the statement."""

    charge_id: str  # the refunded charge's telegram_payment_charge_id
    telegram_id: int
    stars: int
    refunded_at: datetime
    cause: str  # update:<id>, statement or call


def find(charge_id: str) -> Refund | None:
    """Return the refund of a charge, as the database has it now."""
    return db.session.get(Refund, charge_id, populate_existing=True)


def of(telegram_id: int) -> dict[str, Refund]:
    """Return a person's refunds by the charge they give back."""
    refunds = db.session.scalars(
        select(Refund).where(Refund.telegram_id == telegram_id),
        execution_options={"populate_existing": True},
    )
    return {refund.charge_id: refund for refund in refunds}


def request(charge: Charge, reason: str, *, requested_by: str, now: datetime) -> Refund:
    """Want a charge given back: access from it is suspended until Telegram says yes or no.

    Wanted again it is the same refund; one that Telegram refused is tried afresh.
    """
    ledger.lock(charge.telegram_id)
    refund = find(charge.telegram_payment_charge_id)
    if refund is None:
        refund = _insert(charge, reason, requested_by, now)
    elif refund.refused_at is None:
        return refund
    refund.refused_at = refund.refused_because = None
    refund.next_attempt_at = now
    db.session.flush()
    _append(refund, "suspension", f"refund:{requested_by}", now)
    return refund


def tried(refund: Refund, now: datetime, *, after_seconds: float | None = None) -> None:
    """Note that Telegram was asked and its answer is not known; it is asked again later."""
    pause = after_seconds if after_seconds is not None else min(2**refund.attempts, LONGEST_PAUSE_SECONDS)
    next_attempt_at = now + timedelta(seconds=pause)
    _update(refund.charge_id, attempts=Refund.attempts + 1, next_attempt_at=next_attempt_at)


def refuse(refund: Refund, why: str, now: datetime) -> None:
    """Note that Telegram said no for good: the access it suspended comes back."""
    ledger.lock(refund.telegram_id)
    current = find(refund.charge_id)
    if current is None or current.done_at or current.refused_at:
        return
    _update(
        refund.charge_id,
        refused_at=now,
        refused_because=why[:255],
        next_attempt_at=None,
        attempts=Refund.attempts + 1,
    )
    _append(refund, "restoration", "refund:refused", now)


def settle(facts: RefundFacts, *, now: datetime) -> Refund:
    """Take back exactly what a refunded charge gave, and tell the person; once.

    It needs no charge before it, since Telegram keeps no order, and no wish of ours: somebody at
    Telegram may have refunded.
    """
    facts = _about_the_payer(facts)
    ledger.lock(facts.telegram_id)
    refund = find(facts.charge_id) or _found_done(facts)
    entry = LedgerEntry(
        telegram_id=facts.telegram_id,
        kind="refund",
        charge_id=facts.charge_id,
        stars=-facts.stars,
        occurred_at=facts.refunded_at,
        recorded_at=now,
        cause=facts.cause,
    )
    if ledger.add(entry):
        _update(facts.charge_id, done_at=now, refused_at=None, next_attempt_at=None)
        entitlements.refresh(facts.telegram_id)
        _tell(facts, now)
    return refund


def due(limit: int, now: datetime) -> list[Refund]:
    """Return refunds whose turn it is to be asked for at Telegram."""
    query = (
        select(Refund)
        .where(Refund.next_attempt_at <= now, Refund.done_at.is_(None), Refund.refused_at.is_(None))
        .order_by(Refund.next_attempt_at)
        .limit(limit)
    )
    return list(db.session.scalars(query, execution_options={"populate_existing": True}))


def _about_the_payer(facts: RefundFacts) -> RefundFacts:
    """Return the facts with the person whose charge it was, where the charge is known."""
    payer = db.session.scalar(
        select(Charge.telegram_id).where(Charge.telegram_payment_charge_id == facts.charge_id)
    )
    return replace(facts, telegram_id=payer or facts.telegram_id)


def _insert(charge: Charge, reason: str, requested_by: str, now: datetime) -> Refund:
    refund = Refund(
        charge_id=charge.telegram_payment_charge_id,
        telegram_id=charge.telegram_id,
        stars=charge.stars,
        reason=reason[:255],
        requested_by=requested_by,
        requested_at=now,
        attempts=0,
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
    ledger.add(
        LedgerEntry(
            telegram_id=refund.telegram_id,
            kind=kind,
            charge_id=refund.charge_id,
            occurred_at=now,
            recorded_at=now,
            cause=cause,
        )
    )
    entitlements.refresh(refund.telegram_id)


def _tell(facts: RefundFacts, now: datetime) -> None:
    title = db.session.scalar(
        select(Charge.title).where(Charge.telegram_payment_charge_id == facts.charge_id)
    )
    told = {"charge_id": facts.charge_id, "stars": facts.stars, "title": title or ""}
    outbox.add(facts.telegram_id, "refunded", told, dedupe_key=f"refunded:{facts.charge_id}", now=now)


def _update(charge_id: str, **changes: object) -> None:
    db.session.execute(update(Refund).where(Refund.charge_id == charge_id).values(**changes))
    db.session.get(Refund, charge_id, populate_existing=True)
