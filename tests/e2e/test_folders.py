"""Owners' folders, the examples among them, sold whole: everything is paid for and opens what it says."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.processes import Shopper, Stage, eventually
from webapp.shop import catalogue_file
from webapp.shop.catalogue_file import CatalogueFile
from webapp.shop.destinations import Chat, Page, Route
from webapp.shop.folder import EXAMPLE, Folder

EXAMPLES = sorted(file.parent for file in EXAMPLE.parent.glob("*/catalog.toml"))
PRODUCT = """
[[products]]
slug = "{key}"
kind = "unlock"
section = "All"
title = "Sold as {key}"
description = "One of them."
picture = "Dot.SVG"
stars = 10
entitlements = ["{key}"]

[[entitlements]]
key = "{key}"
title = "Opened by {key}"
opens = "{opens}"
"""
OPENS = {"manual": "page:manual.md", "club": "url:https://example.org/club?in=1", "talk": "bot"}
DOT = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><circle cx="12" cy="12" r="9"/></svg>'


def write_own(path: Path) -> Path:
    """Write a folder as an owner would begin it."""
    for name in ("pages", "pictures"):
        (path / name).mkdir(parents=True)
    products = (PRODUCT.format(key=key, opens=opens) for key, opens in OPENS.items())
    (path / "catalog.toml").write_text("".join(products))
    (path / "pages" / "manual.md").write_text(
        "# The manual\n\nHow it begins.\n\n## How it goes on\n\nWell.\n"
    )
    (path / "pictures" / "Dot.SVG").write_text(DOT)
    return path


@pytest.fixture(params=[*EXAMPLES, None], ids=[*(one.name for one in EXAMPLES), "own"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    return Folder(request.param or write_own(tmp_path / "shop"))


@pytest.fixture
def stage(folder: Folder, tmp_path: Path, sqlite_url: str) -> Iterator[Stage]:
    one = Stage(tmp_path, sqlite_url, SHOP_DIR=str(folder.path))
    yield one.open()
    one.close()


def test_a_folder_is_sold_whole(stage: Stage, folder: Folder) -> None:
    found = catalogue_file.read(folder)
    stranger = buyer(stage)
    for path in paths(found):
        assert not stranger.has(path), path
    for item in found.items:
        if item.on_sale:
            buy(stage, item.slug, item.keys, found)


def buy(stage: Stage, slug: str, keys: tuple[str, ...], found: CatalogueFile) -> None:
    """Buy a product as somebody new, and see that each way to it leads there."""
    shopper = buyer(stage)
    found_terms = re.search(r'name="terms" value="([^"]+)"', shopper.request("GET", f"/products/{slug}").text)
    assert found_terms
    shopper.terms = found_terms[1]  # each folder has its own
    order = shopper.order(slug)
    shopper.pay(order["link"])
    eventually(lambda: 'data-order="paid"' in shopper.request("GET", f"/orders/{order['order']}").text)
    paid = shopper.request("GET", f"/orders/{order['order']}").text
    upgrades = shopper.request("GET", "/upgrades").text
    for opening in found.openings:
        if opening.key in keys:
            href = opening.destination.href("starfront_demo_bot").replace("&", "&amp;")
            assert f'href="{href}"' in paid, opening.key
            assert f'href="{href}"' in upgrades, opening.key
            if isinstance(opening.destination, Page | Route):
                assert shopper.has(href), opening.key
    eventually(lambda: button(stage, shopper.id))
    if len(keys) == 1:
        [opening] = [one for one in found.openings if one.key in keys]
        href = "/upgrades" if isinstance(opening.destination, Chat) else opening.destination.href("")
        assert href in button(stage, shopper.id)


def button(stage: Stage, person: int) -> str:
    """Return the button of what the bot said last, as Telegram keeps it."""
    said = [message for message in stage.messages(person) if message["from"] == "bot"]
    return json.dumps(said[-1].get("reply_markup")) if said else ""


def buyer(stage: Stage) -> Shopper:
    person: dict[str, Any] = stage.control("POST", "people", first_name="Alice", stars=100_000)
    return Shopper(stage, person["id"]).sign_in()


def paths(found: CatalogueFile) -> list[str]:
    gated = (one.destination for one in found.openings if isinstance(one.destination, Page | Route))
    return [destination.href("") for destination in gated]
