"""What each entitlement opens, as the [[entitlements]] tables of the owner's catalogue say."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from flask import Flask, current_app

from webapp.domain.catalogue import toml_files
from webapp.domain.catalogue.catalogue_files import ENTITLEMENTS, NO_PICTURE_NAME, PICTURE, SLUG
from webapp.domain.catalogue.toml_files import Faults, FileInvalid, Tables, quoted, read_text
from webapp.shop import destinations, reserved
from webapp.shop.destinations import LONGEST_ADDRESS, Destination, Surroundings
from webapp.shop.folder import Folder, Unreadable, read_file

KEYS = ("key", "title", "picture", "opens", "translations")
LONGEST_KEY = 64
LONGEST_TITLE = 64
USUAL_PICTURE = "hero.svg"


@dataclass(frozen=True)
class Opening:
    """What an entitlement key opens, and what that is called."""

    key: str
    title: str
    picture: str
    destination: Destination
    translations: Mapping[str, str] = field(default_factory=dict)  # language code → title

    def title_in(self, language: str) -> str:
        return self.translations.get(language, self.title)


def init_app(app: Flask, folder: Folder, routes: Mapping[str, str]) -> None:
    """Read what each entitlement opens, once for as long as the process lives.

    :param routes: the plug-in's pages by their names: their paths
    :raise webapp.domain.catalogue.toml_files.FileInvalid: the first thing that is wrong, with its line
    """
    text = read_catalogue(folder) if folder.catalogue.exists() else ""
    # A picture that is missing is shown as another; it is catalog check that objects.
    known = parse(text, Surroundings(folder, routes, lambda _name: "", app.config["STARFRONT"].public_url))
    app.extensions["openings"] = MappingProxyType({one.key: one for one in known})


def current() -> Mapping[str, Opening]:
    """Return what each entitlement key opens in the shop at work."""
    known: Mapping[str, Opening] = current_app.extensions["openings"]
    return known


def read_catalogue(folder: Folder) -> str:
    """Return the text of a folder's catalogue.

    :raise webapp.domain.catalogue.toml_files.FileInvalid: it cannot be read
    """
    try:
        return read_file(folder.catalogue)
    except Unreadable as error:
        raise FileInvalid(1, "text", f"it {error}") from error


def parse(text: str, around: Surroundings) -> list[Opening]:
    """Return what each entitlement of a catalogue opens.

    :raise webapp.domain.catalogue.toml_files.FileInvalid: the first thing that is wrong, with its line
    """
    rows = toml_files.parse(text).get(ENTITLEMENTS, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        heads = (n for n, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\s*entitlements", line))
        raise FileInvalid(next(heads, 1), ENTITLEMENTS, "must be [[entitlements]] tables")
    tables = Tables(ENTITLEMENTS, "key", text.splitlines(), rows)
    faults = Faults()
    openings = faults.every(lambda index: _opening(tables, index, around), len(rows))
    faults.stop()
    faults.every(lambda index: _check_against_others(tables, index, openings), len(rows))
    faults.stop()
    return openings


def write(openings: Iterable[Opening]) -> str:
    """Return [[entitlements]] tables that read back as these."""
    return "\n".join(map(_table, openings))


def _opening(tables: Tables, index: int, around: Surroundings) -> Opening:
    row = tables.rows[index]

    def refuse(key: str, reason: str) -> FileInvalid:
        return tables.error(index, key, reason)

    for key in row:
        if key not in KEYS:
            raise refuse(key, "is not a key of an entitlement")
    for key in ("key", "title", "opens"):
        if key not in row:
            raise refuse(key, "is missing")
    key = read_text(row, "key", LONGEST_KEY, refuse)
    if not SLUG.fullmatch(key):
        raise refuse("key", "may hold lower-case letters, digits and single hyphens")
    if key in reserved.START_TARGETS:
        raise refuse("key", f"{key!r} is the name of a page of the shop's own; choose another")
    return Opening(
        key=key,
        title=read_text(row, "title", LONGEST_TITLE, refuse),
        picture=_picture(row, around, refuse),
        destination=destinations.read(read_text(row, "opens", LONGEST_ADDRESS, refuse), around, refuse),
        translations={
            code: _translated(tables, index, code) for code in toml_files.translations(tables, index)
        },
    )


def _picture(row: dict[str, Any], around: Surroundings, refuse: toml_files.Refuse) -> str:
    if "picture" not in row:
        return USUAL_PICTURE
    picture = read_text(row, "picture", 128, refuse)
    if not PICTURE.fullmatch(picture):
        raise refuse("picture", NO_PICTURE_NAME)
    if reason := around.picture_problem(picture):
        raise refuse("picture", reason)
    return picture


def _translated(tables: Tables, index: int, code: str) -> str:
    def refuse(key: str, reason: str) -> FileInvalid:
        return tables.error_in_translation(index, code, key, reason)

    words = tables.rows[index]["translations"][code]
    stray = next((key for key in words if key != "title"), None)
    if stray is not None:
        raise refuse(stray, "only title can be translated; a page is by a file of its own, guide.ru.md")
    if "title" not in words:
        raise refuse("title", "is missing")
    return read_text(words, "title", LONGEST_TITLE, refuse)


def _check_against_others(tables: Tables, index: int, openings: list[Opening]) -> None:
    opening = openings[index]
    for other, earlier in enumerate(openings[:index]):
        if earlier.key == opening.key:
            line = tables.line(other, "key")
            raise tables.error(index, "key", f"{opening.key!r} is already used on line {line}")
        if (
            opening.destination.identity is not None
            and earlier.destination.identity == opening.destination.identity
        ):
            reason = (
                f"{earlier.key!r} opens the same on line {tables.line(other, 'opens')}; sell that key twice"
            )
            raise tables.error(index, "opens", reason)
    back = destinations.led_back_to(opening.destination) & {one.key for one in openings}
    if back:
        reason = f"leads back to the entitlement {back.pop()!r}; name what that opens, or sell that key"
        raise tables.error(index, "opens", reason)


def _table(opening: Opening) -> str:
    lines = [
        f"[[{ENTITLEMENTS}]]",
        f"key = {quoted(opening.key)}",
        f"title = {quoted(opening.title)}",
        f"picture = {quoted(opening.picture)}",
        f"opens = {quoted(opening.destination.word)}",
    ]
    for code, title in sorted(opening.translations.items()):
        lines += ["", f"[{ENTITLEMENTS}.translations.{code}]", f"title = {quoted(title)}"]
    return "\n".join(lines) + "\n"
