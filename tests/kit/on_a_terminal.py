"""``python -m tests.kit.on_a_terminal COMMAND...``: a command whose standard input is its terminal."""

import fcntl
import os
import sys
import termios

if __name__ == "__main__":
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - what the test names
