import pytest

from tests.kit.arrange import NOW, item
from webapp.db.transactions import transaction
from webapp.domain.catalogue import catalogue
from webapp.domain.catalogue.catalogue import SHELF
from webapp.errors import ProductNotFound

pytestmark = pytest.mark.usefixtures("app")


def stock(count, *, in_section=10, **changes):
    with transaction():
        items = [item(f"p{n}", section=f"Section {n // in_section}", **changes) for n in range(count)]
        catalogue.replace(items, NOW)


@pytest.mark.parametrize("count", [0, 1, SHELF, SHELF + 1, 3 * SHELF - 1, 3 * SHELF])
def test_pages_hold_every_product_once(count):
    stock(count)
    shelves = [catalogue.shelf(1)]
    while shelves[-1].has_next:
        shelves.append(catalogue.shelf(len(shelves) + 1))
    assert [product.slug for shelf in shelves for product in shelf.products] == [
        f"p{n}" for n in range(count)
    ]
    assert all(len(shelf.products) <= SHELF for shelf in shelves)
    with pytest.raises(ProductNotFound):
        catalogue.shelf(len(shelves) + 1)


@pytest.mark.parametrize(("in_section", "continues"), [(10, [False, True]), (SHELF, [False, False])])
def test_a_page_knows_whether_its_section_began_before(in_section, continues):
    stock(2 * SHELF, in_section=in_section)
    assert [catalogue.shelf(number).continues for number in (1, 2)] == continues


def test_who_has_too_few_stars_is_shown_the_dearest_they_may_have():
    prices = {"week": 25, "month": 75, "atlas": 250}
    with transaction():
        passes = [item(slug, kind="pass", pass_days=7, stars=stars) for slug, stars in prices.items()]
        catalogue.replace([*passes, item("plan", kind="subscription", stars=60)], NOW)
    cheaper = {stars: catalogue.cheaper(stars) for stars in (25, 75, 76, 250)}
    assert {stars: one and one.slug for stars, one in cheaper.items()} == {
        25: None,
        75: "week",
        76: "month",
        250: "month",
    }
