"""shop.toml of the owner's folder: what a shop is called and how it looks, read and checked whole."""

import re
import unicodedata
from typing import Any
from urllib.parse import urlsplit

from webapp.domain.catalogue import toml_files
from webapp.domain.catalogue.toml_files import FileInvalid
from webapp.host import addresses
from webapp.i18n import languages
from webapp.shop.brand import Brand, Link
from webapp.shop.colours import LEAST_CONTRAST, contrast, is_colour, reads_on
from webapp.shop.folder import Folder, FolderInvalid

VERSION = 1  # of the form of shop.toml
LONGEST_NAME = 64  # Bot API: getMe, first_name
LONGEST_TAGLINE = 120  # Bot API: setMyShortDescription
LONGEST_WELCOME = 2000
LONGEST_LINE = 200
LONGEST_LABEL = 40
LONGEST_ADDRESS = 500
MOST_LINKS = 6  # in a footer that stays one
USUAL_HERO = "hero.svg"
TEXTS = {
    "name": LONGEST_NAME,
    "tagline": LONGEST_TAGLINE,
    "seller": LONGEST_LINE,
    "contact": LONGEST_LINE,
}
KEYS = ("version", *TEXTS, "welcome", "hero", "icon", "language", "colours", "links")
COLOURS = ("accent", "on_accent", "link")


def read(folder: Folder) -> Brand:
    """Return the brand that a folder's shop.toml gives; without one, the usual.

    :raise webapp.shop.folder.FolderInvalid: everything that is wrong with it, by line and key
    """
    if not folder.brand.is_file():
        return Brand(hero=_usual_hero(folder))
    text = folder.text(folder.brand)
    sheet = _Sheet(folder.brand.name, text)
    try:
        sheet.table = toml_files.parse(text)
    except FileInvalid as error:
        raise FolderInvalid(folder.brand.name, [error]) from error
    brand = _brand(sheet, folder)
    if sheet.faults:
        raise FolderInvalid(folder.brand.name, sheet.faults)
    return brand


class _Sheet:
    """A parsed shop.toml, and what was found wrong with it so far."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.lines = text.splitlines()
        self.table: dict[str, Any] = {}
        self.faults: list[FileInvalid] = []

    def object_to(self, key: str, reason: str, begin: int = 0) -> None:
        named = key.rpartition(".")[2]
        self.faults.append(FileInvalid(toml_files.line_of(self.lines, named, begin), key, reason))

    def text(
        self, table: dict[str, Any], key: str, longest: int, *, head: str = "", begin: int = 0, lines: int = 1
    ) -> str:
        """Return a text of a table; nothing for one that is left out or was objected to."""
        value = table.get(key, "")
        reason = _fault(value, longest, lines) if key in table else ""
        if reason:
            self.object_to(f"{head}{key}", reason, begin)
            return ""
        return str(value).strip()

    def only(self, table: dict[str, Any], keys: tuple[str, ...], *, head: str = "", begin: int = 0) -> None:
        for key in table:
            if key not in keys:
                self.object_to(f"{head}{key}", f"is not a key here; there are {', '.join(keys)}", begin)

    def head(self, pattern: str, index: int = 0) -> int:
        """Return how many lines there are up to the index-th head of a table, its own included."""
        found = [number for number, line in enumerate(self.lines, start=1) if re.match(pattern, line)]
        return found[index] if index < len(found) else 0


def _brand(sheet: _Sheet, folder: Folder) -> Brand:
    table = sheet.table
    if not _is_ours(sheet):
        return Brand()
    sheet.only(table, KEYS)
    texts = {key: sheet.text(table, key, longest) for key, longest in TEXTS.items()}
    return Brand(
        **texts,
        welcome=sheet.text(table, "welcome", LONGEST_WELCOME, lines=30),
        hero=_picture(sheet, "hero", folder) if "hero" in table else _usual_hero(folder),
        icon=_picture(sheet, "icon", folder),
        language=_language(sheet),
        **_colours(sheet),
        links=_links(sheet),
    )


def _is_ours(sheet: _Sheet) -> bool:
    version = sheet.table.get("version", VERSION)
    if type(version) is not int or not 1 <= version <= VERSION:
        sheet.object_to(
            "version",
            f"must be {VERSION}: was {sheet.name} written for a newer release? This one reads no other form",
        )
        return False
    return True


def _fault(value: object, longest: int, lines: int) -> str:
    if not isinstance(value, str):
        return "must be a text"
    if not value.strip() or all(unicodedata.category(letter)[0] in "CZ" for letter in value):
        return "is empty: leave the whole line out, and the shop uses its own words"
    if len(value) > longest:
        return f"is {len(value)} characters long, and {longest} is the most"
    told = value.strip().split("\n")
    if len(told) > lines:
        return "must be one line" if lines == 1 else f"has {len(told)} lines, and {lines} is the most"
    return next((reason for reason in map(toml_files.unwanted, told) if reason), "")


def _picture(sheet: _Sheet, key: str, folder: Folder) -> str:
    name = sheet.text(sheet.table, key, LONGEST_LINE)
    if name and ("/" in name or "\\" in name or not (folder.pictures / name).is_file()):
        sheet.object_to(key, f"there is no file {name} in the folder pictures")
        return ""
    return name


def _usual_hero(folder: Folder) -> str:
    return USUAL_HERO if (folder.pictures / USUAL_HERO).is_file() else ""


def _language(sheet: _Sheet) -> str:
    told = sheet.text(sheet.table, "language", LONGEST_LINE)
    found = languages.find(told)
    if told and found is None:
        spoken = ", ".join(languages.all_())
        sheet.object_to("language", f"must be a language that the shop speaks: {spoken}")
    return found.code if found else languages.ENGLISH.code


def _colours(sheet: _Sheet) -> dict[str, str]:
    table, begin = sheet.table.get("colours", {}), sheet.head(r"\s*\[\s*colours\s*\]")
    if not isinstance(table, dict):
        sheet.object_to("colours", "must be a table [colours]")
        return {}
    sheet.only(table, COLOURS, head="colours.", begin=begin)
    told = {key: sheet.text(table, key, LONGEST_LINE, head="colours.", begin=begin) for key in COLOURS}
    wrong = [key for key, colour in told.items() if colour and not is_colour(colour)]
    for key in wrong:
        sheet.object_to(f"colours.{key}", "must be a colour such as #2a6df4", begin)
    return {} if wrong else _readable(sheet, told, begin)


def _readable(sheet: _Sheet, told: dict[str, str], begin: int) -> dict[str, str]:
    accent, upon = told["accent"], told["on_accent"]
    if upon and not accent:
        sheet.object_to("colours.on_accent", "belongs to an accent: name that, too", begin)
    elif upon and contrast(accent, upon) < LEAST_CONTRAST:
        sheet.object_to(
            "colours.on_accent",
            f"cannot be read on {accent}: the contrast is {contrast(accent, upon):.1f} to 1, and "
            f"{LEAST_CONTRAST} is the least. Leave it out, and the shop takes {reads_on(accent)}",
            begin,
        )
    return {**told, "on_accent": upon or (reads_on(accent) if accent else "")}


def _links(sheet: _Sheet) -> tuple[Link, ...]:
    tables = sheet.table.get("links", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        sheet.object_to("links", "must be [[links]] tables, each with a label and an address")
        return ()
    if len(tables) > MOST_LINKS:
        sheet.object_to("links", f"there are {len(tables)}, and {MOST_LINKS} is the most")
    return tuple(_link(sheet, index, table) for index, table in enumerate(tables))


def _link(sheet: _Sheet, index: int, table: dict[str, Any]) -> Link:
    begin = sheet.head(r"\s*\[\[\s*links\s*\]\]", index)
    sheet.only(table, ("label", "address"), head="links.", begin=begin)
    for key in ("label", "address"):
        if key not in table:
            sheet.faults.append(FileInvalid(max(begin, 1), f"links.{key}", "is missing"))
    label = sheet.text(table, "label", LONGEST_LABEL, head="links.", begin=begin)
    address = sheet.text(table, "address", LONGEST_ADDRESS, head="links.", begin=begin)
    if address and not _leads_somewhere(address):
        sheet.object_to("links.address", "must begin with https:// or tg:// and lead somewhere", begin)
    return Link(label, address)


def _leads_somewhere(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme == "tg" or addresses.split(address).scheme == "https"
    except (ValueError, addresses.AddressInvalid):
        return False
