"""Defects planted one at a time into a copy of the shop, each of which a test has to catch.

``python -m tests.mutants`` plants all of ``mutants/``, ``--only NAME`` one; ``--list`` names them. There
``old`` stands exactly once in the file, and ``killers`` are the tests that catch it, the quickest first.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.kit.processes import ROOT

DEFECTS = Path(__file__).with_suffix("")  # a file for each part of the shop
AT_ONCE = 2
PATIENCE_SECONDS = 300
PYTEST = (sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=no")
TESTS_FAILED = 1  # of pytest's exit codes: tests were collected and run, and some failed
FAILED = re.compile(r"(?m)^FAILED (.+?)(?: - (.*))?$")


class Spoilt(Exception):
    """Nothing was shown, neither that a defect is caught nor that it is not."""


@dataclass(frozen=True)
class Mutant:
    """A defect, and the tests that are meant to catch it."""

    name: str
    what: str  # one sentence
    violates: list[str]  # names of guarantees and faults, or what else people rely on
    file: str
    old: str
    new: str
    killers: list[str]  # node ids, the quickest first

    def planted(self, root: Path) -> str:
        """Return the text of its file with the defect in it.

        :raise Spoilt: the file changed, so that nobody knows where the defect belongs
        """
        text = (root / self.file).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise Spoilt(f"{self.name} is stale: its old text is {text.count(self.old)} times in {self.file}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Verdict:
    """What became of a planted defect."""

    mutant: Mutant
    killer: str | None = None
    why: str = ""

    def __str__(self) -> str:
        fate = f"killed by {self.killer}" if self.killer else "SURVIVED"
        return f"{self.mutant.name}: {fate}{f' ({self.why})' if self.why else ''}"


def load() -> list[Mutant]:
    """Return every defect that is known."""
    files = [tomllib.loads(file.read_text(encoding="utf-8")) for file in sorted(DEFECTS.glob("*.toml"))]
    return [Mutant(**facts) for file in files for facts in file["mutant"]]


def plant_all(mutants: Sequence[Mutant], root: Path = ROOT) -> Iterator[Verdict]:
    """Plant each defect in a copy of its own, and say as they come which test caught it."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(partial(_plant, root=root), mutants)


def failure(tree: Path, tests: Sequence[str], *, patience_seconds: float) -> tuple[str, str] | None:
    """Return the first of these tests that fails in a tree, and why; None when all pass.

    :raise Spoilt: they could not be run, or came to no end
    """
    if not tests:  # pytest would take that for all of them
        return None
    code, said = _run([*PYTEST, *tests], tree, patience_seconds)
    found = FAILED.search(said)
    if code == 0:
        return None
    if code != TESTS_FAILED or not found:
        raise Spoilt(f"no test failed, and yet pytest ended with {code}:\n{said[-2000:]}")
    return found[1], found[2] or ""


@contextmanager
def copied(root: Path) -> Iterator[Path]:
    """Have a copy of a tree as long as the block runs, without what git would leave out."""
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    left_out = shutil.ignore_patterns(".git", *(line.rstrip("/") for line in lines))
    with tempfile.TemporaryDirectory(prefix="starfront-mutant-") as folder:
        yield shutil.copytree(root, Path(folder) / "shop", ignore=left_out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant what was asked for; the exit code says whether everything was caught."""
    asked = _asked(arguments)
    mutants = [one for one in load() if not asked.only or one.name in asked.only]
    if asked.list:
        print("\n".join(f"{one.name}: {one.what} ({', '.join(one.violates)})" for one in mutants))
        return 0
    with copied(ROOT) as tree:
        # A test that fails anyway would seem to catch everything.
        tests = sorted({test for one in mutants for test in one.killers})
        fails_anyway = failure(tree, tests, patience_seconds=PATIENCE_SECONDS * len(mutants))
    if fails_anyway:
        sys.stderr.write(f"{fails_anyway[0]} fails without any defect: {fails_anyway[1]}\n")
        return 1
    killed = 0
    for verdict in plant_all(mutants):
        print(verdict, flush=True)
        killed += verdict.killer is not None
    print(f"{len(mutants)} planted, {killed} killed")
    return 0 if killed == len(mutants) > 0 else 1


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", metavar="NAME", action="append", help="this defect; may be repeated")
    parser.add_argument("--list", action="store_true", help="say what the defects are, and plant none")
    return parser.parse_args(arguments)


def _plant(mutant: Mutant, root: Path) -> Verdict:
    with copied(root) as tree:
        (tree / mutant.file).write_text(mutant.planted(tree), encoding="utf-8")
        try:
            caught = failure(tree, mutant.killers, patience_seconds=PATIENCE_SECONDS)
        except Spoilt as reason:
            return Verdict(mutant, why=str(reason))
    return Verdict(mutant, *caught) if caught else Verdict(mutant)


def _run(command: Sequence[str], tree: Path, patience_seconds: float) -> tuple[int, str]:
    """Return the exit code of a command and what it said."""
    # Wide enough for pytest to say why a test failed.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "300"}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=tree, env=environment, stdout=pipe, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            said, _ = process.communicate(timeout=patience_seconds)
        except subprocess.TimeoutExpired as error:
            # Asked to end, it ends the databases and processes that its tests started.
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=60)
            process.kill()
            raise Spoilt(f"no verdict within {patience_seconds} s") from error
    return process.returncode, said


if __name__ == "__main__":
    sys.exit(main())
