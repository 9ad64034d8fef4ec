"""Which page an entitlement opens, and what a person holds of a product."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from webapp.errors import N_
from webapp.models import Entitlement, Product


@dataclass(frozen=True)
class Door:
    """A page that an entitlement key opens."""

    key: str
    path: str  # or nothing, when the key is asked for elsewhere
    title: str
    picture: str


DOORS = {
    door.key: door
    for door in (
        Door("atlas", "/atlas", N_("Deep Sky Atlas"), "deep-sky-atlas.svg"),
        Door("tonight", "/tonight", N_("Tonight's Sky"), "tonight-week.svg"),
        Door("field-notes", "/field-notes", N_("Field Notes"), "night-photography.svg"),
    )
}


@dataclass(frozen=True)
class Holding:
    """A product that is somebody's: for ever, or until a moment."""

    until: datetime | None


def behind(keys: Iterable[str]) -> list[Door]:
    """Return the pages that these entitlement keys open."""
    return [DOORS[key] for key in keys if key in DOORS]


def opened(held: Mapping[str, Entitlement], now: datetime) -> list[tuple[Door, Entitlement]]:
    """Return what is open to a person now; keys without a page of ours are named as they are."""
    active = [one for one in held.values() if one.is_active(now)]
    return [(DOORS.get(one.key) or Door(one.key, "", one.key, "hero.svg"), one) for one in active]


def holding(product: Product, held: Mapping[str, Entitlement], now: datetime) -> Holding | None:
    """Return what a person holds of a product, or nothing unless they hold all of it."""
    rows = [held[key] for key in product.keys if key in held and held[key].is_active(now)]
    if len(rows) < len(product.keys):
        return None
    until = min((row.until for row in rows if row.until), default=None)
    # A pass for what is also sold for good leaves something to buy.
    return None if product.is_permanent and until else Holding(until)


def holdings(
    products: Iterable[Product], held: Mapping[str, Entitlement], now: datetime
) -> dict[str, Holding]:
    """Return what a person holds, by product slug."""
    found = {product.slug: holding(product, held, now) for product in products}
    return {slug: one for slug, one in found.items() if one}
