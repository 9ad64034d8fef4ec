"""``make run``: the sandbox and, beside it, the shop's own processes as a platform would start them.

Nothing but Python's own library is imported here: the packages are installed first, if need be.
"""

import os
import signal
import sys


def main() -> int:
    """Run everything until interrupted, or until something ends by itself, and return the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    # Imported late, each for its own reason: a Ctrl-C meanwhile is answered, and the packages are there.
    from sandbox import terminal

    with terminal.alone():
        from sandbox import environment

        environment.ensure("run", with_this_python="--with-this-python" in sys.argv)
        from sandbox import rehearsal

        return rehearsal.main()


def _end(_number: int, _frame: object) -> None:
    """End before the shop was opened, and with it whatever installs packages.

    Raising would be no end: Python throws away what is raised inside a destructor.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGTERM)
    os.write(1, b"\rStopped. make run goes on from here.\n")
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
