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
from sandbox.environment.errors import CannotInstall, NothingChanged
from sandbox.environment.folder import PACKAGES, ROOT

HEARTBEAT_SECONDS = 4.0
COST = {
    "run": "20 s and 30 MB",
    "test": "a minute and 150 MB",
}  # measured with two cores; the network comes on top
MODULE = (sys.executable, "-I", "-m")
WHEELS = ("--no-deps", "--only-binary=:all:", "--progress-bar=off")
EXACTLY = ("--require-hashes", "--no-compile", "--retries=3")
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
    (r"HTTP error (\d+) while getting ([^\s#]+)", "The package index answers {0} for {1}. Try again later."),
    (
        r"(\d+) (?:Client|Server) Error: .* for url: (\S+)",
        "The package index answers {0} for {1}. Try again later.",
    ),
    (r"SOCKS support", "pip cannot use the SOCKS proxy in ALL_PROXY. Name an HTTP proxy in HTTPS_PROXY."),
    (
        r"(?i)proxyerror|proxy connection|proxyurl|proxy url|proxy scheme|tunnel connection",
        "The proxy in HTTPS_PROXY or ALL_PROXY refuses, or its address is wrong.",
    ),
    (r"CERTIFICATE_VERIFY_FAILED", "The package index shows a certificate that this machine does not trust."),
    (r"(?i)connection ?error|timed out", "The package index cannot be reached. Is there a network?"),
)
NOTHING = re.compile(r"No matching distribution found for (\S+)")  # said of any trouble with the index, too


def install(purpose: str, unwanted: set[str]) -> None:
    """Install exactly what a purpose's locks name, and remove what they name no more.

    :raise NothingChanged: pip found something wrong before it began
    :raise CannotInstall: what is there now is of no use
    """
    names = locks.names(purpose)
    print(
        f"Installing {len(names)} packages into .venv. The first time, that is about {COST[purpose]}.",
        flush=True,
    )
    files = [option for file in locks.FILES[purpose] for option in ("-r", str(ROOT / file))]
    with _heartbeat() as doing:
        _run(doing, "install", *WHEELS, *EXACTLY, *files)
        if unwanted:
            _run(doing, "uninstall", "--yes", *sorted(unwanted))
        doing.words = "compiling them, about 5 s"
        # On every core, which pip would not; pip itself will hardly be wanted again.
        compileall = ("compileall", "-q", "-j", "0", "-x", "/site-packages/pip/", str(PACKAGES))
        subprocess.run([*MODULE, *compileall], stdout=subprocess.DEVNULL)
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
        reason = _reason("".join(said))
        raise CannotInstall(reason) if doing.total else NothingChanged(reason)


def _pip(*arguments: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    return subprocess.Popen(
        [*MODULE, "pip", "--disable-pip-version-check", "--no-input", *arguments],
        env={**environment, **SETTINGS},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def _reason(said: str) -> str:
    nothing = NOTHING.search(said)
    if nothing:
        # Only at its most talkative does pip say why it found nothing.
        with _pip("install", "-vv", "--retries=0", "--dry-run", *WHEELS, nothing[1]) as again:
            said += again.stdout.read() if again.stdout else ""
    for pattern, sentence in FAILURES:
        if found := re.search(pattern, said):
            return sentence.format(*found.groups())
    if nothing:
        machine = f"Python {platform.python_version()} on {platform.machine()}"
        return f"The package index has no {nothing[1]} for {machine}."
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
