"""The Markdown pages of an owner's folder, each in the languages that it is written in."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from webapp.i18n import languages
from webapp.shop import markdown, pictures
from webapp.shop.folder import Folder
from webapp.shop.markdown import TextInvalid

FILE = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)\.md")
TRANSLATED = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)\.([A-Za-z-]+)\.md")
LONGEST_NAME = 64


@dataclass(frozen=True)
class OwnersPage:
    """A page as its files have it."""

    name: str
    text: str
    translations: Mapping[str, str] = field(default_factory=dict)  # language code → text

    def text_in(self, language: str) -> str:
        return self.translations.get(language, self.text)


def read(folder: Folder, file_name: str) -> OwnersPage:
    """Return a page: guide.md, together with guide.ru.md and its other languages.

    :raise webapp.shop.markdown.TextInvalid: a file is not there, cannot be read or is too long
    """
    found = FILE.fullmatch(file_name)
    if found is None or len(file_name) > LONGEST_NAME:
        raise TextInvalid(f"{file_name!r} must be the name of a file in the folder pages, such as guide.md")
    file = folder.pages / file_name
    if not file.is_file():
        raise TextInvalid(f"there is no {file_name} in the folder pages")
    translated = {code: one for code, one in _translations(folder, found[1]) if code in languages.all_()}
    texts = {code: markdown.read(one) for code, one in translated.items()}
    return OwnersPage(found[1], markdown.read(file), texts)


def objections(folder: Folder, page: OwnersPage, shown: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with the texts of a page, each with its file and line.

    :param shown: the names of the pages that entitlements open
    """
    for code, file in _translations(folder, page.name):
        if code not in languages.all_():
            yield f"{_named(file)}: the shop does not speak {code}; it speaks {', '.join(languages.all_())}"
    texts = {"": page.text, **page.translations}
    for code, text in texts.items():
        name = f"pages/{page.name}{code and '.'}{code}.md"
        yield from (f"{name}, line {line}: {reason}" for line, reason in _wrong_in(text, folder, shown))


def unopened(folder: Folder, shown: Collection[str]) -> Iterator[str]:
    """Yield the files of pages that no entitlement opens, so that nobody can read them."""
    for file in sorted(folder.pages.glob("*.md")):
        found = FILE.fullmatch(file.name) or TRANSLATED.fullmatch(file.name)
        if found is None or found[1] not in shown:
            yield _named(file)


def _translations(folder: Folder, name: str) -> Iterator[tuple[str, Path]]:
    for file in sorted(folder.pages.glob(f"{name}.*.md")):
        found = TRANSLATED.fullmatch(file.name)
        if found and found[1] == name:
            yield found[2], file


def _wrong_in(text: str, folder: Folder, shown: Collection[str]) -> Iterator[tuple[int, str]]:
    for line, name in markdown.pictures(text):
        if markdown.is_foreign(name):
            yield (
                line,
                f"pictures of other sites are not shown; put a copy of {name} into the folder pictures",
            )
        elif reason := pictures.problem(folder.pictures, name):
            yield line, reason
    for line, target in markdown.links(text):
        other = markdown.other_page(target)
        if other and other.removesuffix(".md") not in shown:
            yield line, f"the link to {target} leads nowhere: no entitlement opens that page"
        elif not other and not markdown.is_link(target):
            yield (
                line,
                f"the link to {target} leads nowhere; write https://, mailto:, tg: or a path as /terms",
            )


def _named(file: Path) -> str:
    return f"pages/{file.name}"
