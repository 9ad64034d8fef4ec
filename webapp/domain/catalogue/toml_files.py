"""Files that the owner writes: parsed, or refused with the line that is wrong."""

import re
import tomllib
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from webapp.i18n import languages

# Editors leave these between words, where TOML wants plain spaces; texts and comments keep theirs.
SPACES = "\u00a0\u2007\u2009\u202f\u3000\ufeff"
KEPT_OR_SPACE = re.compile(
    r'"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|' + r"'''[\s\S]*?'''|'[^'\n]*'|#[^\n]*" + f"|([{SPACES}])"
)
# Unseen, and wanted: joiners, soft hyphens and direction marks that some languages cannot do without, and the
# letters in the flags of countries' parts.
UNSEEN = frozenset("\u200c\u200d\u2060\u00ad\u200e\u200f\u061c") | {
    chr(0xE0000 + code) for code in range(0x20, 0x80)
}


Result = TypeVar("Result")


class FileInvalid(ValueError):
    """The file was refused whole: where, which key, and why; and where else, as far as that was seen."""

    def __init__(self, line: int, key: str, reason: str) -> None:
        super().__init__(f"line {line}: {key}: {reason}")
        self.line = line
        self.key = key
        self.reason = reason
        self.others: tuple[FileInvalid, ...] = ()

    @property
    def faults(self) -> tuple["FileInvalid", ...]:
        """Everything that was found wrong, this first."""
        return (self, *self.others)


@dataclass
class Faults:
    """What was found wrong with a file so far; reading goes on, so that its owner hears of all of it."""

    found: list[FileInvalid] = field(default_factory=list)

    def without(self, read: Callable[[], Result]) -> Result | None:
        """Return what is read, or note why it cannot be."""
        try:
            return read()
        except FileInvalid as fault:
            self.found += fault.faults
            return None

    def every(self, read: Callable[[int], Result], count: int) -> list[Result]:
        """Return each of so many, as far as they can be read."""
        results = [self.without(partial(read, index)) for index in range(count)]
        return [result for result in results if result is not None]

    def stop(self) -> None:
        """Do nothing if nothing is wrong.

        :raise FileInvalid: the first thing that is, and all others with it
        """
        if self.found:
            # Read twice, as broken TOML is, it is still one fault.
            known = {str(fault): fault for fault in self.found}
            first, *others = sorted(known.values(), key=lambda fault: fault.line)
            first.others = tuple(others)
            raise first


Refuse = Callable[[str, str], FileInvalid]  # of a key, for a reason


@dataclass(frozen=True)
class Tables:
    """The tables of one name, such as [[products]], together with the lines that their keys stand on."""

    name: str
    identity: str  # the key by which people know one of them
    lines: Sequence[str]
    rows: Sequence[dict[str, Any]]

    def line(self, index: int, key: str) -> int:
        """Return the line of a key in the index-th table, or of the table's head."""
        heads = [number for number, line in enumerate(self.lines) if re.match(r"\s*\[\[", line)]
        own = [number for number in heads if re.match(rf"\s*\[\[\s*{self.name}\s*\]\]", self.lines[number])]
        head = own[index] if index < len(own) else 0
        end = next((number for number in heads if number > head), len(self.lines))
        named = line_of(self.lines, key, head)
        return named if head < named <= end else head + 1

    def error(self, index: int, key: str, reason: str) -> FileInvalid:
        return FileInvalid(self.line(index, key), key, reason)

    def error_in_translation(self, index: int, code: str, key: str, reason: str) -> FileInvalid:
        """Return the refusal of a translated text, or with no key of the whole translation."""
        row, name = self.rows[index], f"translations.{code}"
        line = self.line(index, f"{self.name}.{name}")
        if key in row["translations"][code]:
            line = line_of(self.lines, key, line)
        return FileInvalid(line, f"{row[self.identity]}, {name}{key and '.'}{key}", reason)


def parse(text: str) -> dict[str, Any]:
    """Return what a file holds; spaces of another kind than TOML's separate words as well.

    :raise FileInvalid: it is not TOML
    """
    try:
        return tomllib.loads(KEPT_OR_SPACE.sub(lambda found: " " if found[1] else found[0], text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else len(text.splitlines())
        raise FileInvalid(line, "TOML", str(error)) from error


def line_of(lines: Sequence[str], key: str, begin: int) -> int:
    """Return the number of the first line after ``begin`` lines that gives a key or heads its table."""
    pattern = re.compile(rf"""\s*[\["']*{re.escape(key)}[\]"']*\s*(=|$|\.)""")
    numbered = enumerate(lines[begin:], start=begin + 1)
    return next((number for number, line in numbered if pattern.match(line)), begin + 1)


def read_text(table: dict[str, Any], key: str, longest: int, refuse: Refuse) -> str:
    """Return a text that people read.

    :raise FileInvalid: it is none, is empty or too long, or holds what has no place in a text
    """
    value = table[key]
    if not isinstance(value, str) or not value.strip():
        raise refuse(key, "must be a text that is not empty")
    if len(value) > longest:
        raise refuse(key, f"has {len(value)} characters; Telegram and the page take at most {longest}")
    if reason := unwanted(value):
        raise refuse(key, reason)
    return value


def read_texts(table: dict[str, Any], key: str, longest: int, refuse: Refuse) -> list[str]:
    """Return a list of texts that people read, empty if there is none."""
    values = table.get(key, [])
    if not isinstance(values, list):
        raise refuse(key, "must be a list of texts")
    return [read_text({key: value}, key, longest, refuse) for value in values]


def read_number(table: dict[str, Any], key: str, largest: int, refuse: Refuse, *, smallest: int = 1) -> int:
    """Return a whole number within its bounds."""
    value = table[key]
    if not isinstance(value, int) or isinstance(value, bool) or not smallest <= value <= largest:
        raise refuse(key, f"must be a whole number from {smallest} to {largest}")
    return value


def read_days(table: dict[str, Any], key: str, usual: int, largest: int, refuse: Refuse) -> int:
    """Return a number of days, or the usual one where there is none."""
    return read_number(table, key, largest, refuse, smallest=0) if key in table else usual


def read_flag(table: dict[str, Any], key: str, refuse: Refuse) -> bool:
    """Return whether something is so; it is, unless the table says no."""
    value = table.get(key, True)
    if not isinstance(value, bool):
        raise refuse(key, "must be true or false")
    return value


def translations(tables: Tables, index: int) -> dict[str, dict[str, Any]]:
    """Return the translations of a table, by the language's code.

    :raise FileInvalid: they are no tables, or one is in a language that the shop does not speak
    """
    row = tables.rows[index]
    found = row.get("translations", {})
    if not isinstance(found, dict) or not all(isinstance(words, dict) for words in found.values()):
        raise tables.error(index, "translations", f"must be tables such as [{tables.name}.translations.ru]")
    known = languages.all_()
    stranger = next((code for code in found if code not in known), None)
    if stranger is not None:
        reason = f"the shop does not speak it; it speaks {', '.join(known)}"
        raise tables.error_in_translation(index, stranger, "", reason)
    return found


def quoted(text: str) -> str:
    """Return a text that people read as TOML writes it."""
    # Such texts hold no control characters, so these two are all that TOML wants escaped.
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unwanted(text: str) -> str:
    """Name the first character that has no place in a text that people read; nothing if all is well."""
    for place, one in enumerate(text, start=1):
        if not (one.isprintable() or one in UNSEEN or unicodedata.category(one) == "Zs"):
            name = unicodedata.name(one, "a control character")
            return f"character {place} is U+{ord(one):04X} ({name}), which has no place in a text"
    return ""
