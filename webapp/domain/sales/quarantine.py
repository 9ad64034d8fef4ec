"""Charges set aside: kept, giving nothing, until the owner gives what was paid for or sends it back."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import exists, select

from webapp.db.engine import db
from webapp.db.models import Charge, LedgerEntry, Refund
from webapp.db.writes import write
from webapp.domain.access import entitlements, ledger
from webapp.domain.access.signal_facts import Sold
from webapp.domain.catalogue import catalogue
from webapp.domain.people.keys import KeyRing
from webapp.domain.sales import charges, outcomes
from webapp.domain.sales.charge_context import ChargeFacts, SoldProduct, load_context, paid_before
from webapp.domain.sales.outcomes import Problem, Sale, paid_until
from webapp.domain.sales.payloads import SaleKind
from webapp.errors import AlreadyGranted, AlreadyRefunded, ChargeNotUnderstood


def waiting() -> list[Charge]:
    """Return the charges about which nobody has decided, the oldest first."""
    charge_id = Charge.telegram_payment_charge_id
    granted = exists().where(LedgerEntry.charge_id == charge_id, LedgerEntry.kind == "grant")
    wanted_back = exists().where(Refund.charge_id == charge_id, Refund.refused_at.is_(None))
    query = select(Charge).where(Charge.quarantined_because.is_not(None), ~granted, ~wanted_back)
    return list(db.session.scalars(query.order_by(Charge.charged_at, Charge.id)))


def grant(charge_id: str, *, keys: KeyRing, now: datetime, slug: str | None = None) -> Sale:
    """Give what a charge paid for, and tell the buyer. A refund of the charge takes it back.

    :param slug: the product to give, where the payload does not say or says something else
    :raise ChargeNotFound: Telegram never told us of it
    :raise ChargeNotUnderstood: its payload names nothing that is sold here, and no product was named
    :raise ProductNotFound: there is no product of this name
    :raise AlreadyGranted: it gave what it paid for already
    :raise AlreadyRefunded: its Stars went back, or are on their way
    """
    charge = charges.get(charge_id)
    ledger.lock(charge.telegram_id)
    _check(charge)
    facts = _facts(charge)
    sale = _of_product(slug, facts) if slug else _meant(facts, keys)
    sold = Sold(sale.product.slug, charge.stars if charge.currency == "XTR" else 0, sale.is_renewal)
    entitlements.book(charges.entry(facts, sale, now, kind="grant"), sold=sold)
    write(*charges.deliver(charge, sale, now, news_at=now))
    return sale


def _check(charge: Charge) -> None:
    """Refuse what was decided before."""
    entries = [
        entry
        for entry in ledger.of(charge.telegram_id)
        if entry.charge_id == charge.telegram_payment_charge_id
    ]
    if any(entry.kind == "grant" for entry in entries) or not charge.quarantined_because:
        raise AlreadyGranted(charge=charge.telegram_payment_charge_id)
    refund = db.session.get(Refund, charge.telegram_payment_charge_id, populate_existing=True)
    if refund and not refund.refused_at:
        raise AlreadyRefunded(charge=charge.telegram_payment_charge_id)


def _facts(charge: Charge) -> ChargeFacts:
    return ChargeFacts(
        charge_id=charge.telegram_payment_charge_id,
        telegram_id=charge.telegram_id,
        stars=charge.stars,
        currency=charge.currency,
        payload=charge.payload,
        charged_at=charge.charged_at,
        cause="owner",
    )


def _meant(facts: ChargeFacts, keys: KeyRing) -> Sale:
    found = outcomes.identify(load_context(facts, keys))
    if isinstance(found, Sale):
        return found
    if found.sale is None:
        raise ChargeNotUnderstood(charge=facts.charge_id)
    # Somebody else's order stays theirs; whoever paid gets what it was for.
    is_anothers = found.problem == Problem.WRONG_PAYER
    return replace(found.sale, order_id=None, public_id="") if is_anothers else found.sale


def _of_product(slug: str, facts: ChargeFacts) -> Sale:
    """Return a product as what was sold: today's terms, since nobody knows those of then."""
    product = catalogue.get(slug, include_retired=True)
    return Sale(
        kind=SaleKind.SUBSCRIPTION if product.is_subscription else SaleKind.ONCE,
        public_id="",
        title=product.title,
        stars=product.stars,
        keys=product.keys,
        pass_days=product.pass_days,
        grace_days=product.grace_days,
        product=SoldProduct(product.id, product.slug, product.retired_at),
        paid_until=paid_until(facts, paid_before(facts)) if product.is_subscription else None,
    )
