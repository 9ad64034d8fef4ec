"""Web and bot as two processes under a third, which starts again what dies and ends both when told to."""

import ctypes
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).parent.parent.parent
COMMANDS = {
    "release": ("-m", "flask", "--app", "webapp", "release"),
    "web": ("-m", "webapp.serving"),
    "bot": ("bot.py",),
}
# What processes end with that say why they cannot start: 1 is ours, 3 and 4 are gunicorn's.
REFUSALS = {1, 3, 4}
STARTING_SECONDS = 30.0
DEATHS = 5  # so many within a minute, and one more start would change nothing
DEATHS_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 15.0
LOOK_EVERY_SECONDS = 0.1
GRACE_SECONDS = 9.0  # web and bot end within eight; the promise is ten
PR_SET_PDEATHSIG = 1  # Linux: prctl(2)


@dataclass
class Child:
    """A process of the shop, started again when it dies."""

    name: str
    process: subprocess.Popen[bytes]
    started_at: float
    deaths: list[float] = field(default_factory=list)
    start_at: float | None = None  # set while it waits for its next start

    def refused(self, code: int, now: float) -> bool:
        """Tell whether it ended at once with a reason, which it would only repeat."""
        return code in REFUSALS and now - self.started_at < STARTING_SECONDS

    def note_death(self, now: float) -> None:
        """Plan its next start: the oftener it died, the later."""
        self.deaths = [at for at in self.deaths if now - at < DEATHS_SECONDS] + [now]
        pause = min(2.0 ** (len(self.deaths) - 1), LONGEST_PAUSE_SECONDS)
        self.start_at = now + pause * random.uniform(0.5, 1)  # noqa: S311 - jitter


class Supervisor:
    """Keeps web and bot at work."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        # For the smallest machines, where a second web worker takes as much memory as the bot.
        self.environ = {**environ, "WEB_CONCURRENCY": environ.get("WEB_CONCURRENCY", "").strip() or "1"}
        self.children: dict[str, Child] = {}
        self.told_to_end = False

    def run(self, *, release: bool) -> int:
        """Work until told to end, or until going on is of no use, and return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        try:
            if release and (code := self._release()):
                return code
            for name in () if self.told_to_end else ("web", "bot"):
                self._start(name)
            return self._watch()
        finally:
            self._stop()

    def _release(self) -> int:
        """Return 0 when the shop can be started, also if Telegram has to be told later."""
        release = self._start("release")
        while release.process.poll() is None and not self.told_to_end:
            time.sleep(LOOK_EVERY_SECONDS)
        code = release.process.poll() or 0
        return 0 if code == os.EX_TEMPFAIL else _status(code)

    def _watch(self) -> int:
        while not self.told_to_end:
            for child in list(self.children.values()):
                if code := self._look_after(child, time.monotonic()):
                    return code
            _bury_orphans({child.process.pid for child in self.children.values()})
            time.sleep(LOOK_EVERY_SECONDS)
        return 0

    def _look_after(self, child: Child, now: float) -> int:
        """Return the status to end with, or 0 to go on."""
        if child.start_at is not None:
            if now >= child.start_at:
                self._start(child.name, child.deaths)
            return 0
        code = child.process.poll()
        if code is None:
            return 0
        if child.name == "release" and code == 0:
            del self.children[child.name]
            return 0
        return self._replace(child, code, now)

    def _replace(self, child: Child, code: int, now: float) -> int:
        if child.refused(code, now):
            return code
        child.note_death(now)
        if len(child.deaths) >= DEATHS and code != os.EX_TEMPFAIL:
            _say(f"{child.name} ended {DEATHS} times within a minute, so the shop ends.")
            return _status(code) or 1
        _say(f"{child.name} ended with status {_status(code)} and is started again.")
        return 0

    def _start(self, name: str, deaths: list[float] | None = None) -> Child:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            [sys.executable, *COMMANDS[name]],
            cwd=ROOT,
            env=self.environ,
            start_new_session=True,  # a terminal's Ctrl-C is for the supervisor, which tells them
            preexec_fn=_end_with_parent,
        )
        self.children[name] = Child(name, process, time.monotonic(), deaths or [])
        return self.children[name]

    def _stop(self) -> None:
        processes = [child.process for child in self.children.values()]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its children too, if it could not end them
            process.wait()

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self.told_to_end = True


def run(*, release: bool) -> int:
    """Run the shop on this machine; see :class:`Supervisor`."""
    return Supervisor(os.environ).run(release=release)


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_supervisor = os.getpid()


def _end_with_parent() -> None:
    """Have the kernel end this child when the supervisor is killed: nobody else would free its port."""
    if _libc:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != _supervisor:
        os._exit(1)  # killed just before


def _bury_orphans(ours: set[int]) -> None:
    """Take note of strangers that ended: a container leaves its orphans to its first process."""
    with suppress(ChildProcessError):
        while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if found.si_pid in ours:
                return  # its own Popen wants to know
            os.waitpid(found.si_pid, 0)


def _status(code: int) -> int:
    """Return an exit code as shells tell it: 128 and the signal for whoever was killed."""
    return code if code >= 0 else 128 - code


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
