"""Mutants of Python, which cosmic-ray makes.

Of the two tools that are kept up it also changes constants, decorators and what they decorate (routes,
commands, handlers), where mutmut changes plain functions alone. Each of its mutants is a text, which the
processes that a test starts run too.
"""

import ast
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path

import cosmic_ray.plugins
from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_code
from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import MutationSpec

from tests.mutation.mutants import Mutant, Place, draw, files

AT_ONCE = 2
# Never given for a comparison of values, nor taken for one: ruff refuses both (F632, E711).
IDENTITY = {"Is", "IsNot"}


def sample(root: Path, kept: Path, size: int, seed: int, prefix: str) -> list[Mutant]:
    """Draw mutants of the shop's Python.

    :param kept: a folder where it is remembered what can be changed in a file
    """
    names = files(root, prefix) if size else []
    with ProcessPoolExecutor(AT_ONCE) as pool:
        listed = pool.map(places, names, [root] * len(names), [kept] * len(names))
    drawn = draw((place for each in listed for place in each), seed)
    return list(islice(filter(None, (_made(root, *each) for each in drawn)), size))


def places(file: str, root: Path, kept: Path) -> list[Place]:
    """Return all that can be changed in a file."""
    source = (root / file).read_text(encoding="utf-8")
    session = kept / f"{hashlib.sha256((file + source).encode()).hexdigest()[:16]}.sqlite"
    if not session.exists():
        _list(root / file, session)
    work = WorkDB(session, WorkDB.Mode.open)
    specs = [spec for item in work.work_items for spec in item.mutations]
    work.close()
    hints = set(_annotations(source))
    return list(_grouped(file, (spec for spec in specs if spec.start_pos not in hints)))


def _list(file: Path, session: Path) -> None:
    session.parent.mkdir(parents=True, exist_ok=True)
    half = session.with_suffix(".half")
    half.unlink(missing_ok=True)
    work = WorkDB(half, WorkDB.Mode.create)
    init([file], work, {})
    work.close()
    half.replace(session)


def _grouped(file: str, specs: Iterator[MutationSpec]) -> Iterator[Place]:
    ways = defaultdict(list)
    for spec in specs:
        kind, _, change = spec.operator_name.removeprefix("core/").partition("_")
        if len(IDENTITY.intersection(change.split("_"))) != 1:
            ways[spec.start_pos, spec.end_pos, kind].append((spec.operator_name, spec.occurrence))
    for (start, end, kind), each in ways.items():
        yield Place(file, start, end, kind, tuple(sorted(each)))


def _annotations(source: str) -> Iterator[tuple[int, int]]:
    """Yield every position within a type hint: Python would stop at most mutants of "int | None"."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        for hint in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if not isinstance(hint, ast.expr) or hint.end_lineno is None or hint.end_col_offset is None:
                continue
            for line in range(hint.lineno, hint.end_lineno + 1):
                first = hint.col_offset if line == hint.lineno else 0
                last = hint.end_col_offset if line == hint.end_lineno else len(lines[line - 1])
                yield from ((line, column) for column in range(first, last))


def _made(root: Path, place: Place, way: tuple[str, int]) -> Mutant | None:
    """Return a mutant, unless it is no Python: the stars of f(**facts) count as an operator."""
    name, occurrence = way
    before = (root / place.file).read_text(encoding="utf-8")
    after = mutate_code(before, cosmic_ray.plugins.get_operator(name)(), occurrence) or before
    with suppress(SyntaxError):
        ast.parse(after)
        return Mutant(place.file, place.start[0], name.removeprefix("core/"), before, after)
    return None
