"""docs/proofs.md, written from the markers on the tests: ``python -m tests.proofs``."""

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from tests.kit.processes import ROOT

GUARANTEES, FAILURES, PROOFS = (ROOT / "docs" / f"{name}.md" for name in ("guarantees", "failures", "proofs"))
PLACE = re.compile(r"`([\w./-]+\.(?:py|txt))(?:::(\w+))?`")
HEAD = """# What proves it

`make proofs` writes this page from the markers on the tests, such as `@pytest.mark.proves("I1", "F24")`; the
tests fail while it is stale. *Held by* is written by hand, follows code that moves, and has to exist.
The numbers are those of [guarantees.md](guarantees.md) (I) and [failures.md](failures.md) (F, S, T).
"""


def promises() -> dict[str, str]:
    """Return the title of every promise by its number."""
    return dict(re.findall(r"(?m)^### (I\d+): (.+)$", GUARANTEES.read_text(encoding="utf-8")))


def failures() -> dict[str, list[str]]:
    """Return the cells of every row of the catalogue by its number."""
    lines = re.findall(r"(?m)^\| ([FST]\d+) \| (.+) \|$", FAILURES.read_text(encoding="utf-8"))
    return {number: [cell.strip() for cell in f" {cells} ".split(" | ")] for number, cells in lines}


def held_by() -> dict[str, str]:
    """Return what is written by hand about the code that keeps each promise."""
    text = PROOFS.read_text(encoding="utf-8") if PROOFS.exists() else ""
    return dict(re.findall(r"(?ms)^## (I\d+): [^\n]+\n\n(Held by .+?)\n\n", text))


@cache
def marked(root: Path = ROOT) -> dict[str, list[str]]:
    """Return the tests that prove each number, as ``file::test``."""
    proofs: dict[str, list[str]] = {}
    for file in sorted((*root.glob("tests/**/test_*.py"), *root.glob("examples/*/tests/test_*.py"))):
        source = file.read_text(encoding="utf-8")
        for test, numbers in _marks(source) if "mark.proves" in source else ():
            for number in numbers:
                proofs.setdefault(number, []).append(f"{file.relative_to(root).as_posix()}::{test}")
    return {number: sorted(tests) for number, tests in proofs.items()}


def exists(file: str, name: str) -> bool:
    """Tell whether there is such a file, and in it a function or class of this name, where one is named."""
    there = ROOT / file
    defined = rf"(?m)^ *(?:async )?(?:def|class) {name}\b"
    return there.is_file() and (not name or bool(re.search(defined, there.read_text(encoding="utf-8"))))


def page() -> str:
    """Return docs/proofs.md as it is to be."""
    proofs, held = marked(), held_by()
    parts = [HEAD]
    for number, title in promises().items():
        parts.append(
            _part(number, title, _followed(held.get(number, "Held by nothing yet.")), proofs.get(number, ()))
        )
    for number, cells in failures().items():
        if number in proofs:
            parts.append(_part(number, _title(cells), "", proofs[number]))
    return "\n".join(parts)


def _followed(held: str) -> str:
    """Return what holds a promise, with whatever has moved to one other file found there."""
    for file, name in PLACE.findall(held):
        if name and not exists(file, name):
            there = [str(one.relative_to(ROOT)) for one in ROOT.glob("webapp/**/*.py")]
            found = [one for one in there if exists(one, name)]
            held = held.replace(f"`{file}::{name}`", f"`{found[0]}::{name}`") if len(found) == 1 else held
    return held


def _title(cells: Sequence[str]) -> str:
    return cells[1] if cells[0].startswith("`make ") else cells[0]


def _part(number: str, title: str, held: str, tests: Sequence[str]) -> str:
    lines = [f"## {number}: {title}", "", *([held, ""] if held else ()), *(f"- `{test}`" for test in tests)]
    return "\n".join(lines) + "\n"


def _marks(source: str) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(ast.parse(source)):
        for made in getattr(node, "decorator_list", ()):
            if isinstance(made, ast.Call) and ast.unparse(made.func) == "pytest.mark.proves":
                yield node.name, [ast.literal_eval(number) for number in made.args]


def main(file: Path = PROOFS) -> None:
    file.write_text(page(), encoding="utf-8")
    print(f"{file.relative_to(ROOT)} is written.", file=sys.stderr)


if __name__ == "__main__":
    main()
