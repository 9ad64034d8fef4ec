"""The languages the shop speaks: English, in which it is written, and one more for each file here.

``translations/ru.po`` is Russian and ``translations/pt_BR.po`` would be Brazil's Portuguese. They are
read when a process starts; nothing else has to know of a new one. The owner's folder has files of the same
names for the owner's own sentences; where one translates a sentence of the shop's, it counts.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property, lru_cache
from gettext import c2py
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError, dates, numbers
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.support import NullTranslations, Translations
from flask import Flask, current_app

FOLDER = Path(__file__).parent / "translations"
# CLDR's names of numbering systems that languages use by default, and the zero each counts from.
ZEROS = {"arab": "٠", "arabext": "۰", "beng": "০", "deva": "०", "mymr": "၀", "tibt": "༠"}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")
LONGEST_TAG = 35  # characters; RFC 5646 needs no more, and a longer one is nobody's language


class TranslationInvalid(ValueError):
    """A file of translations cannot be used; the sentence says which, where and why."""


@dataclass(frozen=True)
class Language:
    """A language, with its words and its way to write numbers and dates."""

    code: str  # as browsers and Telegram write it: ru, pt-BR
    locale: Locale
    words: NullTranslations

    @cached_property
    def name(self) -> str:
        """What the language calls itself."""
        name = self.locale.language_name if "-" not in self.code else self.locale.display_name
        return str(name)[:1].upper() + str(name)[1:]

    @property
    def direction(self) -> str:
        return str(self.locale.text_direction)

    def say(self, sentence: str) -> str:
        """Return a sentence of the shop in this language, or as it is where nobody translated it."""
        return str(self.words.ugettext(sentence))

    def number(self, value: float) -> str:
        return self.digits(numbers.format_decimal(value, locale=self.locale, numbering_system="default"))

    def date(self, moment: date | datetime, form: str) -> str:
        """Return a day; the form is one of CLDR's lengths (long, full) or skeletons (MMMd)."""
        if form in self.locale.date_formats:
            return self.digits(dates.format_date(moment, form, locale=self.locale))
        return self.digits(dates.format_skeleton(form, moment, locale=self.locale))

    def moment(self, at: datetime, clock: str) -> str:
        """Return a day with its time; clock is a pattern such as HH:mm."""
        time = dates.format_time(at, clock, locale=self.locale)
        together = str(dates.get_datetime_format("medium", locale=self.locale))
        return together.format(self.digits(time), self.date(at, "long"))

    def digits(self, text: str) -> str:
        """Return a text with its digits as this language writes them, which Babel leaves undone."""
        return text.translate(self._digits)

    @cached_property
    def _digits(self) -> dict[int, str]:
        zero = ZEROS.get(self.locale.default_numbering_system, "0")
        return {ord("0") + value: chr(ord(zero) + value) for value in range(10)}


# Written day before month, like the catalogue and the books.
ENGLISH = Language("en", Locale.parse("en_GB"), NullTranslations())


def init_app(app: Flask, owners: Path) -> None:
    """Read every file, those of the owner's folder on top.

    :raise TranslationInvalid: a file is broken
    """
    app.extensions["owners_translations"] = owners
    read(FOLDER, owners)


def all_() -> dict[str, Language]:
    """Return every language by its code, English first; in a shop, with its owner's sentences.

    :raise TranslationInvalid: a file is broken
    """
    return read(FOLDER, current_app.extensions.get("owners_translations") if current_app else None)


@lru_cache
def read(ours: Path, owners: Path | None) -> dict[str, Language]:
    """Return the languages of a folder of ours, with the sentences of an owner's on top of them.

    :raise TranslationInvalid: a file is broken
    """
    return {one.code: _with_owners(one, owners) for one in (ENGLISH, *read_all(ours))}


def not_offered(owners: Path) -> list[str]:
    """Return the owner's files whose language the shop does not speak: nobody hears their sentences."""
    spoken = {code.replace("-", "_") for code in all_()}
    return [file.name for file in sorted(owners.glob("*.po")) if file.stem not in spoken]


def find(tag: str | None) -> Language | None:
    """Return the language that a tag such as fa, fa-IR or pt_BR asks for, if the shop speaks it."""
    if not tag or len(tag) > LONGEST_TAG:
        return None
    parts = tag.lower().replace("_", "-").split("-")
    asked = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    known = {code.lower(): language for code, language in all_().items()}
    return next((known[one] for one in asked if one in known), None)


def best(tags: Iterable[str | None]) -> Language:
    """Return the first of these languages that the shop speaks, or English."""
    return next((found for found in map(find, tags) if found), all_()[ENGLISH.code])


def problems(catalog: Catalog) -> Iterator[tuple[int, str]]:
    """Yield what would break a page in this language: the line of a sentence, and what is wrong with it.

    The plural forms are the file's own. Babel's table of them changes from release to release, and a shop
    has to start with any.
    """
    if not _can_count(catalog):
        yield 1, f"Plural-Forms cannot be {catalog.plural_forms}"
    for message in catalog:
        if message.id and any(_texts(message.string)):
            reason = _reason(message, catalog.num_plurals)
            if reason:
                yield message.lineno or 0, reason


@lru_cache
def read_all(folder: Path) -> tuple[Language, ...]:
    """Return the languages of a folder; to read them takes a tenth of a process's start."""
    return tuple(_read(file) for file in sorted(folder.glob("*.po")))


def _read(file: Path) -> Language:
    try:
        locale = Locale.parse(file.stem)
        with file.open("rb") as source:
            catalog = read_po(source, locale=locale, abort_invalid=True)
    except PoFileError as error:
        raise TranslationInvalid(f"{_named(file)}, line {error.lineno + 1}: {error}") from error
    except (UnknownLocaleError, ValueError, OSError) as error:
        raise TranslationInvalid(f"{_named(file)}: {error}") from error
    for line, reason in problems(catalog):
        raise TranslationInvalid(f"{_named(file)}, line {line}: {reason}")
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return Language(file.stem.replace("_", "-"), locale, Translations(compiled))


def _named(file: Path) -> str:
    """Return how a sentence calls a file: one of ours by its name, one of the owner's with its folders."""
    return file.name if file.parent == FOLDER else "/".join(file.parts[-3:])


def _with_owners(language: Language, folder: Path | None) -> Language:
    """Return a language that looks for each sentence in the owner's file first; each counts its own way."""
    file = folder and folder / f"{language.code.replace('-', '_')}.po"
    if not file or not file.exists():
        return language
    words = _read(file).words
    words.add_fallback(language.words)
    return replace(language, words=words)


def _can_count(catalog: Catalog) -> bool:
    try:
        form = c2py(catalog.plural_expr)
        return all(form(number) < catalog.num_plurals for number in range(1000))
    except (ValueError, ZeroDivisionError):
        return False


def _reason(message: Message, forms: int) -> str | None:
    texts = _texts(message.string)
    if message.pluralizable and (len(texts) != forms or not all(texts)):
        return f"there must be {forms} plural forms of {message.id[0]!r}"
    singular, *plural = _texts(message.id)
    wanted = {*PLACEHOLDER.findall(singular), *(PLACEHOLDER.findall(plural[0]) if plural else ())}
    if any("%" in PLACEHOLDER.sub("", text).replace("%%", "") for text in texts):
        return f"a percent sign in the translation of {singular!r} has to be written %%"
    if any(set(PLACEHOLDER.findall(text)) != wanted for text in texts):
        return f"each translation of {singular!r} has to hold {', '.join(sorted(wanted)) or 'no placeholder'}"
    return None


def _texts(of_message: str | Iterable[str] | None) -> tuple[str, ...]:
    return (of_message,) if isinstance(of_message, str) else tuple(of_message or ())
