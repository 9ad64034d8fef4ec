"""Access that the owner gives, takes and prolongs by hand: entries of the ledger like any other."""

from collections.abc import Collection
from datetime import datetime

from webapp.db.models import LedgerEntry, Product
from webapp.domain.access import entitlements, ledger
from webapp.domain.access.signal_facts import Sold
from webapp.domain.catalogue import catalogue
from webapp.domain.sales import renewals, subscriptions

LONGEST_DAYS = 36_500  # a hundred years; further on no calendar follows


class NotDone(ValueError):
    """What the owner wants makes no sense as things are; the sentence says why."""


def grant(telegram_id: int, key: str, days: int | None, *, grant_id: str, now: datetime) -> LedgerEntry:
    """Give a person what a key opens, for some days or for good.

    :param grant_id: names it on the ledger, as a charge's id names a charge
    :raise NotDone: no product ever gave this key
    """
    product = _giving(key)
    ledger.lock(telegram_id)
    entry = LedgerEntry(
        telegram_id=telegram_id,
        kind="grant",
        charge_id=grant_id,
        title=product.title,
        keys=[key],
        pass_days=days,
        occurred_at=now,
        recorded_at=now,
        cause="owner",
    )
    entitlements.book(entry, sold=Sold(product.slug))
    return entry


def check_extendable(telegram_id: int, key: str, now: datetime) -> None:
    """Refuse to prolong what is not open, or has no end.

    :raise NotDone: it is one of these
    """
    held = entitlements.of(telegram_id).get(key)
    if held is None or not held.is_active(now):
        raise NotDone(f"{key} is not open to {telegram_id}, so there is nothing to extend: grant it instead.")
    if held.until is None:
        raise NotDone(f"{key} is open to {telegram_id} for good already.")


def revoke(telegram_id: int, key: str, now: datetime) -> list[str]:
    """Take from a person all that gives a key now, and stop the plans that would give it again.

    What is taken is named entry by entry: whoever pays at the same moment keeps what they paid for,
    whatever the clocks say.

    :return: the charges and grants that give it no more
    :raise NotDone: nothing gives it
    """
    ledger.lock(telegram_id)
    giving = ledger.giving(ledger.of(telegram_id), key)
    if not giving:
        raise NotDone(f"Nothing gives {key} to {telegram_id}, so there is nothing to revoke.")
    entitlements.book(
        *(
            LedgerEntry(
                telegram_id=telegram_id,
                kind="revocation",
                charge_id=charge_id,
                keys=[key],
                occurred_at=now,
                recorded_at=now,
                cause="owner",
            )
            for charge_id in giving
        )
    )
    renewals.request_cancels(subscriptions.running(telegram_id, [key], now), by="owner", now=now)
    return giving


def _giving(key: str) -> Product:
    """Return the product by which people know a key: the one that gives the least beside it."""
    products = catalogue.everything()
    giving = [product for product in products if key in product.keys]
    if not giving:
        raise NotDone(f"No product gives {key!r}. There are: {', '.join(_keys(products)) or 'none'}.")
    return min(giving, key=lambda product: (len(product.keys), product.position))


def _keys(products: Collection[Product]) -> list[str]:
    return sorted({key for product in products for key in product.keys})
