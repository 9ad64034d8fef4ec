"""Mutants put to the test: each in a copy of the shop, with the tests that are given."""

import json
import os
import queue
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.mutants import copied
from tests.mutation.mutants import Mutant

AT_ONCE = 2
AFTER_INTERRUPT_SECONDS = 30  # for a test to end the processes and databases that it started
PYTEST = ("-x", "-q", "-p", "no:cacheprovider", "--tb=line", "--no-header")
GONE = re.compile(r"ERROR: not found: |no tests ran")  # a mutant changed the name of a case of the test
KILLER = re.compile(r"(?m)^(?:FAILED|ERROR) (\S+\.py.*?)(?: - .*)?$")
PATIENCE_SECONDS = 3600
Asked = TypeVar("Asked")
Told = TypeVar("Told")


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant."""

    mutant: Mutant
    tests: int  # that could have noticed
    killer: str = ""  # the test that noticed, or that came to no end; empty for a survivor

    def __str__(self) -> str:
        fate = f"noticed by {self.killer}" if self.killer else f"SURVIVED {self.tests} tests"
        return f"{self.mutant}\n    {fate}"


class Tree:
    """A copy of the shop, and a Python in it that has the tests' libraries imported."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root.parent / "pytest.log"
        kept_apart = ("PYTHONPATH",)  # where the mutation tester is
        environment = {name: value for name, value in os.environ.items() if name not in kept_apart}
        compileall = (
            "compileall",
            "-q",
            "--invalidation-mode",
            "checked-hash",
            "webapp",
            "sandbox",
            "bot.py",
        )
        # Known by their text: of two mutants within a second, Python would take the second for the first.
        subprocess.run([sys.executable, "-m", *compileall], cwd=root, env=environment, check=True)
        self.server = subprocess.Popen(
            [sys.executable, str(root / "tests" / "mutation" / "warm.py")],
            cwd=root,
            env={**environment, "COLUMNS": "300"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # a line that was read ahead would not wake select
        )

    def close(self) -> None:
        assert self.server.stdin
        self.server.stdin.close()
        self.server.wait(AFTER_INTERRUPT_SECONDS)

    def pytest(self, *arguments: str, patience_seconds: float) -> int | None:
        """Run tests, and return pytest's exit code; None when they come to no end."""
        assert self.server.stdin
        self.server.stdin.write(json.dumps({"arguments": arguments, "log": str(self.log)}).encode() + b"\n")
        group = self._answer(AFTER_INTERRUPT_SECONDS)
        assert group, "the Python that runs the tests is gone"
        code = self._answer(patience_seconds)
        if code is None:
            self._end(group)
        return code

    def _end(self, group: int) -> None:
        for number in (signal.SIGINT, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(group, number)
            if self._answer(AFTER_INTERRUPT_SECONDS) is not None:
                return

    @contextmanager
    def planted(self, mutant: Mutant) -> Iterator[None]:
        file = self.root / mutant.file
        file.write_text(mutant.after, encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(mutant.before, encoding="utf-8")

    def _answer(self, seconds: float) -> int | None:
        assert self.server.stdout
        ready, _, _ = select.select([self.server.stdout], [], [], seconds)
        return int(self.server.stdout.readline()) if ready else None


def in_trees(root: Path, work: Callable[[Tree, Asked], Told], asked: Sequence[Asked]) -> Iterator[Told]:
    """Do work for each that is asked, several at once, each in a tree that is lent to it."""
    with ExitStack() as stack, ThreadPoolExecutor(AT_ONCE) as pool:
        free: queue.Queue[Tree] = queue.Queue()
        for _ in range(AT_ONCE):
            tree = Tree(stack.enter_context(copied(root)))
            stack.callback(tree.close)
            free.put(tree)

        def lend(one: Asked) -> Told:
            tree = free.get()
            try:
                return work(tree, one)
            finally:
                free.put(tree)

        yield from pool.map(lend, asked)


def failing(root: Path, tests: Sequence[str]) -> set[str]:
    """Return those of these tests that fail without any mutant: what they notice is none."""
    if not tests:
        return set()
    with copied(root) as copy:
        tree = Tree(copy)
        tree.pytest(*PYTEST[1:], *tests, patience_seconds=PATIENCE_SECONDS)
        tree.close()
        return set(KILLER.findall(tree.log.read_text(errors="replace")))


def judge(tree: Tree, mutant: Mutant, tests: Sequence[str], *, patience_seconds: float) -> Verdict:
    """Plant a mutant in a tree, and run tests until one fails."""
    if not tests:
        return Verdict(mutant, 0)
    with tree.planted(mutant):
        code = tree.pytest(*PYTEST, *tests, patience_seconds=patience_seconds)
        if code in {4, 5} and GONE.search(tree.log.read_text(errors="replace")):
            every_case = dict.fromkeys(test.partition("[")[0] for test in tests)
            code = tree.pytest(*PYTEST, *every_case, patience_seconds=patience_seconds)
    if code == 0:
        return Verdict(mutant, len(tests))
    if code is None:
        return Verdict(mutant, len(tests), f"the end that {tests[0]} or a test after it does not come to")
    said = tree.log.read_text(errors="replace")
    found = KILLER.search(said)
    return Verdict(mutant, len(tests), found[1] if found else said.strip().rpartition("\n")[2][:200])
