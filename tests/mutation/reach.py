"""Which tests run a line, as coverage.py saw it while each test ran.

What was seen of a test file is kept until that file or the shop changes.
"""

import ast
import hashlib
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from coverage import CoverageData

from tests.mutants import FAILED, TESTS_FAILED, copied
from tests.mutation.mutants import Mutant, files

# Tests that run the shop in their own process. What starts processes and browsers besides is seen by nobody.
FOLDERS = ("tests/domain", "tests/views", "tests/bot", "tests")
WITH_PROCESSES = ("tests", "tests/e2e")
AT_ONCE = 10  # files measured by one run of pytest
SETTINGS = "[run]\nsource = .\nomit = tests/*\n    sandbox/*\n    bench/*\n    migrations/*\n"
# Tests that read the shop's text, and run none of it.
READERS = ("tests/test_repository.py::test_values_that_travel_are_frozen",)
LONGEST_SECONDS = 60.0  # of tests for one mutant, by what they take without one
FILE_SECONDS = 120.0  # for a file whose tests were not measured one by one
FILES_THAT_NAME_IT = 2


@dataclass
class Reach:
    """The lines of the shop with the tests that run them, and how long each test takes."""

    tests: dict[str, dict[int, set[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(set))
    )
    seconds: dict[str, float] = field(default_factory=dict)
    breadth: dict[str, int] = field(default_factory=dict)  # how many lines a test runs
    texts: dict[str, str] = field(default_factory=dict)  # of files with tests, those that start processes too
    shop: dict[str, str] = field(default_factory=dict)  # the shop's own files

    def add(self, seen: dict[str, Any]) -> None:
        for test, (seconds, lines) in seen["tests"].items():
            self.seconds[test] = seconds
            self.breadth[test] = sum(map(len, lines.values()))
            for file, numbers in lines.items():
                for number in numbers:
                    self.tests[file][number].add(test)

    def of(self, mutant: Mutant) -> list[str]:
        """Return the tests that run a mutant's statement: on SQLite first, those of its module first.

        What runs when the module is imported can be noticed where it is used: a constant by tests that run a
        line with its name. Where none was seen, since only processes that a test starts run the line, it is
        any test of the module, and then whole files that name it.
        """
        noun = PurePath(mutant.file).stem
        seen = set().union(*(self.tests[file].get(line, ()) for file, line in self._lines(mutant)))
        found = seen or {test for tests in self.tests[mutant.file].values() for test in tests}
        ranked = sorted(
            found, key=lambda test: (noun not in test, self.seconds[test], self.breadth[test], test)
        )
        # A server of PostgreSQL takes seconds to start: most mutants are noticed before.
        chosen = sorted(self._affordable(ranked), key=lambda test: "postgresql" in test)
        return [*READERS, *chosen, *([] if seen else self._naming(noun))]

    def patience_seconds(self, tests: Sequence[str]) -> float:
        return 60 + 5 * sum(self.seconds.get(test, FILE_SECONDS) for test in tests)

    def _lines(self, mutant: Mutant) -> Iterator[tuple[str, int]]:
        tree = ast.parse(mutant.before)
        if _within(tree, mutant.line):
            yield from ((mutant.file, line) for line in _statement(tree, mutant.line))
            return
        for name in _constants(tree, mutant.line):
            for file, text in self.shop.items():
                lines = enumerate(text.splitlines(), 1)
                yield from ((file, number) for number, line in lines if re.search(rf"\b{name}\b", line))

    def _naming(self, noun: str) -> list[str]:
        often = {file: len(re.findall(rf"\b{noun}\b", text)) for file, text in self.texts.items()}
        return sorted(filter(often.get, often), key=lambda file: -often[file])[:FILES_THAT_NAME_IT]

    def _affordable(self, ranked: Sequence[str]) -> Iterator[str]:
        spent = 0.0
        for test in ranked:
            spent += self.seconds[test]
            if spent > LONGEST_SECONDS:
                return
            yield test


def measure(root: Path, kept: Path) -> Reach:
    """Return which tests run which lines; only the files that changed since the last time are measured."""
    shop = _digest(root, files(root))
    names = [name for folder in FOLDERS for name in sorted(map(str, _tests(root, folder)))]
    known = {name: _read(kept, name) for name in names}
    digests = {name: _digest(root, [name]) + shop for name in names}
    stale = [name for name in names if known[name].get("of") != digests[name]]
    for first in range(0, len(stale), AT_ONCE):
        some = stale[first : first + AT_ONCE]
        print(
            f"Seeing which lines are run by {some[0]} and {len(some) - 1} more, of {len(stale)} files",
            flush=True,
        )
        for name, tests in _run(root, some).items():
            known[name] = {"of": digests[name], "tests": tests}
            _write(kept, name, known[name])
    reach = Reach()
    for name in names:
        reach.add(known[name])
    others = (file for folder in WITH_PROCESSES for file in _tests(root, folder))
    reach.texts = {str(file): (root / file).read_text(encoding="utf-8") for file in others}
    reach.shop = {name: (root / name).read_text(encoding="utf-8") for name in files(root)}
    return reach


def _within(tree: ast.AST, line: int) -> bool:
    """Tell whether a line waits in a function until that is called."""
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return any(each.body[0].lineno <= line <= (each.end_lineno or 0) for each in functions)


def _statement(tree: ast.AST, line: int) -> range:
    """Return the lines of the innermost statement; of one with a body, those before that."""
    found = range(line, line + 1)
    for node in ast.walk(tree):  # from the outermost to the innermost
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = body[0].lineno if body else (node.end_lineno or node.lineno) + 1
            found = range(node.lineno, end) if line in range(node.lineno, end) else found
    return found


def _constants(tree: ast.Module, line: int) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.lineno <= line <= (node.end_lineno or 0):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (each.id for each in targets if isinstance(each, ast.Name))


def _tests(root: Path, folder: str) -> Iterable[Path]:
    return (file.relative_to(root) for file in (root / folder).glob("test_*.py"))


def _run(root: Path, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return of each test of these files how long it took, and the lines that it ran."""
    with copied(root) as tree:
        (tree / "coverage.ini").write_text(SETTINGS, encoding="utf-8")
        cov = ("--cov", "--cov-context=test", "--cov-report=", "--cov-config=coverage.ini")
        workers = ("--numprocesses=2", "--dist=worksteal", "-p", "tests.mutation.seconds")
        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=line", *cov, *workers]
        ended = subprocess.run([*pytest, *names], cwd=tree, capture_output=True, text=True)
        if ended.returncode not in {0, TESTS_FAILED}:
            sys.exit(f"The tests could not be run:\n{ended.stdout[-3000:]}{ended.stderr[-1000:]}")
        for line in FAILED.finditer(ended.stdout):
            print(f"{line[1]} fails without any mutant, and is left out.", flush=True)
        seconds = json.loads((tree / "seconds.json").read_text(encoding="utf-8"))
        return _split(tree, names, seconds)


def _split(tree: Path, names: Sequence[str], seconds: dict[str, float]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    for test, took in seconds.items():
        found[test.partition("::")[0]][test] = (round(took, 3), defaultdict(list))
    data = CoverageData(str(tree / ".coverage"))
    data.read()
    for file in data.measured_files():
        name = Path(file).relative_to(tree).as_posix()
        for line, contexts in data.contexts_by_lineno(file).items():
            for test in {context.rpartition("|")[0] for context in contexts} & seconds.keys():
                found[test.partition("::")[0]][test][1][name].append(line)
    return found


def _digest(root: Path, names: Iterable[str]) -> str:
    told = hashlib.sha256()
    for name in names:
        told.update(name.encode() + b"\0" + (root / name).read_bytes())
    return told.hexdigest()[:16]


def _read(kept: Path, name: str) -> dict[str, Any]:
    try:
        seen: dict[str, Any] = json.loads(_file(kept, name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"tests": {}}
    return seen


def _write(kept: Path, name: str, seen: dict[str, Any]) -> None:
    _file(kept, name).parent.mkdir(parents=True, exist_ok=True)
    _file(kept, name).write_text(json.dumps(seen), encoding="utf-8")


def _file(kept: Path, name: str) -> Path:
    return kept / f"{name.replace('/', '.')}.json"
