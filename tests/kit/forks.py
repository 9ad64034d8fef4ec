"""Processes of the shop without the second that each of them spends on importing.

``python -m tests.kit.forks`` has imported what they all need, and begun nothing. For each command it
forks, and the child becomes what a new Python would have become: environment, folder, output, session and
exit code are its own. What has to begin with nothing, as in production, a test starts cold (Stage, is_cold).
"""

import atexit
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

import coverage

from tests.kit import compiled, warm

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = Path(sys.executable).parent
INTERPRETERS = {"python", sys.executable}
LONGEST_ORDER = 200_000  # bytes: under what Linux lets a socket hold
NUMBER = 4  # bytes of a process id and of an exit code
# What Python and its libraries look at as they start, before there is a command.
LOOKED_AT_FIRST = ("PYTHON", "LANG", "LC_", "SSL_CERT_")
FIRST = {"PYTHONUNBUFFERED": "1"}


class Fork:
    """A process, with what :class:`subprocess.Popen` offers of it."""

    def __init__(self, command: Sequence[str], life: socket.socket) -> None:
        self.args = command
        self.life = life
        self.returncode: int | None = None
        self.pid = int.from_bytes(life.recv(NUMBER), sys.byteorder)
        assert self.pid, "the forks are gone"

    def poll(self) -> int | None:
        """Return the exit code, or None while it lives."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it has ended.

        :raise subprocess.TimeoutExpired: it goes on
        """
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(list(self.args), timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self, seconds: float | None) -> int | None:
        if self.returncode is None:
            self.life.settimeout(seconds)
            with suppress(BlockingIOError, TimeoutError):
                told = self.life.recv(NUMBER)
                assert told, "the forks are gone"
                self.returncode = int.from_bytes(told, sys.byteorder, signed=True)
                self.life.close()
        return self.returncode


Process = Fork | subprocess.Popen[bytes]


def can_start(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Tell whether a command is a Python program of ours, and forks are safe here."""
    looked_at = {key: value for key, value in environment.items() if key.startswith(LOOKED_AT_FIRST)}
    # What is told by -c begins cold.
    is_python = command[1] != "-c" if command[0] in INTERPRETERS else (PROGRAMS / command[0]).is_file()
    # Not on macOS, whose own libraries do not stand a fork.
    return hasattr(os, "pidfd_open") and looked_at == FIRST and is_python


def start(command: Sequence[str], environment: Mapping[str, str], output: BinaryIO) -> Fork:
    """Start a program in a session of its own; what it says goes to a file."""
    here, there = socket.socketpair()
    order = json.dumps([list(command), dict(environment)]).encode()
    assert len(order) < LONGEST_ORDER
    with there:
        socket.send_fds(_forks(), [order], [output.fileno(), there.fileno()])
    return Fork(command, here)


@cache
def _forks() -> socket.socket:
    """Return the way to a process that forks itself; it ends with this one."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    known = ("PATH", "HOME", compiled.NAME)
    environment = {name: os.environ[name] for name in known if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.kit.forks", str(there.fileno())],
        cwd=ROOT,
        env={**environment, **FIRST},
        stdin=subprocess.DEVNULL,
        pass_fds=[there.fileno()],
        start_new_session=True,
    )
    there.close()

    def end() -> None:
        here.close()
        process.wait()

    atexit.register(end)
    return here


def main() -> None:
    """Fork for each order until nobody can give one any more; in a child, carry it out."""
    warm.up()
    compiled.share()
    assert threading.active_count() == 1
    gc.freeze()
    order = Forks(socket.socket(fileno=int(sys.argv[1]))).serve()
    if order:
        _become(*order)


class Forks:
    """The process that forks itself, and waits for what comes of it."""

    def __init__(self, orders: socket.socket) -> None:
        self.orders = orders
        self.lives: dict[int, tuple[int, socket.socket]] = {}  # by pidfd
        self.events = selectors.DefaultSelector()
        self.events.register(orders, selectors.EVENT_READ)

    def serve(self) -> tuple[list[str], dict[str, str]] | None:
        """Return an order in the child that is to carry it out, and nothing at the end."""
        while True:
            for key, _ in self.events.select():
                if key.fileobj is not self.orders:
                    self._tell(key.fd)
                    continue
                said, files, *_ = socket.recv_fds(self.orders, LONGEST_ORDER, 2)
                if not said:
                    self._end()
                    return None
                if self._fork(*files):
                    command, environment = json.loads(said)
                    return command, environment

    def _fork(self, output: int, life: int) -> bool:
        """Tell whether this is the child."""
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os.dup2(output, 1)
            os.dup2(output, 2)
            for descriptor in (output, life):
                os.close(descriptor)
            self._forget()
            return True
        os.close(output)
        watched = os.pidfd_open(pid)
        self.lives[watched] = pid, socket.socket(fileno=life)
        self.lives[watched][1].send(pid.to_bytes(NUMBER, sys.byteorder))
        self.events.register(watched, selectors.EVENT_READ)
        return False

    def _tell(self, watched: int) -> None:
        """Pass on with which code a child ended."""
        pid, life = self.lives.pop(watched)
        self.events.unregister(watched)
        os.close(watched)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with life, suppress(OSError):  # nobody may be there to hear it
            life.send(code.to_bytes(NUMBER, sys.byteorder, signed=True))

    def _forget(self) -> None:
        """Have a child own nothing of this."""
        self.events.close()
        self.orders.close()
        for watched, (_, life) in self.lives.items():
            os.close(watched)
            life.close()

    def _end(self) -> None:
        for pid, _ in self.lives.values():
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


def _become(command: list[str], environment: dict[str, str]) -> None:
    """Run a command as Python would have, had it been started for it."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    tempfile.tempdir = None  # looked up anew
    sys.argv = command[1:] if command[0] in INTERPRETERS else [str(PROGRAMS / command[0]), *command[1:]]
    if "COVERAGE_PROCESS_START" in environment:  # which Python itself looks at as it starts
        coverage.process_startup()
    if sys.argv[0] == "-m":
        sys.argv = sys.argv[1:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
