"""Where web processes keep the numbers that they count, each in files of its own that all of them read.

Numbers can get lost there, sales never: a folder that cannot be used is said once, and then each process
counts for itself. The files are mapped into memory, and a process is killed that writes to a page for which
the disk has no room (SIGBUS), so the room is taken beforehand.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client reads it when it is imported
# What a process writes, by the names of prometheus_client; twice what every route and status takes.
FILE_BYTES = {"counter": 256 * 1024, "summary": 512 * 1024, "histogram": 64 * 1024, "gauge_max": 64 * 1024}
TROUBLE = "Numbers of web processes are not shared for /metrics: {folder} cannot be used ({reason})."


_is_prepared = False


def prepare() -> str:
    """Let the web processes share their numbers: in the folder of the environment, or one of their own.

    :return: a sentence about what is wrong with the folder, and then nothing is shared; empty if all is well
    """
    global _is_prepared
    try:
        if VARIABLE not in os.environ:
            os.environ[VARIABLE] = tempfile.mkdtemp(prefix="starfront-metrics-")
        trouble = reserve(os.getpid())
    except OSError as error:
        trouble = TROUBLE.format(folder="the folder for temporary files", reason=error.strerror)
    _is_prepared = not trouble
    leave_alone()
    return trouble


def leave_alone() -> None:
    """Count for this process alone, unless it was prepared: a bot or a command has nobody to tell."""
    if not _is_prepared:
        os.environ.pop(VARIABLE, None)


def reserve(pid: int) -> str:
    """Take the room that a process needs for its numbers.

    :return: a sentence about why there is none; empty if all is well
    """
    folder = os.environ.get(VARIABLE)
    if folder is None:
        return ""
    files = {Path(folder, f"{kind}_{pid}.db"): size for kind, size in FILE_BYTES.items()}
    try:
        with suppress(FileExistsError):
            Path(folder).mkdir()  # it can have been deleted since
        for file, size in files.items():
            with suppress(FileExistsError), open(file, "xb", opener=_private) as empty:
                empty.write(bytes(size))
    except OSError as error:
        for file in files:
            with suppress(OSError):
                file.unlink()
        return TROUBLE.format(folder=folder, reason=error.strerror)
    return ""


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
