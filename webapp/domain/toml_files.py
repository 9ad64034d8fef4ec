"""Files that the owner writes: parsed, or refused with the line that is wrong."""

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from typing import Any

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


class FileInvalid(ValueError):
    """The file was refused whole: where, which key, and why."""

    def __init__(self, line: int, key: str, reason: str) -> None:
        super().__init__(f"line {line}: {key}: {reason}")
        self.line = line
        self.key = key
        self.reason = reason


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


def unwanted(text: str) -> str:
    """Name the first character that has no place in a text that people read; nothing if all is well."""
    for place, one in enumerate(text, start=1):
        if not (one.isprintable() or one in UNSEEN or unicodedata.category(one) == "Zs"):
            name = unicodedata.name(one, "a control character")
            return f"character {place} is U+{ord(one):04X} ({name}), which has no place in a text"
    return ""
