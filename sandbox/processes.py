"""The processes of a rehearsal: started in groups of their own, heard, and ended together."""

import asyncio
import os
import shlex
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sandbox import guard, terminal

ROOT = Path(__file__).parent.parent
LINES_KEPT = 5  # of what a process said last
LONGEST_LINE = 100_000  # bytes
ASKED_SECONDS = 1.6  # to end after a request, before force; the whole of it stays under three seconds
LAST_SECONDS = 0.7


class Ended(Exception):
    """A process ended that should not have."""

    def __init__(self, process: "Process") -> None:
        super().__init__(process.name)
        self.process = process


class Process:
    """One process with all that it starts in turn."""

    def __init__(self, name: str, child: asyncio.subprocess.Process, hush: asyncio.Event) -> None:
        self.name = name
        self.child = child
        self.said: deque[str] = deque(maxlen=LINES_KEPT)
        self.hush = hush
        self.listening = asyncio.create_task(self._listen(child.stdout)) if child.stdout else None

    async def _listen(self, output: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await output.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._relay(line)
        if rest:
            self._relay(rest)

    def _relay(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        self.said.append(text)
        if not self.hush.is_set():
            terminal.relay(self.name, text)

    async def wait(self) -> int:
        """Return the exit code once the process has ended and all that it said was heard."""
        code = await self.child.wait()
        # A child of its own may hold the pipe open for longer.
        if self.listening:
            await asyncio.wait({self.listening}, timeout=0.5)
        return code

    def send(self, number: int) -> None:
        guard.send(self.child.pid, number)


class Processes:
    """All of them, and a guard that ends them if this process is killed."""

    def __init__(self, held: int) -> None:
        self.held = held  # a file that each of them keeps open, and thereby locked
        self.all: dict[str, Process] = {}
        self.hush = asyncio.Event()
        listening, self.guarded = os.pipe()
        self.guard = subprocess.Popen(
            [sys.executable, "-m", "sandbox.guard"], cwd=ROOT, stdin=listening, start_new_session=True
        )
        os.close(listening)

    async def start(self, name: str, command: str, environment: dict[str, str]) -> Process:
        """Start a process; it hears nothing of the terminal's signals."""
        child = await asyncio.create_subprocess_exec(
            *shlex.split(command),
            cwd=ROOT,
            env={**environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(self.held,),
        )
        self._tell_guard(child.pid)
        self.all[name] = Process(name, child, self.hush)
        return self.all[name]

    async def run(self, name: str, command: str, environment: dict[str, str]) -> None:
        """Run a process to its end.

        :raise Ended: it failed
        """
        process = await self.start(name, command, environment)
        if await process.wait():
            raise Ended(process)
        self.all.pop(name)
        self._tell_guard(-process.child.pid)

    async def watch(self, *names: str) -> None:
        """Wait until one of them ends.

        :raise Ended: always, sooner or later
        """
        waits = {asyncio.create_task(self.all[name].wait()): self.all[name] for name in names}
        try:
            done, _others = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            raise Ended(waits[done.pop()])
        finally:
            for task in waits:
                task.cancel()

    async def stop(self) -> None:
        """End all of them within three seconds: Telegram last, so that nobody misses it."""
        self.hush.set()
        others = [process for name, process in self.all.items() if name != "sandbox"]
        await _end(others, ASKED_SECONDS)
        await _end([process for process in self.all.values() if process.name == "sandbox"], LAST_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End whatever is left at once."""
        for process in self.all.values():
            process.send(signal.SIGKILL)
        self.guard.kill()

    def _tell_guard(self, group: int) -> None:
        with suppress(OSError):  # somebody ended it; then nobody guards
            os.write(self.guarded, f"{group}\n".encode())


async def _end(processes: Iterable[Process], seconds: float) -> None:
    waits = []
    for process in processes:
        process.send(signal.SIGTERM)
        waits.append(asyncio.create_task(process.child.wait()))
    if waits:
        _done, late = await asyncio.wait(waits, timeout=seconds)
        for task in late:
            task.cancel()
