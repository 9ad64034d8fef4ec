"""The terminal that ``make run`` is typed into: who hears its Ctrl-C, and what is written to it."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

NAMES = {"sandbox": 36, "release": 33, "web": 32, "bot": 35}  # with their colours (ECMA-48, SGR)
DIM, BOLD, RED = 2, 1, 31
WIDTH = max(map(len, NAMES))
_said_at = time.monotonic()


@contextmanager
def alone() -> Iterator[None]:
    """Have the terminal's Ctrl-C come here and nowhere else.

    make hears it too, and would end with status 130 and a word of its own, however well everything ended.
    """
    try:
        tty = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        yield  # started by a program, which sends its signals where it wants them
        return
    # Taking the terminal back from the background is only allowed to who ignores the first (termios(3)).
    # A Ctrl-Z would stop what make waits for without make noticing.
    for number in (signal.SIGTTOU, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    try:
        if os.getpgrp() == os.tcgetpgrp(tty) and os.getpgrp() != os.getpid():
            os.setpgid(0, 0)
            os.tcsetpgrp(tty, os.getpgrp())
        yield
    finally:
        with suppress(OSError):
            if os.tcgetpgrp(tty) == os.getpgrp():
                os.tcsetpgrp(tty, os.getpgid(os.getppid()))
        os.close(tty)


def say(text: str = "") -> None:
    """Write a line of our own; a terminal that was closed hears nothing."""
    global _said_at
    _said_at = time.monotonic()
    with suppress(OSError, ValueError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def quiet_seconds() -> float:
    """Return how long nothing has been written."""
    return time.monotonic() - _said_at


def say_last(text: str) -> None:
    """Write our last line, over the ^C that a terminal shows."""
    say(f"\r{text}" if sys.stdout.isatty() else text)


def relay(name: str, line: str) -> None:
    """Write what a process said, its name before it."""
    say(f"{coloured(f'{name:>{WIDTH}}', NAMES[name])}  {line}")


def box(*lines: str) -> None:
    """Write lines with a frame around them."""
    width = max(map(len, lines)) + 4
    say()
    say(f"┌{'─' * width}┐")
    for line in lines:
        say(f"│  {line:<{width - 4}}  │")
    say(f"└{'─' * width}┘")
    say()


def coloured(text: str, colour: int) -> str:
    """Return text in a colour, where a person looks at it and has not asked for none (no-color.org)."""
    return f"\033[{colour}m{text}\033[0m" if has_colours() else text


def has_colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
