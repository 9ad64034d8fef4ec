"""Mutants: a file of the shop with one small change in it, and how a sample of them is drawn."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """Something in a file that can be changed, in one way or in several."""

    file: str
    start: tuple[int, int]  # line, column
    end: tuple[int, int]
    kind: str  # what is changed there, as the tool calls it
    ways: tuple[tuple[str, int], ...]  # how the tool is told to change it


@dataclass(frozen=True)
class Mutant:
    """A change that is made in a copy of the shop."""

    file: str
    line: int
    kind: str
    before: str  # the whole file
    after: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.kind}: {self.was} => {self.becomes}"

    @property
    def was(self) -> str:
        """The lines that are changed, without indentation, on one line."""
        return _joined(self._changed("-"))

    @property
    def becomes(self) -> str:
        return _joined(self._changed("+"))

    @property
    def diff(self) -> str:
        lines = unified_diff(
            self.before.splitlines(), self.after.splitlines(), self.file, self.file, lineterm=""
        )
        return "\n".join(lines)

    def _changed(self, sign: str) -> Iterable[str]:
        lines = unified_diff(self.before.splitlines(), self.after.splitlines(), lineterm="", n=0)
        return (line[1:] for line in lines if line.startswith(sign) and line[1:3] != sign * 2)


def draw(places: Iterable[Place], seed: int) -> Iterator[tuple[Place, tuple[str, int]]]:
    """Draw places one after another, each with the same chance, and one way to change each.

    Not every way counts the same: an operator has eleven, and would crowd out what has one.
    """
    chance = random.Random(seed)
    listed: Sequence[Place] = sorted(
        places, key=lambda place: (place.file, place.start, place.end, place.kind)
    )
    for place in chance.sample(listed, len(listed)):
        yield place, chance.choice(place.ways)


def files(root: Path, prefix: str = "") -> list[str]:
    """Return the Python files of the shop beneath a folder, or one file of it."""
    found = [*(root / "webapp").rglob("*.py"), root / "bot.py"]
    names = (file.relative_to(root).as_posix() for file in found)
    return sorted(name for name in names if name.startswith(prefix))


def _joined(lines: Iterable[str]) -> str:
    return " ".join(line.strip() for line in lines)
