"""What the owner closes, to a person or for sale, and the plans that may renew no more by that."""

from collections.abc import Iterable
from datetime import datetime

from webapp.domain.catalogue import catalogue
from webapp.domain.catalogue.catalogue import Item
from webapp.domain.people import users
from webapp.domain.sales import renewals, subscriptions


def ban(telegram_id: int, now: datetime) -> None:
    """Close the shop to a person and stop their plans; what they own stays on the ledger."""
    renewals.request_cancels(subscriptions.list_for(telegram_id), by="shop", now=now)
    users.ban(telegram_id, now)


def replace_catalogue(items: Iterable[Item], now: datetime) -> dict[str, int]:
    """Make the catalogue be these items, and stop the plans to what goes off sale by that.

    :return: how many were added, changed and retired
    """
    sold_before = catalogue.on_sale()
    counts = catalogue.replace(items, now)
    for product in sold_before:
        if not product.is_on_sale:
            renewals.request_cancels(subscriptions.list_for_product(product), by="shop", now=now)
    return counts
