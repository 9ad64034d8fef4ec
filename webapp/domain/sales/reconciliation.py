"""Telegram's statement against our ledger: what an outage missed is put right."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import func, select, update

from webapp.db.engine import db
from webapp.db.models import Charge, Refund, Shop
from webapp.domain.people.keys import KeyRing
from webapp.domain.queue import inbox
from webapp.domain.sales import charges, movements, refunds, statement_rows
from webapp.domain.sales.charge_context import ChargeFacts
from webapp.domain.sales.refunds import RefundFacts
from webapp.domain.sales.telegram_json import Unreadable

PAGE = 100  # rows; Bot API: getStarTransactions, limit
# Rows read again each time: how far a row may appear behind a later one is not documented.
OVERLAP = 100
FULL_PASS_EVERY = timedelta(days=1)
# Charges this young may not be in the statement yet: how far it lags is not documented.
SETTLED = timedelta(hours=1)


@dataclass
class Report:
    """What one walk over the statement found and put right."""

    rows: int = 0
    charges_added: int = 0
    refunds_added: int = 0
    set_aside: int = 0
    movements_added: int = 0  # beside sales and refunds; affiliates' shares of these included
    drift_stars: int = 0  # how many Stars more than the rows the books have, where both have the charge
    settled_stars: int = 0  # what the books have of those that were charged before the settled moment

    def add(self, page: "Report") -> None:
        """Count a page's findings in."""
        for name, value in vars(page).items():
            setattr(self, name, getattr(self, name) + value)


def begin() -> int:
    """Return the offset in the statement from which to read."""
    return max(0, _shop().statement_offset - OVERLAP)


def is_full_pass_due(now: datetime) -> bool:
    """Tell whether the statement should be read from its first row again."""
    last = _shop().full_pass_at
    return last is None or now - last >= FULL_PASS_EVERY


def apply_page(
    rows: list[dict[str, Any]],
    offset: int,
    *,
    keys: KeyRing,
    now: datetime,
    owner_ids: Iterable[int] = (),
    settled_before: datetime | None = None,
) -> Report:
    """Put on the ledger what a page of the statement knows and we do not, and move past it.

    Rows may come in any order and on two pages. What makes no sense is set aside, once.

    :param offset: where in the statement the page begins
    :param settled_before: add up what was charged before this moment, for :func:`finish`
    """
    # Refunds first: a charge that was given back is no predecessor of the next.
    report = Report(len(rows), refunds_added=apply_refunds(rows, keys=keys, now=now, owner_ids=owner_ids))
    told = [charge for charge in (_read(statement_rows.charge_in, row) for row in rows) if charge]
    known = _recorded(told)
    for charge in told:
        if charge.charge_id not in known:
            recorded = charges.record_charge(charge, keys=keys, now=now, owner_ids=owner_ids)
            known[charge.charge_id] = recorded.charge.stars
            report.charges_added += 1
        stars = known[charge.charge_id]
        report.drift_stars += 0 if stars in (charge.stars, charge.gross_stars) else stars - charge.stars
        if settled_before and charge.charged_at < settled_before:
            report.settled_stars += stars
    for row in rows:
        report.add(_book_rest(row, known, keys, now))
    db.session.execute(
        update(Shop)
        .where(Shop.id == 1, Shop.statement_offset < offset + len(rows))
        .values(statement_offset=offset + len(rows))
    )
    return report


def apply_refunds(
    rows: list[dict[str, Any]], *, keys: KeyRing, now: datetime, owner_ids: Iterable[int] = ()
) -> int:
    """Settle what a page says was given back, and return how much was news.

    A refund of ours whose outcome is unknown ends here, too.
    """
    facts = [
        refund
        for refund in (_read(partial(statement_rows.refund_in, keys=keys), row) for row in rows)
        if refund
    ]
    settled = _settled(facts)
    news = {refund.charge_id: refund for refund in facts if refund.charge_id not in settled}
    for refund in news.values():
        refunds.mark_done(refund, now=now, owner_ids=owner_ids)
    return len(news)


def finish(report: Report, now: datetime, *, settled_before: datetime | None = None) -> None:
    """Note that the ledger agrees with the statement as of now, or by how much it does not.

    :param settled_before: the same moment for every page of a walk that began at the first row; only
        such a walk can tell that we hold what Telegram does not
    """
    changes: dict[str, object] = {"reconciled_at": now}
    if settled_before:
        held = select(func.sum(Charge.stars)).where(
            Charge.charged_at < settled_before, Charge.currency == "XTR"
        )
        report.drift_stars += (db.session.scalar(held) or 0) - report.settled_stars
        changes |= {"full_pass_at": now, "drift_stars": report.drift_stars}
    db.session.execute(update(Shop).where(Shop.id == 1).values(**changes))


def _shop() -> Shop:
    return db.session.get_one(Shop, 1, populate_existing=True)


def _read(read: Any, row: Any) -> Any:
    try:
        return read(row) if isinstance(row, dict) else None
    except Unreadable:
        return None


def _book_rest(row: Any, known: dict[str, int], keys: KeyRing, now: datetime) -> Report:
    """Book what a row moves beside sales and refunds, or set it aside if it cannot be read; once.

    :param known: what is on the ledger of each charge of the page
    """
    try:
        return Report(movements_added=int(_moved(row, known, keys, now)))
    except Unreadable as error:
        return Report(set_aside=int(inbox.set_aside(row, inbox.STATEMENT_ROW, str(error), now)))


def _moved(row: Any, known: dict[str, int], keys: KeyRing, now: datetime) -> bool:
    if not isinstance(row, dict):
        raise Unreadable("a row is not an object")
    if not statement_rows.is_sale(row):
        return movements.record(row, now)
    charge, refund = statement_rows.charge_in(row), statement_rows.refund_in(row, keys)
    if charge and charge.gross_stars is not None:
        return movements.record_share(row, known[charge.charge_id], now)
    if refund and "affiliate" in row["receiver"]:
        return movements.record_share(row, refund.stars, now)
    return False


def _recorded(told: list[ChargeFacts]) -> dict[str, int]:
    ids = [charge.charge_id for charge in told]
    query = select(Charge.telegram_payment_charge_id, Charge.stars)
    found = db.session.execute(query.where(Charge.telegram_payment_charge_id.in_(ids)))
    return {charge_id: stars for charge_id, stars in found}


def _settled(facts: list[RefundFacts]) -> set[str]:
    ids = [refund.charge_id for refund in facts]
    done = select(Refund.charge_id).where(Refund.charge_id.in_(ids), Refund.done_at.is_not(None))
    return set(db.session.scalars(done))
