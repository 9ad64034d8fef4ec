"""The terms and the privacy notice: the owner's, in Markdown, or else ours."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask, current_app

from webapp.domain.catalogue import toml_files
from webapp.domain.catalogue.toml_files import FileInvalid
from webapp.i18n import languages
from webapp.i18n.languages import Language
from webapp.shop.brand import Brand
from webapp.shop.folder import ROOT, Folder, FolderInvalid
from webapp.shop.markdown import LONGEST

OURS = ROOT / "templates"
VERSION_DIGITS = 12  # enough to tell one text from another, and short enough for a receipt


@dataclass(frozen=True)
class Document:
    """A text that people agree to or rely on, in each of its languages."""

    version: str  # changes with the text
    # By language; "" is for everybody else. Empty where ours stands.
    texts: Mapping[str, str] = field(default_factory=dict)

    def text_in(self, language: Language) -> str | None:
        """Return the owner's Markdown in a language, or None where ours stands."""
        return self.texts.get(language.code, self.texts.get(""))


def init_app(app: Flask, folder: Folder) -> None:
    """Give a shop the documents of its owner's folder; its brand has to be known.

    :raise webapp.shop.folder.FolderInvalid: one of them cannot be used
    """
    brand: Brand = app.extensions["brand"]
    app.extensions["documents"] = {name: read(folder, name, brand) for name in ("terms", "privacy")}


def terms() -> Document:
    """Return the terms of sale of the shop at work."""
    return _current("terms")


def privacy() -> Document:
    """Return the privacy notice of the shop at work."""
    return _current("privacy")


def read(folder: Folder, name: str, brand: Brand) -> Document:
    """Return a document of a folder; without a file of the owner's, only the version of ours.

    :raise webapp.shop.folder.FolderInvalid: a file is not a text, or is in no language of ours
    """
    files = sorted(folder.path.glob(f"{name}.*md"))
    texts = {_code(file, name): _text(folder, file) for file in files}
    if texts and "" not in texts:
        reason = f"there must be a {name}.md as well, for people of every other language"
        raise FolderInvalid(files[0].name, [FileInvalid(1, "language", reason)])
    return Document(_digest(texts or {"": _our_source(folder, name), "seller": brand.answers}), texts)


def _current(name: str) -> Document:
    document: Document = current_app.extensions["documents"][name]
    return document


def _code(file: Path, name: str) -> str:
    """Return the language of a file such as terms.md or terms.ru.md."""
    told = file.name.removeprefix(f"{name}.").removesuffix("md").removesuffix(".")
    found = languages.find(told)
    if told and (found is None or found.code.lower() != told.lower().replace("_", "-")):
        reason = f"the shop does not speak {told!r}, but {', '.join(languages.all_())}"
        raise FolderInvalid(file.name, [FileInvalid(1, "language", reason)])
    return found.code if found else ""


def _text(folder: Folder, file: Path) -> str:
    text = folder.text(file)
    if not text.strip():
        raise FolderInvalid(file.name, [FileInvalid(1, "text", "is empty: delete the file, and ours stands")])
    if len(text) > LONGEST:
        reason = f"is {len(text)} characters long, and {LONGEST} is the most"
        raise FolderInvalid(file.name, [FileInvalid(1, "text", reason)])
    lines = enumerate(text.replace("\t", " ").splitlines(), start=1)
    wrong = ((number, toml_files.unwanted(line)) for number, line in lines)
    faults = [FileInvalid(number, "text", reason) for number, reason in wrong if reason]
    if faults:
        raise FolderInvalid(file.name, faults)
    return text


def _our_source(folder: Folder, name: str) -> str:
    """Return the source of the page that stands where there is no document: the owner's template or ours."""
    own = folder.path / "templates" / f"{name}.html"
    return folder.text(own) if own.is_file() else (OURS / f"{name}.html").read_text(encoding="utf-8")


def _digest(texts: Mapping[str, str]) -> str:
    """Return what changes with any of these texts, and not with how a file ends its lines."""
    whole = hashlib.sha256()
    for code, text in sorted(texts.items()):
        lines = (line.rstrip() for line in text.strip().splitlines())
        whole.update("\n".join([code, *lines, ""]).encode())
    return whole.hexdigest()[:VERSION_DIGITS]
