"""Files that the owner writes: parsed, or refused with the line that is wrong."""

import re
import tomllib
from collections.abc import Sequence
from typing import Any


class FileInvalid(ValueError):
    """The file was refused whole: where, which key, and why."""

    def __init__(self, line: int, key: str, reason: str) -> None:
        super().__init__(f"line {line}: {key}: {reason}")
        self.line = line
        self.key = key
        self.reason = reason


def parse(text: str) -> dict[str, Any]:
    """Return what a file holds.

    :raise FileInvalid: it is not TOML
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else len(text.splitlines())
        raise FileInvalid(line, "TOML", str(error)) from error


def line_of(lines: Sequence[str], key: str, begin: int) -> int:
    """Return the number of the first line after ``begin`` lines that gives a key or heads its table."""
    pattern = re.compile(rf"""\s*[\["']*{re.escape(key)}[\]"']*\s*(=|$|\.)""")
    numbered = enumerate(lines[begin:], start=begin + 1)
    return next((number for number, line in numbered if pattern.match(line)), begin + 1)
