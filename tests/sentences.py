"""``make messages``: every sentence of the shop, and the files that translate them brought up to date."""

import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from webapp.languages import FOLDER

ROOT = Path(__file__).parent.parent
HEAD = """msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {plural}\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""
SOURCES = (("templates", "**.html", "jinja2", {"silent": "false"}), ("webapp", "**.py", "python", {}))


def main(begun: list[str]) -> int:
    """Update every file; those named that are not there yet are begun."""
    sentences = extracted()
    for file in sorted({*FOLDER.glob("*.po"), *(FOLDER / f"{name}.po" for name in begun)}):
        catalog = opened(file)
        catalog.update(sentences, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        write(catalog, file)
        missing = sum(not all(texts(one.string)) for one in catalog if one.id)
        print(f"{file.name}: {len(catalog)} sentences, {missing} to translate")
    return 0


def extracted() -> Catalog:
    """Return every sentence that the sources mark for translation."""
    catalog = Catalog()
    for folder, pattern, method, options in SOURCES:
        found = extract_from_dir(ROOT / folder, [(pattern, method)], {pattern: options})
        for file, line, sentence, _comments, _context in found:
            catalog.add(sentence, None, [(f"{folder}/{file}", line)])
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
