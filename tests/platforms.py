"""``make platforms``: every lock tried for every machine and Python, which needs the package index alone."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
LINUX = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28")
MACOS = ("aarch64-apple-darwin", "x86_64-apple-darwin")
MUSL = ("x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl")
WINDOWS = ("x86_64-pc-windows-msvc",)
# PostgreSQL and Chromium for the tests are built for glibc and macOS alone; make test says so elsewhere.
MACHINES = {
    "requirements.txt": LINUX + MACOS + MUSL + WINDOWS,
    "sandbox/requirements.txt": LINUX + MACOS + MUSL + WINDOWS,
    "requirements-dev.txt": LINUX + MACOS,
    "tests/mutation/requirements.txt": LINUX + MACOS,
}
EXACTLY = ("--no-deps", "--require-hashes", "--only-binary", ":all:", "--quiet", "--dry-run")


@dataclass(frozen=True)
class Trial:
    """A lock on a machine with a Python."""

    lock: str
    machine: str
    python: str

    def problem(self) -> str:
        """Return why the lock could not be installed there; nothing if it could."""
        with tempfile.TemporaryDirectory() as folder:
            there = ("--python-platform", self.machine, "--python-version", self.python, "--target", folder)
            uv = [sys.executable, "-m", "uv", "pip", "install", *EXACTLY, *there, "-r", str(ROOT / self.lock)]
            ended = subprocess.run(uv, capture_output=True, text=True)
        return ended.stderr.strip() if ended.returncode else ""


def trials(pythons: tuple[str, ...] = PYTHONS) -> Iterator[Trial]:
    """Yield everything that has to be installable."""
    for lock, machines in MACHINES.items():
        for machine in machines:
            yield from (Trial(lock, machine, python) for python in pythons)


def main() -> int:
    """Try everything, and say of each whether it could be installed."""
    failed = 0
    with ThreadPoolExecutor(4) as pool:
        every = list(trials())
        for trial, problem in zip(every, pool.map(Trial.problem, every), strict=True):
            print(f"{trial.lock:26} {trial.machine:28} {trial.python}  {problem or 'all there'}", flush=True)
            failed += bool(problem)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
