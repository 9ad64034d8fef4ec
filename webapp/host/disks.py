"""Where a SQLite file lies: whether its disk lasts, and whether web and bot see the same one.

Both are told by signs, small files beside it: a host that throws a disk away throws them away, too, and a
process that does not see the other's sign has another disk.
"""

import os
import pwd
import socket
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PREFIX = "sqlite:///"
PROCESSES = ("web", "bot")
ALONE_SECONDS = 300  # so long after one process began, the other one has begun, too


class Unwritable(sqlite3.OperationalError):
    """The shop may not write to its file; the sentence says why and what to do."""


def file_of(database_url: str) -> Path | None:
    """Return the file of an address, or None if it has none."""
    path = database_url.removeprefix(PREFIX)
    return None if path == database_url or path.startswith(":memory:") else (ROOT / path).resolve()


def note_release(file: Path | None) -> None:
    """Leave the name of this machine, or container, to the releases that follow."""
    if file is None or socket.gethostname() in _machines(file):
        return
    with suppress(OSError):
        _sign(file, "releases").write_text("\n".join([*_machines(file), socket.gethostname()]))


def has_outlasted(file: Path) -> bool:
    """Tell whether a release found what the release of another machine left.

    The same one may find it again after a restart, and yet be thrown away with all it holds.
    """
    return len(_machines(file)) > 1


def note_process(file: Path | None, name: str) -> None:
    """Leave a sign that the web process or the bot began here."""
    if file is not None:
        with suppress(OSError):
            _sign(file, name).touch()


def missing_process(file: Path) -> str:
    """Return which of web and bot never began here though the other one did, or nothing."""
    began = {name: at for name in PROCESSES if (at := _began_at(file, name))}
    if len(began) != 1 or time.time() - min(began.values()) < ALONE_SECONDS:
        return ""
    return next(name for name in PROCESSES if name not in began)


def check_writable(name: str) -> None:
    """Open no file for reading only, as SQLite would: the process could not write to it ever after.

    All its connections share one view of the -shm file, and that is read-only until the last of them ends.

    :raise Unwritable: the file, or one that SQLite keeps beside it, cannot be written or made
    """
    if name.startswith(":memory:"):
        return
    for path in (name, f"{name}-wal", f"{name}-shm"):
        place = path if os.path.exists(path) else os.path.dirname(path) or "."
        if not os.access(place, os.W_OK):
            raise Unwritable(_why_not(place))


def _why_not(path: str) -> str:
    try:
        owner, user = os.stat(path).st_uid, os.geteuid()
    except OSError:
        return f"{path} cannot be reached: give it to the user that runs the shop."
    if owner == user:
        return f"{path} cannot be written: see that its disk and its permissions allow it."
    return (
        f"{path} cannot be written: it belongs to {_name(owner)}, and this runs as {_name(user)}. "
        f"Run the shop and its commands as {_name(owner)}."
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _sign(file: Path, name: str) -> Path:
    return file.with_name(f"{file.name}.{name}")


def _machines(file: Path) -> list[str]:
    try:
        return _sign(file, "releases").read_text().split()
    except (OSError, UnicodeDecodeError):
        return []


def _began_at(file: Path, name: str) -> float:
    try:
        return _sign(file, name).stat().st_mtime
    except OSError:
        return 0.0
