"""What the shop sells."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from dataclasses import replace as replaced
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any

from sqlalchemy import Select, select

from webapp.db.engine import db, fetch_row
from webapp.db.models import Product
from webapp.errors import ProductNotFound

SHELF = 24  # products on a page of the shop
VERSION = "SELECT count(*), sum(version), count(*) FILTER (WHERE retired_at IS NULL) FROM products"


@dataclass(frozen=True)
class Shelf:
    """A page of the shop."""

    number: int
    products: list[Product]
    continues: bool  # whether its first section began on the page before
    has_next: bool


@dataclass(frozen=True)
class Item:
    """A product as the catalogue file describes it."""

    slug: str
    kind: str  # unlock | pass | bundle | subscription
    section: str
    title: str
    description: str
    details: tuple[str, ...]
    picture: str
    stars: int
    pass_days: int | None
    keys: tuple[str, ...]
    trial_stars: int | None = None
    trial_days: int | None = None
    grace_days: int = 0
    refund_days: int = 0
    # Language code → title, description, details, section: those that are translated.
    translations: dict[str, dict[str, Any]] = field(default_factory=dict)
    on_sale: bool = True  # what is not is kept for those who bought it

    @classmethod
    def of(cls, product: Product) -> "Item":
        """Return a product as the catalogue file describes it."""
        facts = {one.name: getattr(product, one.name) for one in fields(cls) if one.name != "on_sale"}
        facts |= {"details": tuple(product.details), "keys": tuple(product.keys)}
        return cls(**facts, on_sale=product.is_on_sale)


@dataclass(frozen=True)
class Difference:
    """What would become of a product if the catalogue were a file's."""

    slug: str
    kind: str  # added | changed | retired | restored
    title: str
    # What changes, by the name it has in the file: what it was, and what it becomes.
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)


def on_sale() -> list[Product]:
    """Return the products that can be bought, in the order of the catalogue."""
    return list(db.session.scalars(_on_sale()))


def shelf(number: int) -> "Shelf":
    """Return a page of the products that can be bought, counted from 1.

    :raise ProductNotFound: there are not so many
    """
    begin = (number - 1) * SHELF
    # One more on either side tells what goes on.
    before = 1 if begin else 0
    query = _on_sale().offset(begin - before).limit(before + SHELF + 1)
    rows = list(db.session.scalars(query))
    products = rows[before : before + SHELF]
    if not products and begin:
        raise ProductNotFound(page=number)
    continues = bool(before) and rows[0].section == products[0].section
    return Shelf(number, products, continues, has_next=len(rows) > before + SHELF)


def cheaper(stars: int) -> Product | None:
    """Return the dearest product that costs less once and for all."""
    affordable = _on_sale().where(Product.stars < stars, Product.kind != "subscription")
    dearest = affordable.order_by(None).order_by(Product.stars.desc(), Product.position, Product.id)
    return db.session.scalar(dearest.limit(1))


def everything() -> list[Product]:
    """Return every product there ever was, those off sale included."""
    return list(db.session.scalars(select(Product).order_by(Product.position, Product.id)))


def get(slug: str, *, include_retired: bool = False) -> Product:
    """Return a product by its slug.

    :raise ProductNotFound: there is none, or it is off sale
    """
    product = db.session.scalar(
        select(Product).where(Product.slug == slug), execution_options={"populate_existing": True}
    )
    if product is None or not (product.is_on_sale or include_retired):
        raise ProductNotFound(slug=slug)
    return product


def giving(key: str) -> list[Product]:
    """Return the products on sale that grant an entitlement key, the cheapest first."""
    return sorted((product for product in on_sale() if key in product.keys), key=lambda one: one.stars)


def version() -> str:
    """Return a text that is different as soon as anything in the catalogue is."""
    # Asked for every page, so as text: putting it together would take longer than the answer.
    return ".".join(map(str, fetch_row(VERSION)))


def replace(items: Iterable[Item], now: datetime) -> dict[str, int]:
    """Make the catalogue be these items, and return how many were added, changed and retired.

    What is no longer listed, or listed as not on sale, goes off sale; it is never deleted, since people
    own it. Its plans are the business of :func:`webapp.domain.owner.withdrawals.replace_catalogue`.
    """
    listed = {item.slug: (position, item) for position, item in enumerate(items)}
    known = {product.slug: product for product in db.session.scalars(select(Product))}
    counts = {"added": 0, "changed": 0, "retired": 0}
    for slug, (position, item) in listed.items():
        if slug not in known:
            retired_at = None if item.on_sale else now
            db.session.add(Product(position=position, retired_at=retired_at, **_columns(item)))
            counts["added"] += 1
        else:
            is_retired = known[slug].is_on_sale and not item.on_sale
            counts["retired" if is_retired else "changed"] += _change(known[slug], position, item, now)
    for slug in known.keys() - listed.keys():
        counts["retired"] += _change(
            known[slug], known[slug].position, replaced(Item.of(known[slug]), on_sale=False), now
        )
    db.session.flush()
    return counts


def differences(items: Iterable[Item]) -> list[Difference]:
    """Return what :func:`replace` would change, in the order of the file and then of the shop."""
    listed = {item.slug: item for item in items}
    known = {product.slug: Item.of(product) for product in everything()}
    moves = _moves(listed, known)
    found = [_difference(item, known.get(slug), moves.get(slug)) for slug, item in listed.items()]
    gone = [
        Difference(slug, "retired", item.title)
        for slug, item in known.items()
        if slug not in listed and item.on_sale
    ]
    return [*filter(None, found), *gone]


def _moves(listed: dict[str, Item], known: dict[str, Item]) -> dict[str, tuple[int, int]]:
    """Return the old and the new place of what moves, among what was on sale and still will be."""
    staying = {
        slug for slug, item in listed.items() if item.on_sale and slug in known and known[slug].on_sale
    }
    before, after = ([slug for slug in order if slug in staying] for order in (known, listed))
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    kept = {slug for block in blocks for slug in before[block.a : block.a + block.size]}
    return {slug: (before.index(slug) + 1, place) for place, slug in enumerate(after, 1) if slug not in kept}


def _difference(item: Item, known: Item | None, move: tuple[int, int] | None) -> Difference | None:
    if known is None:
        return Difference(item.slug, "added", item.title)
    if known.on_sale and not item.on_sale:
        return Difference(item.slug, "retired", item.title)
    changes = {
        one.name: (getattr(known, one.name), getattr(item, one.name))
        for one in fields(Item)
        if one.name != "on_sale" and getattr(known, one.name) != getattr(item, one.name)
    }
    if move:
        changes["place"] = move
    if item.on_sale and not known.on_sale:
        return Difference(item.slug, "restored", item.title, changes)
    return Difference(item.slug, "changed", item.title, changes) if changes else None


def _on_sale() -> Select[tuple[Product]]:
    return select(Product).where(Product.retired_at.is_(None)).order_by(Product.position, Product.id)


def _columns(item: Item) -> dict[str, object]:
    columns = {**asdict(item), "details": list(item.details), "keys": list(item.keys)}
    del columns["on_sale"]
    return columns


def _change(product: Product, position: int, item: Item, now: datetime) -> bool:
    """Have a product be what an item says, and tell whether it was something else."""
    retired_at = None if item.on_sale else product.retired_at or now
    wanted = {**_columns(item), "position": position, "retired_at": retired_at}
    if all(getattr(product, name) == value for name, value in wanted.items()):
        return False
    for name, value in wanted.items():
        setattr(product, name, value)
    product.version += 1
    return True
