"""A shop with as many products as a bench wants, running as it does for real."""

from dataclasses import replace
from pathlib import Path

from tests.kit.factories import SHOP
from tests.kit.processes import Stage
from webapp.domain.catalogue import catalogue_files
from webapp.domain.catalogue.catalogue import Item

PRODUCTS = 24  # as many as a page of the shop shows


def items(count: int = PRODUCTS) -> list[Item]:
    """Return products told apart by a number, made from those that are sold with their own words."""
    shipped = catalogue_files.read(SHOP.catalogue.read_text(encoding="utf-8"))
    made = [
        replace(item, slug=f"{item.slug[:28]}-{number}", title=f"{item.title[:28]} {number}")
        for number, item in ((n + 1, shipped[n % len(shipped)]) for n in range(count))
    ]
    return sorted(made, key=lambda item: [one.section for one in shipped].index(item.section))


def open_shop(place: Path, **settings: str) -> Stage:
    """Return a shop that sells these products, its web process up."""
    stage = Stage(place, f"sqlite:///{place}/shop.db", **settings).open("web")
    file = place / "catalog.toml"
    file.write_text(catalogue_files.write(items()), encoding="utf-8")
    assert stage.run("import", f"flask --app webapp catalog import {file}") == 0, stage.output("import")
    return stage
