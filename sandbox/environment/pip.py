"""pip at work: what it does, told while it does it; why it failed, in one sentence."""

import os
import platform
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox.environment import locks
from sandbox.environment.errors import CannotInstall
from sandbox.environment.folder import PACKAGES, ROOT, stamp, write_stamp

HEARTBEAT_SECONDS = 4.0
COST = {
    "run": "20 s and 30 MB",
    "test": "a minute and 150 MB",
}  # measured with two cores; the network comes on top
MODULE = (sys.executable, "-I", "-m")
OPTIONS = ("--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile", "--progress-bar", "off")
# Whatever a person's pip is set up for, this one fills .venv and says what it does.
SETTINGS = {"PIP_USER": "0", "PIP_QUIET": "0", "PIP_VERBOSE": "0"}
ELSEWHERE = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_CONSTRAINT", "PIP_REQUIREMENT")
# What pip says when it fails, and what that means. The first that fits is told.
FAILURES = (
    (r"No space left on device|Disk quota exceeded", "The disk is full. Make room, then start again."),
    (r"Permission denied|Read-only file system", "The folder .venv cannot be written to. Make it yours."),
    (
        r"DO NOT MATCH THE HASHES[\s\S]+?\n +(\S+?)==",
        "The package index sends another {0} than the lock names: the hashes differ. Nothing was installed.",
    ),
    (r"HTTP error (\d+) while getting (\S+)", "The package index answers {0} for {1}. Try again later."),
    (r"SOCKS support", "pip cannot use the SOCKS proxy in ALL_PROXY. Name an HTTP proxy in HTTPS_PROXY."),
    (
        r"(?i)proxyerror|proxy url|proxy scheme|tunnel connection",
        "The proxy in HTTPS_PROXY or ALL_PROXY refuses.",
    ),
    (r"CERTIFICATE_VERIFY_FAILED", "The package index shows a certificate that this machine does not trust."),
    (
        r"Retrying \(Retry|ConnectionError|timed out",
        "The package index cannot be reached. Is there a network?",
    ),
    (
        r"No matching distribution found for (\S+)",
        f"The package index has no {{0}} for Python {platform.python_version()} on {platform.machine()}.",
    ),
)


def install(purpose: str, unwanted: set[str]) -> None:
    """Install exactly what a purpose's locks name, and remove what they name no more.

    :raise CannotInstall: nothing was changed, or .venv is unfinished and the next start makes it anew
    """
    names = locks.names(purpose)
    print(
        f"Installing {len(names)} packages into .venv. The first time, that is about {COST[purpose]}.",
        flush=True,
    )
    files = [option for file in locks.FILES[purpose] for option in ("-r", str(ROOT / file))]
    with _heartbeat() as doing:
        _run(doing, "install", *OPTIONS, *files)
        if unwanted:
            _run(doing, "uninstall", "--yes", *sorted(unwanted))
        doing.words = "compiling them, about 5 s"
        subprocess.run([*MODULE, "compileall", "-q", "-j", "0", str(PACKAGES)], stdout=subprocess.DEVNULL)
        _check(names)
    print("Installed.", flush=True)


@dataclass
class _Doing:
    """What goes on, for people who wait."""

    words: str = "looking the packages up"
    fetched: int = 0
    total: int = 0
    before: int = 0

    def follow(self, line: str) -> None:
        """Learn from a line of pip what it does now."""
        if line.startswith("Collecting "):
            self.fetched += 1
            self.words = f"fetching {line.split()[1]}, package {self.fetched}"
        elif line.startswith("Installing collected packages"):
            # From here on a package can be half there, which pip itself would not notice.
            write_stamp({**stamp(), "unfinished": True})
            self.total, self.before = line.count(",") + 1, _installed()

    def __str__(self) -> str:
        if not self.total or self.words.startswith("compiling"):
            return self.words
        return f"installing {min(_installed() - self.before, self.total)} of {self.total} packages"


def _installed() -> int:
    return sum(1 for _each in PACKAGES.glob("*.dist-info"))


@contextmanager
def _heartbeat() -> Iterator[_Doing]:
    """Say every few seconds what goes on."""
    began, over, doing = time.monotonic(), threading.Event(), _Doing()

    def beat() -> None:
        while not over.wait(HEARTBEAT_SECONDS):
            print(f"{time.monotonic() - began:4.0f} s  {doing}", flush=True)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield doing
    finally:
        over.set()
        thread.join()


def _run(doing: _Doing, *arguments: str) -> None:
    with _pip(*arguments) as process:
        said = []
        for line in process.stdout or ():
            said.append(line)
            doing.follow(line)
    if process.returncode:
        raise CannotInstall(_reason("".join(said)))


def _pip(*arguments: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    return subprocess.Popen(
        [*MODULE, "pip", "--disable-pip-version-check", "--no-input", *arguments],
        env={"PIP_RETRIES": "2", **environment, **SETTINGS},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def _reason(said: str) -> str:
    for pattern, sentence in FAILURES:
        if found := re.search(pattern, said):
            return sentence.format(*found.groups())
    return f"{said[-2000:]}\npip could not install the packages. What it said stands above."


def _check(names: set[str]) -> None:
    """Have pip confirm that nothing is missing, for what the locks name; the rest is not ours."""
    with _pip("check") as process:
        said = process.stdout.read() if process.stdout else ""
    ours = [line for line in said.splitlines() if re.sub("[-_.]+", "-", line.split(" ")[0].lower()) in names]
    if process.returncode and ours:
        raise CannotInstall(
            f"The locks are not whole: {ours[0].rstrip('.')}. Bring them back with git checkout."
        )
