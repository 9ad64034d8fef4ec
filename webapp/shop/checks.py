"""All of an owner's folder judged at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from webapp.config import ConfigError
from webapp.domain.catalogue.toml_files import FileInvalid
from webapp.i18n import languages
from webapp.i18n.languages import TranslationInvalid
from webapp.shop import brand_file, catalogue_file, documents, pictures, plugins
from webapp.shop.catalogue_file import CatalogueFile
from webapp.shop.folder import Folder, FolderInvalid
from webapp.shop.pictures import PictureInvalid
from webapp.shop.plugins.registered import Plugin

Result = TypeVar("Result")
Sentences = Iterator[str]
JudgeTemplates = Callable[[Folder, Plugin], Sentences]
# What the shop reads; anything else may be misspelt.
FILES = frozenset({"shop.toml", "catalog.toml", "plugin.py"})
FOLDERS = frozenset({"pages", "pictures", "translations", "templates", "static", "migrations", "tests"})
NOTHING = CatalogueFile([], [], [])


@dataclass(frozen=True)
class Verdict:
    """What a folder is found to be, a sentence each: file, line and reason."""

    problems: list[str]
    warnings: list[str]  # what the owner may not have meant
    products: int  # in its catalogue


def judge(folder: Folder, templates: JudgeTemplates, public_url: str = "") -> Verdict:
    """Return what is wrong in a folder, each of its files read once.

    :param templates: yields what is wrong with the templates of a folder
    :param public_url: the shop's own origin, where it is known
    """
    problems: list[str] = [*_words(folder)]
    plugin = _noted(problems, lambda: plugins.load(folder))
    catalogue = None
    if plugin:  # or what the catalogue opens, and a template's filters, cannot be told
        catalogue = _noted(problems, lambda: _catalogue(folder, public_url))
        problems += templates(folder, plugin)
    problems += [*_pictures(folder), *_translations(folder)]
    catalogue = catalogue or NOTHING
    return Verdict(problems, [*catalogue.warnings, *_warnings(folder)], len(catalogue.items))


def _noted(problems: list[str], read: Callable[[], Result]) -> Result | None:
    try:
        return read()
    except (ConfigError, FolderInvalid) as error:
        problems += error.sentences
    return None


def _words(folder: Folder) -> Sentences:
    try:
        ours = brand_file.read(folder)
    except FolderInvalid as error:
        yield from error.sentences
        return
    for name in ("terms", "privacy"):
        try:
            documents.read(folder, name, ours)
        except FolderInvalid as error:
            yield from error.sentences


def _catalogue(folder: Folder, public_url: str) -> CatalogueFile:
    if not folder.catalogue.is_file():
        return NOTHING
    try:
        return catalogue_file.read(folder, public_url)
    except FileInvalid as error:
        raise FolderInvalid(folder.catalogue.name, error.faults) from error


def _pictures(folder: Folder) -> Sentences:
    for file in pictures.files(folder.pictures):
        try:
            pictures.read(file)
        except PictureInvalid as error:
            yield f"pictures/{file.name} {error}."


def _translations(folder: Folder) -> Sentences:
    try:
        languages.read(languages.FOLDER, folder.translations)
    except TranslationInvalid as error:
        yield f"{error}."


def _warnings(folder: Folder) -> Sentences:
    for name in languages.not_offered(folder.translations):
        yield f"translations/{name}: the shop does not speak this language, so nobody reads it."
    for name in _strangers(folder):
        yield f"{name}: the shop reads nothing of this name."


def _strangers(folder: Folder) -> Sentences:
    for path in sorted(folder.path.iterdir()) if folder.path.is_dir() else ():
        is_text = path.name.startswith(("terms.", "privacy.")) and path.suffix == ".md"
        is_known = path.name in (FOLDERS if path.is_dir() else FILES) or is_text
        if not is_known and path.suffix != ".py" and path.name[0] not in "._":
            yield path.name + ("/" if path.is_dir() else "")
