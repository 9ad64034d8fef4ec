"""Telegram's statement against our ledger: what an outage missed is put right."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import update

from webapp.domain import payments, refunds
from webapp.domain.keys import KeyRing
from webapp.domain.payments import ChargeFacts
from webapp.domain.refunds import RefundFacts
from webapp.extensions import db
from webapp.models import Shop

PAGE = 100  # rows; Bot API: getStarTransactions, limit
# Rows read again each time: how far a row may appear behind a later one is not documented.
OVERLAP = 100


@dataclass
class Report:
    """What one walk over the statement found and put right."""

    rows: int = 0
    charges_added: int = 0
    refunds_added: int = 0


def begin() -> int:
    """Return the offset in the statement from which to read."""
    shop = db.session.get_one(Shop, 1, populate_existing=True)
    return max(0, shop.statement_offset - OVERLAP)


def apply_page(
    rows: list[dict[str, Any]],
    offset: int,
    report: Report,
    *,
    keys: KeyRing,
    now: datetime,
    owner_ids: Iterable[int] = (),
) -> None:
    """Put on the ledger what a page of the statement knows and we do not, and move past it.

    :param offset: where in the statement the page begins
    """
    for row in rows:
        report.rows += 1
        charge = charge_in(row)
        if charge and payments.find(charge.charge_id) is None:
            payments.record_charge(charge, keys=keys, now=now, owner_ids=owner_ids)
            report.charges_added += 1
        refund = refund_in(row)
        if refund and not _is_settled(refund):
            refunds.settle(refund, now=now)
            report.refunds_added += 1
    db.session.execute(
        update(Shop)
        .where(Shop.id == 1, Shop.statement_offset < offset + len(rows))
        .values(statement_offset=offset + len(rows))
    )


def finish(now: datetime) -> None:
    """Note that the ledger agrees with the statement as of now."""
    db.session.execute(update(Shop).where(Shop.id == 1).values(reconciled_at=now))


def charge_in(row: dict[str, Any]) -> ChargeFacts | None:
    """Return the charge that a row of the statement tells of, if it is a payment to us."""
    partner = row.get("source")
    payer = _payer(partner)
    if payer is None or not isinstance(partner, dict):
        return None
    return ChargeFacts(
        charge_id=str(row["id"]),
        telegram_id=payer,
        stars=int(row["amount"]),
        currency="XTR",
        payload=str(partner.get("invoice_payload", "")),
        charged_at=datetime.fromtimestamp(int(row["date"]), UTC),
        cause="statement",
    )


def refund_in(row: dict[str, Any]) -> RefundFacts | None:
    """Return the refund that a row tells of: it repeats the charge's id, with a receiver."""
    payer = _payer(row.get("receiver"))
    if payer is None:
        return None
    return RefundFacts(
        charge_id=str(row["id"]),
        telegram_id=payer,
        stars=int(row["amount"]),
        refunded_at=datetime.fromtimestamp(int(row["date"]), UTC),
        cause="statement",
    )


def _payer(partner: Any) -> int | None:
    """Return who paid an invoice; other partners, such as Fragment or a gift, are not about sales."""
    if not isinstance(partner, dict) or partner.get("type") != "user":
        return None
    if partner.get("transaction_type", "invoice_payment") != "invoice_payment":
        return None
    return int(partner["user"]["id"])


def _is_settled(facts: RefundFacts) -> bool:
    refund = refunds.find(facts.charge_id)
    return refund is not None and refund.done_at is not None
