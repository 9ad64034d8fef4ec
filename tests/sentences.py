"""``make messages``: every sentence of the shop, and the files that translate them brought up to date."""

import sys
import tomllib
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from webapp.i18n.languages import FOLDER

ROOT = Path(__file__).parent.parent
HEAD = """msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {plural}\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""
Source = tuple[Path, str, str, dict[str, str]]  # a folder, which files in it, and how they are read
HTML = ("**.html", "jinja2", {"silent": "false"})
PYTHON = ("**.py", "python", {})
EXAMPLES = sorted(folder for folder in ROOT.glob("examples/*") if (folder / "translations").is_dir())


def main(begun: list[str]) -> int:
    """Update every file; those named that are not there yet are begun in the shop's own folder."""
    update(FOLDER, extracted(), begun)
    for folder in [*EXAMPLES, *filter(Path.is_dir, [ROOT / "shop"])]:
        update(folder / "translations", extracted_beside(folder), [])
    return 0


def update(folder: Path, sentences: Catalog, begun: list[str]) -> None:
    for file in sorted({*folder.glob("*.po"), *(folder / f"{name}.po" for name in begun)}):
        catalog = opened(file)
        catalog.update(sentences, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        write(catalog, file)
        missing = sum(not all(texts(one.string)) for one in catalog if one.id)
        print(f"{file.relative_to(ROOT)}: {len(catalog)} sentences, {missing} to translate")


@cache
def extracted() -> Catalog:
    """Return every sentence that the shop's sources mark for translation."""
    return marked((ROOT / "templates", *HTML), (ROOT / "webapp", *PYTHON))


@cache
def extracted_beside(folder: Path) -> Catalog:
    """Return what an owner's folder says and the shop does not say already."""
    catalog, ours = marked((folder / "templates", *HTML), (folder, *PYTHON)), extracted()
    for text in said_in(folder / "shop.toml"):
        catalog.add(text)
    for message in [one for one in catalog if one.id and one.id in ours]:
        catalog.delete(message.id)
    return catalog


def said_in(file: Path) -> list[str]:
    """Return the texts of a shop.toml that people read; a name is translated where its owner wants that."""
    told = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    labels = [link["label"] for link in told.get("links", [])]
    return [told[key] for key in ("name", "tagline", "welcome", "seller") if told.get(key)] + labels


def marked(*sources: Source) -> Catalog:
    catalog = Catalog()
    for folder, pattern, method, options in sources:
        found = extract_from_dir(folder, [(pattern, method)], {pattern: options})
        for file, line, sentence, _comments, _context in found:
            catalog.add(sentence, None, [(f"{folder.relative_to(ROOT)}/{file}", line)])
    return catalog


def opened(file: Path) -> Catalog:
    if not file.exists():
        return Catalog(locale=file.stem, fuzzy=False)
    with file.open("rb") as source:
        return read_po(source, locale=file.stem)


def write(catalog: Catalog, file: Path) -> None:
    """Write a file that changes only where its sentences do: no dates, no places in the sources."""
    body = BytesIO()
    write_po(body, catalog, width=110, no_location=True, omit_header=True)
    head = HEAD.format(language=file.stem, plural=catalog.plural_forms)
    file.write_text(head + body.getvalue().decode(), encoding="utf-8")


def texts(of_message: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(of_message) if isinstance(of_message, tuple | list) else (of_message or "",)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
