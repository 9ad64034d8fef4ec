"""How long a plug-in may take to be loaded: one that hangs would hold every process at its start."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 30.0
AGAIN_SECONDS = 1.0  # for one that catches whatever is raised, and goes on


class TookTooLong(BaseException):
    """Raised in the middle of what takes too long; no Exception, which an owner's code may catch."""

    def __init__(self) -> None:
        super().__init__(f"it did not return within {SECONDS:.0f} seconds")


@contextmanager
def limited() -> Iterator[None]:
    """End what the block does once it has taken too long, as far as this is the process's first thread.

    :raise TookTooLong: it has
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # where a process begins, there is no other
        return
    before = signal.signal(signal.SIGALRM, _end)
    signal.setitimer(signal.ITIMER_REAL, SECONDS, AGAIN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _end(_number: int, _frame: object) -> None:
    raise TookTooLong
