"""What a catalogue would change, told before it does."""

from dataclasses import replace

from tests.kit.arrange import ATLAS, NOTES, NOW, WEEK, item
from webapp.db.transactions import transaction
from webapp.domain.catalogue import catalogue


def told(*items: catalogue.Item) -> list[tuple[str, str]]:
    return [(one.slug, one.kind) for one in catalogue.differences(items)]


def test_each_difference_is_named_by_its_kind(open_shop):
    with transaction():
        catalogue.replace([ATLAS, NOTES, WEEK, item("old", on_sale=False)], NOW)
    wanted = [
        replace(ATLAS, stars=199),
        replace(NOTES, on_sale=False),
        item("old"),
        item("new"),
    ]
    assert told(*wanted) == [
        ("atlas", "changed"),
        ("notes", "retired"),
        ("old", "restored"),
        ("new", "added"),
        ("week", "retired"),
    ]
    [atlas, *_] = catalogue.differences(wanted)
    assert atlas.changes == {"stars": (250, 199)}


def test_what_was_imported_differs_no_more(open_shop):
    wanted = [replace(ATLAS, stars=199), replace(NOTES, on_sale=False), item("new", on_sale=False)]
    with transaction():
        catalogue.replace(wanted, NOW)
    assert told(*wanted) == []


def moved(*items: catalogue.Item) -> dict[str, object]:
    return {one.slug: one.changes["place"] for one in catalogue.differences(items) if "place" in one.changes}


def test_what_stands_elsewhere_in_the_shop_is_named_with_its_places(open_shop):
    hidden = item("hidden", on_sale=False)
    with transaction():
        catalogue.replace([ATLAS, hidden, NOTES, WEEK], NOW)
    assert moved(WEEK, ATLAS, NOTES, hidden) == {"week": (3, 1)}
    assert moved(NOTES, WEEK, ATLAS) == {"atlas": (1, 3)}
    [week] = catalogue.differences([replace(WEEK, stars=5), ATLAS, hidden, NOTES])
    assert week.changes == {"stars": (WEEK.stars, 5), "place": (3, 1)}


def test_what_comes_and_goes_moves_nothing_else(open_shop):
    with transaction():
        catalogue.replace([ATLAS, NOTES, WEEK, item("hidden", on_sale=False)], NOW)
    assert moved(item("hidden"), ATLAS, NOTES, WEEK) == {}
    assert moved(item("new"), ATLAS, item("newer"), WEEK) == {}
    assert moved(ATLAS, replace(NOTES, on_sale=False), WEEK) == {}
    assert moved(NOTES) == {}
