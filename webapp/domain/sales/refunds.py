"""Refunds: the wish is written first, and only Telegram's word makes it done."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update

from webapp.db.extensions import db
from webapp.db.models import Charge, LedgerEntry, Order, Product, Refund
from webapp.db.retried import is_over
from webapp.domain.access import entitlements, ledger
from webapp.domain.access.signals import Sold
from webapp.domain.queue import outbox
from webapp.domain.sales import subscriptions
from webapp.errors import (
    ChargeNotFound,
    RefundDeclined,
    RefundedBefore,
    RefundRefused,
    RefundWindowOver,
    ShopError,
)

LONGEST_PAUSE_SECONDS = 600
REST = timedelta(hours=1)  # of a buyer whose refund Telegram refused: each try writes two ledger entries
# Not given back yet, or its plan's renewal is still to be stopped.
UNFINISHED = or_(
    Refund.done_at.is_(None), and_(Refund.stops_charge_id.is_not(None), Refund.stopped_at.is_(None))
)


class RefundNotRefused(ValueError):
    """Telegram refused no refund of this charge about which the owner could decide."""


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


def of(telegram_id: int) -> dict[str, Refund]:
    """Return a person's refunds by the charge they give back."""
    refunds = db.session.scalars(
        select(Refund).where(Refund.telegram_id == telegram_id),
        execution_options={"populate_existing": True},
    )
    return {refund.charge_id: refund for refund in refunds}


def request(
    charge: Charge, reason: str, *, requested_by: str, now: datetime, stops_charge_id: str | None = None
) -> Refund:
    """Want a charge given back: access from it is suspended until Telegram says yes or no.

    Wanted again it is the same refund; one that Telegram refused is tried afresh.

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


def request_own(telegram_id: int, charge_id: str, now: datetime) -> Refund:
    """Want one's own charge given back, within the days that its order promised.

    Wanted again it is the same refund. What opens one thing a person may give back so once, whatever
    product it came with; reading everything and giving it back each time would be no purchase.

    :raise ChargeNotFound: no such charge, or someone else's
    :raise RefundRefused: Telegram said no less than an hour ago
    :raise RefundDeclined: Telegram said no, and then the owner
    :raise RefundWindowOver: its days are over, or it never had any
    :raise RefundedBefore: an earlier purchase that opened the same was given back so
    """
    ledger.lock(telegram_id)
    charge = db.session.scalar(select(Charge).where(Charge.telegram_payment_charge_id == charge_id))
    if charge is None or charge.telegram_id != telegram_id:
        raise ChargeNotFound(charge=charge_id)
    known = find(charge_id)
    if known and not known.refused_at:
        return known
    if reason := _not_now(known, now):
        raise reason(charge=charge_id)
    ends_at = windows([charge]).get(charge_id)
    if ends_at is None or now >= ends_at:
        raise RefundWindowOver(charge=charge_id)
    if charge_id in _used_up(telegram_id, of(telegram_id)):
        raise RefundedBefore(charge=charge_id)
    return request(charge, "given back by the buyer", requested_by="buyer", now=now)


def returnable(
    telegram_id: int, charges: Collection[Charge], now: datetime, known: Mapping[str, Refund] | None = None
) -> dict[str, datetime]:
    """Return until when a person may give these charges of theirs back, by charge id, of those they may.

    :param known: the person's refunds by charge id, where they were read already
    """
    known = of(telegram_id) if known is None else known
    used_up = _used_up(telegram_id, known)
    return {
        charge_id: ends_at
        for charge_id, ends_at in windows(charges).items()
        if now < ends_at and charge_id not in used_up and not _stands(known.get(charge_id), now)
    }


def windows(charges: Collection[Charge]) -> dict[str, datetime]:
    """Return until when each of these may be given back by its buyer, by charge id."""
    days = (
        select(Charge.telegram_payment_charge_id, Order.refund_days, Product.refund_days)
        .outerjoin(Order, Order.id == Charge.order_id)
        .outerjoin(Product, Product.slug == Charge.slug)
        .where(Charge.id.in_([charge.id for charge in charges]), Charge.quarantined_because.is_(None))
    )
    # Frozen with the order; without one, after a rebuild, what the catalogue says today.
    found = {
        charge_id: (agreed if agreed is not None else listed or 0)
        for charge_id, agreed, listed in db.session.execute(days)
    }
    return {
        charge.telegram_payment_charge_id: charge.charged_at
        + timedelta(days=found[charge.telegram_payment_charge_id])
        for charge in charges
        if found.get(charge.telegram_payment_charge_id)
    }


def tried(refund: Refund, now: datetime, *, after_seconds: float | None = None) -> None:
    """Note that Telegram was asked and its answer is not known; it is asked again later.

    One that was settled meanwhile, by an update or by the statement, stays as it is.
    """
    pause = after_seconds if after_seconds is not None else min(2**refund.attempts, LONGEST_PAUSE_SECONDS)
    next_attempt_at = now + timedelta(seconds=pause)
    _update(refund.charge_id, UNFINISHED, attempts=Refund.attempts + 1, next_attempt_at=next_attempt_at)


def stopped(refund: Refund, now: datetime) -> None:
    """Note that Telegram will not renew the plan of this charge, so that its Stars may go back."""
    _update(
        refund.charge_id, stopped_at=now, next_attempt_at=None if refund.done_at else refund.next_attempt_at
    )
    subscriptions.stopped(refund.telegram_id, refund.stops_charge_id or "", now)


def refuse(refund: Refund, why: str, now: datetime, *, owner_ids: Iterable[int] = ()) -> None:
    """Note that Telegram said no for good: the access it suspended comes back, and people are told."""
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
    told = {"charge_id": refund.charge_id, "stars": refund.stars, "problem": why[:255]}
    told |= {"title": _title(refund.charge_id), "telegram_id": refund.telegram_id}
    about = f"{refund.charge_id}:{refund.attempts}"
    outbox.add(refund.telegram_id, "refund_refused", told, dedupe_key=f"refund_refused:{about}", now=now)
    # However often the buyer asks: once for each day since they first did.
    about = f"{refund.charge_id}:day-{(now - refund.requested_at).days}"
    outbox.tell_owners(owner_ids, "owner_refund_refused", told, about=about, now=now)


def decline(charge_id: str, why: str, now: datetime) -> Refund:
    """Decide that what Telegram refused to give back stays with the shop, and tell the buyer why.

    The buyer asks no more for it; the owner can still :func:`request` it.

    :raise RefundNotRefused: Telegram refused nothing of the kind
    """
    refund = find(charge_id)
    if refund is None or not refund.refused_at or refund.declined_at:
        raise RefundNotRefused(charge_id)
    ledger.lock(refund.telegram_id)
    _update(charge_id, declined_at=now, declined_because=why)
    facts = {"charge_id": charge_id, "stars": refund.stars, "title": _title(charge_id), "problem": why}
    dedupe_key = f"refund_declined:{charge_id}:{refund.attempts}"
    outbox.add(refund.telegram_id, "refund_declined", facts, dedupe_key=dedupe_key, now=now)
    return refund


def undecided() -> list[Refund]:
    """Return the refunds that Telegram refused and about which the owner has not decided."""
    query = select(Refund).where(Refund.refused_at.is_not(None), Refund.declined_at.is_(None))
    return list(
        db.session.scalars(query.order_by(Refund.refused_at), execution_options={"populate_existing": True})
    )


def settle(facts: RefundFacts, *, now: datetime, owner_ids: Iterable[int] = ()) -> Refund:
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
        _update(facts.charge_id, done_at=now, refused_at=None, next_attempt_at=left)
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
            is_over(Refund.next_attempt_at, LONGEST_PAUSE_SECONDS, now),
            Refund.refused_at.is_(None),
            UNFINISHED,
        )
        .order_by(Refund.next_attempt_at)
        .limit(limit)
    )
    return list(db.session.scalars(query, execution_options={"populate_existing": True}))


def _not_now(refund: Refund | None, now: datetime) -> type[ShopError] | None:
    """Return why a buyer has to wait with a refund that Telegram refused."""
    if refund and refund.declined_at:
        return RefundDeclined
    is_resting = refund and refund.refused_at and now - refund.refused_at < REST
    return RefundRefused if is_resting else None


def _stands(refund: Refund | None, now: datetime) -> bool:
    """Tell whether a refund is under way, done, or not to be asked for again."""
    return refund is not None and (not refund.refused_at or _not_now(refund, now) is not None)


def _used_up(telegram_id: int, known: Mapping[str, Refund]) -> set[str | None]:
    """Return the charges that gave something of what a person gave back before, or wants to."""
    given_back = {
        charge_id for charge_id, one in known.items() if one.requested_by == "buyer" and not one.refused_at
    }
    if not given_back:
        return set()
    giving = [one for one in ledger.of(telegram_id) if one.kind in {"charge", "grant"}]
    keys = {(one.charge_id, key) for one in giving for key in one.keys}
    before = {key for charge_id, key in keys if charge_id in given_back}
    return {charge_id for charge_id, key in keys if key in before} - given_back


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
        subscriptions.refunded(charge)


def _tell(facts: RefundFacts, reason: str | None, now: datetime, owner_ids: Iterable[int]) -> None:
    if not outbox.is_news(facts.refunded_at, now):
        return
    told = {"charge_id": facts.charge_id, "stars": facts.stars, "title": _title(facts.charge_id)}
    told_buyer = {**told, "reason": reason}
    outbox.add(facts.telegram_id, "refunded", told_buyer, dedupe_key=f"refunded:{facts.charge_id}", now=now)
    told_owner = {**told, "telegram_id": facts.telegram_id}
    outbox.tell_owners(owner_ids, "owner_foreign_refund", told_owner, about=facts.charge_id, now=now)


def _title(charge_id: str) -> str:
    query = select(Charge.title).where(Charge.telegram_payment_charge_id == charge_id)
    return db.session.scalar(query) or ""


def _update(charge_id: str, *only_if: ColumnElement[bool], **changes: object) -> None:
    db.session.execute(update(Refund).where(Refund.charge_id == charge_id, *only_if).values(**changes))
    db.session.get(Refund, charge_id, populate_existing=True)
