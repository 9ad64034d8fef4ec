"""Errors have codes of their own, which the database and counters keep."""

from webapp import errors
from webapp.errors import ShopError


def leaves(of: type[ShopError] = ShopError) -> list[type[ShopError]]:
    own = [error for error in of.__subclasses__() if error.__module__ == errors.__name__]
    return [*own, *(leaf for error in own for leaf in leaves(error))]


def test_each_error_has_a_code_of_its_own():
    codes = [error.code for error in leaves()]
    assert len(set(codes)) == len(codes) > 30


def test_a_code_leads_to_its_error_and_a_foreign_one_to_the_least():
    assert type(errors.of_code("PriceChanged")) is errors.PriceChanged
    assert type(errors.of_code("of a release to come")) is ShopError
