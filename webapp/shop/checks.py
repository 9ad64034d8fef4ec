"""All of an owner's folder judged at once."""

from collections.abc import Callable, Iterator

from jinja2 import Environment, TemplateSyntaxError

from webapp.config import ConfigError
from webapp.domain.catalogue.toml_files import FileInvalid
from webapp.i18n import languages
from webapp.i18n.languages import TranslationInvalid
from webapp.shop import brand_file, catalogue_file, documents, pictures, plugins
from webapp.shop.folder import Folder, FolderInvalid
from webapp.shop.pictures import PictureInvalid

Sentences = Iterator[str]
# What the shop reads; anything else may be misspelt.
FILES = frozenset({"shop.toml", "catalog.toml", "plugin.py"})
FOLDERS = frozenset({"pages", "pictures", "translations", "templates", "static", "migrations", "tests"})


def problems(folder: Folder) -> list[str]:
    """Return what is wrong in a folder, a sentence each: file, line and reason."""
    return [sentence for check in CHECKS for sentence in check(folder)]


def warnings(folder: Folder) -> list[str]:
    """Return what the owner of a folder that is right may not have meant, a sentence each."""
    unspoken = (
        f"translations/{name}: the shop does not speak this language, so nobody reads it."
        for name in languages.not_offered(folder.translations)
    )
    unread = (f"{name}: the shop reads nothing of this name." for name in _strangers(folder))
    meant = catalogue_file.read(folder).warnings if folder.catalogue.is_file() else ()
    return [*meant, *unspoken, *unread]


def summary(folder: Folder) -> str:
    """Return what a folder that is right has to sell."""
    count = len(catalogue_file.read(folder).items) if folder.catalogue.is_file() else 0
    return f"{count} {'product' if count == 1 else 'products'}"


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


def _goods(folder: Folder) -> Sentences:
    if not folder.catalogue.is_file():
        return
    try:
        catalogue_file.read(folder)
    except FileInvalid as error:
        yield from (f"{folder.catalogue.name}, {fault}." for fault in error.faults)
    except ConfigError:
        return  # what it opens cannot be told before the plug-in can, which is judged by itself


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


def _plugin(folder: Folder) -> Sentences:
    try:
        plugins.load(folder)
    except ConfigError as error:
        yield from error.sentences


def _templates(folder: Folder) -> Sentences:
    reader = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    for file in sorted(folder.templates.rglob("*.html")):
        name = file.relative_to(folder.path)
        try:
            reader.parse(file.read_text(encoding="utf-8"))
        except TemplateSyntaxError as error:
            yield f"{name}, line {error.lineno}: {error.message}"
        except (OSError, UnicodeDecodeError):
            yield f"{name}, line 1: it cannot be read as UTF-8 text."


def _strangers(folder: Folder) -> Sentences:
    for path in sorted(folder.path.iterdir()) if folder.path.is_dir() else ():
        is_text = path.name.startswith(("terms.", "privacy.")) and path.suffix == ".md"
        is_known = path.name in (FOLDERS if path.is_dir() else FILES) or is_text
        if not is_known and path.suffix != ".py" and path.name[0] not in "._":
            yield path.name + ("/" if path.is_dir() else "")


CHECKS: tuple[Callable[[Folder], Sentences], ...] = (
    _words,
    _goods,
    _pictures,
    _translations,
    _plugin,
    _templates,
)
