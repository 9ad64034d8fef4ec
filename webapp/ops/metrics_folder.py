"""Where web processes keep the numbers that they count, each in files of its own that all of them read.

Numbers can get lost there, sales never: a folder that cannot be used is said once, and then each process
counts for itself. The files are mapped into memory, and a process is killed that writes to a page for which
the disk has no room (SIGBUS), so the room is taken beforehand.

A folder of ours is locked by whoever uses it. The kernel drops the lock of a process that was killed, and the
next start removes what nobody holds. Process ids would not do: they come again, and every container has a 1.
"""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

# Not the prefix of releases before 0.2, which locked nothing: their folders can be in use.
PREFIX = "starfront-numbers-"
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client reads it when it is imported
# What a process writes, by the names of prometheus_client; twice what every route and status takes.
FILE_BYTES = {"counter": 256 * 1024, "summary": 512 * 1024, "histogram": 64 * 1024, "gauge_max": 64 * 1024}
TROUBLE = "Numbers of web processes are not shared for /metrics: {folder} cannot be used ({reason})."


_is_prepared = False
_held: list[int] = []  # descriptors with our lock, which the workers inherit


def prepare() -> str:
    """Let the web processes share their numbers: in the folder of the environment, or one of their own.

    What starts before this one left behind is removed.

    :return: a sentence about what is wrong with the folder, and then nothing is shared; empty if all is well
    """
    global _is_prepared
    try:
        if not os.environ.get(VARIABLE):
            _remove_abandoned()
            os.environ[VARIABLE] = _new()
        trouble = reserve(os.getpid())
    except OSError as error:
        trouble = TROUBLE.format(folder="the folder for temporary files", reason=error.strerror)
    if trouble:
        discard()
    _is_prepared = not trouble
    leave_alone()
    return trouble


def discard() -> None:
    """Remove the folder, unless it is the owner's."""
    if _held:
        shutil.rmtree(os.environ.get(VARIABLE, ""), ignore_errors=True)
    while _held:
        os.close(_held.pop())


def _remove_abandoned() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # gone, in use, or somebody else's
            _remove_if_abandoned(folder)


def _remove_if_abandoned(folder: Path) -> None:
    descriptor = _opened(folder)
    try:
        if os.fstat(descriptor).st_uid == os.geteuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
    finally:
        os.close(descriptor)


def _new() -> str:
    folder = tempfile.mkdtemp(prefix=PREFIX)
    # Before it is locked, another start can take it for one that was left behind.
    return folder if _hold(folder) else _new()


def _hold(folder: str) -> bool:
    """Lock a folder for as long as this process or a worker of it lives; tell whether it is still there."""
    with suppress(FileNotFoundError):
        _held.append(_opened(folder))
        with suppress(OSError):  # where nothing can be locked, nobody can remove it either
            fcntl.flock(_held[-1], fcntl.LOCK_EX)
    return os.path.isdir(folder)


def _opened(folder: str | Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


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
