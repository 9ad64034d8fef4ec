"""The catalogue of an owner's folder, read together with what its products need to be there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from webapp.domain.catalogue import catalogue_files
from webapp.domain.catalogue.catalogue import Item
from webapp.domain.catalogue.toml_files import Faults, FileInvalid, Tables
from webapp.shop import openings, owners_pages, pictures, plugins
from webapp.shop.destinations import Page, Surroundings
from webapp.shop.folder import Folder
from webapp.shop.openings import Opening


@dataclass(frozen=True)
class CatalogueFile:
    """What an owner's catalogue says."""

    items: list[Item]
    openings: list[Opening]
    warnings: list[str]  # what the owner may not have meant, a sentence each


def read(folder: Folder, public_url: str = "") -> CatalogueFile:
    """Return what a folder's catalogue says.

    :param public_url: the shop's own origin, where it is known
    :raise webapp.domain.catalogue.toml_files.FileInvalid: the first thing that is wrong, with its line
    """
    return parse(openings.read_catalogue(folder), folder, public_url=public_url)


def parse(
    text: str, folder: Folder, routes: Mapping[str, str] | None = None, public_url: str = ""
) -> CatalogueFile:
    """Return what a catalogue says; each product has a picture, and something to open once it is paid for.

    :param routes: the pages that code makes, by their names; the plug-in's unless given
    :param public_url: the shop's own origin, where it is known
    :raise webapp.config.ConfigError: the folder's plug-in cannot be loaded
    :raise webapp.domain.catalogue.toml_files.FileInvalid: the first thing that is wrong, with its line
    """

    def picture_problem(name: str) -> str:
        return pictures.problem(folder.pictures, name)

    paths = plugins.load(folder).paths if routes is None else routes
    faults = Faults()
    around = Surroundings(folder, paths, picture_problem, public_url)
    opened = faults.without(lambda: openings.parse(text, around))
    keys = None if opened is None else {opening.key for opening in opened}
    items = faults.without(lambda: catalogue_files.read(text, picture_problem=picture_problem, opened=keys))
    faults.found += _wrong_pages(text, folder, opened or [])
    faults.stop()
    items, opened = items or [], opened or []
    return CatalogueFile(items, opened, [*catalogue_files.warnings(items), *_warnings(folder, items, opened)])


def _wrong_pages(text: str, folder: Folder, opened: list[Opening]) -> Iterator[FileInvalid]:
    shown, tables = _shown(opened), Tables(catalogue_files.ENTITLEMENTS, "key", text.splitlines(), [])
    for index, opening in enumerate(opened):
        if isinstance(opening.destination, Page):
            for reason in owners_pages.objections(folder, opening.destination.page, shown):
                yield FileInvalid(tables.line(index, "opens"), "opens", reason)


def _warnings(folder: Folder, items: list[Item], opened: list[Opening]) -> Iterator[str]:
    sold = {key for item in items for key in item.keys}
    for opening in opened:
        if opening.key not in sold:
            yield f"{opening.key}: no product grants this entitlement, so nobody gets what it opens."
    for file in owners_pages.unopened(folder, _shown(opened)):
        yield f"{file}: no entitlement opens this page, so nobody can read it."


def _shown(opened: list[Opening]) -> set[str]:
    pages = (opening.destination.page for opening in opened if isinstance(opening.destination, Page))
    return {page.name for page in pages}
