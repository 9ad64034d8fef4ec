"""What entitlement keys open, as the person who asks reads it."""

from collections.abc import Iterable
from dataclasses import dataclass

from webapp.db.models import Product
from webapp.domain.catalogue import catalogue
from webapp.i18n import localize
from webapp.shop import openings
from webapp.shop.openings import USUAL_PICTURE, Opening
from webapp.web import pages


@dataclass(frozen=True)
class GatedPage:
    """Something behind an entitlement key: what it is called, how it looks, where it is."""

    key: str
    title: str
    picture: str
    href: str  # a path of the shop's, or an address outside of it


def behind(keys: Iterable[str]) -> list[GatedPage]:
    """Return what these entitlement keys open, as far as the catalogue says."""
    known = openings.current()
    return [_gated_page(known[key]) for key in keys if key in known]


def named(keys: Iterable[str]) -> dict[str, GatedPage]:
    """Return what keys open; one that the catalogue does not know is named by a product that grants it."""
    wanted, known = list(keys), openings.current()
    products = catalogue.everything() if any(key not in known for key in wanted) else []
    return {key: _gated_page(known[key]) if key in known else _granted(key, products) for key in wanted}


def _gated_page(opening: Opening) -> GatedPage:
    title = opening.title_in(localize.spoken().code)
    return GatedPage(opening.key, title, opening.picture, opening.destination.href(pages.bot_username()))


def _granted(key: str, products: list[Product]) -> GatedPage:
    grants = sorted((one for one in products if key in one.keys), key=_breadth)
    if not grants:
        return GatedPage(key, key, USUAL_PICTURE, "/")
    href = f"/products/{grants[0].slug}" if grants[0].is_on_sale else "/"
    return GatedPage(key, localize.worded(grants[0]).title, grants[0].picture, href)


def _breadth(product: Product) -> tuple[bool, int, int]:
    """Sort products by how much they are about one key alone, those on sale first."""
    return not product.is_on_sale, len(product.keys), product.position
