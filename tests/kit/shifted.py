"""``python -m tests.kit.shifted FILE COMMAND...``: the shop on a machine whose clock is wrong.

By how many seconds stands in the file; it may change at any moment. With ALL_CLOCKS set the database's clock
counts as moved with it.
"""

import os
import runpy
import shutil
import sys
from datetime import datetime, timedelta
from pathlib import Path

from webapp import clock


def main() -> None:
    """Run a program as if it had been started by itself, its clock aside."""
    file = Path(sys.argv[1])
    really = clock.machine_time

    def shifted() -> datetime:
        return really() + timedelta(seconds=float(file.read_text()))

    clock.machine_time = shifted
    if "ALL_CLOCKS" in os.environ:
        # The database's is meant to be moved as well: it is not gone by.
        clock.follow = lambda _told: None
    # An interpreter that is named is this one.
    sys.argv = sys.argv[3:] if sys.argv[2] == "python" else sys.argv[2:]
    name = sys.argv[0]
    if name == "-m":
        sys.argv = sys.argv[1:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(name if Path(name).exists() else str(shutil.which(name)), run_name="__main__")


if __name__ == "__main__":
    main()
