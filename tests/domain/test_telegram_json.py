"""The edges of what a fact may be: what Telegram may send is read, the next thing beyond is not."""

from datetime import UTC, datetime

import pytest

from webapp.domain.sales.telegram_json import (
    LARGEST_ID,
    LARGEST_STARS,
    Unreadable,
    moment,
    number,
    part,
    person,
    text,
)


def is_read(read, *facts) -> bool:
    try:
        read(*facts)
    except Unreadable:
        return False
    return True


@pytest.mark.parametrize(("stars", "is_known"), [(0, True), (2**31 - 1, True), (2**31, False), (-1, False)])
def test_stars_are_what_the_columns_hold(stars, is_known):
    assert is_read(number, {"amount": stars}, "amount", LARGEST_STARS) == is_known


@pytest.mark.parametrize(("told", "is_known"), [(2**52, True), (2**52 + 1, False), (True, False)])
def test_a_person_has_an_id_of_52_bits(told, is_known):
    assert is_read(person, {"from": {"id": told}}, "from") == is_known
    assert LARGEST_ID == 2**52


def test_a_moment_is_read_until_the_year_2106():
    assert moment({"date": 2**32}, "date") == datetime(2106, 2, 7, 6, 28, 16, tzinfo=UTC)
    assert not is_read(moment, {"date": 2**32 + 1}, "date")


@pytest.mark.parametrize(
    ("told", "is_known"),
    [("x" * 8, True), ("x" * 9, False), ("", False), ("a\0b", False), (None, False), (7, False)],
    ids=repr,
)
def test_a_text_is_as_long_as_it_may_be(told, is_known):
    assert is_read(text, {"id": told}, "id", 8) == is_known


def test_a_text_is_empty_only_where_it_may_be():
    assert text({"id": ""}, "id", 8, empty=True) == ""
    assert not is_read(lambda: text({"id": None}, "id", 8, empty=True))


@pytest.mark.parametrize("whole", [None, "text", {}, {"chat": []}, {"chat": None}], ids=repr)
def test_a_part_is_an_object_within_an_object(whole):
    assert not is_read(part, whole, "chat")
    assert part({"chat": {"id": 1}}, "chat") == {"id": 1}
