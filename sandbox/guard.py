"""``python -m sandbox.guard``: ends what ``make run`` started, should that be killed without a chance to.

It reads process groups from its standard input, and acts when that ends: a pipe ends with who holds it.
"""

import os
import signal
import sys
import time
from contextlib import suppress

PATIENCE_SECONDS = 2.5


def main() -> None:
    """Wait for the end of the one who started this, and end the groups that are left then."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line)
        if group < 0:
            groups.discard(-group)
        else:
            groups.add(group)
    end(groups)


def end(groups: set[int]) -> None:
    """End process groups: by a request, and by force after a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    left = {group for group in groups if send(group, signal.SIGTERM)}
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = {group for group in left if send(group, 0)}
    for group in left:
        send(group, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """Signal a process group, and tell whether any of it is there."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    main()
