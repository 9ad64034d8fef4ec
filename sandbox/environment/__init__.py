"""The packages in ``.venv``: what the locks name and nothing else, installed and mended without being asked.

Only Python's own library is used here, since nothing else is there yet. Nothing is resolved: the locks name
every package, and pip, which every Python brings, installs them one by one.
"""

import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.environment import folder, locks, pip
from sandbox.environment.errors import CannotInstall, NothingChanged
from sandbox.environment.folder import ROOT, VENV

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def ensure(purpose: str, *, with_this_python: bool = False) -> None:
    """Go on in an environment that has what a purpose needs, building or mending it first.

    Returns at once where nothing has to be done. An environment that somebody else looks after, be it
    activated or linked to as .venv, is used as it is, provided that everything is in it.

    :param with_this_python: build .venv again where it has another version of Python
    """
    try:
        if folder.is_running():
            _mend(purpose)
        elif with_this_python or not locks.are_met(purpose):
            _build(with_this_python)
            _go_on_inside()
    except CannotInstall as reason:
        sys.exit(str(reason))
    except OSError as error:
        sys.exit(_sentence(error))
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. The next start begins again.\n")
        sys.exit(130)


def _build(with_this_python: bool) -> None:
    found = folder.python_version()
    fits = found == sys.version_info[:2] if with_this_python else found and found >= (3, 11)
    if not fits:
        _refuse_a_link("where no fitting Python is")
        with _alone():
            folder.make(clear=True)


def _refuse_a_link(what: str) -> None:
    if VENV.is_symlink():
        raise CannotInstall(f".venv is a link to {VENV.resolve()}, {what}. Mend that, or remove the link.")


def _go_on_inside() -> None:
    sys.stdout.flush()
    os.execv(folder.PYTHON, [str(folder.PYTHON), *sys.orig_argv[1:]])  # noqa: S606 - no shell is wanted


def _mend(purpose: str) -> None:
    digest = locks.digest(purpose)
    # Whose stamp it is that lies behind a link does not matter, if everything is there.
    is_somebody_elses = VENV.is_symlink() or not folder.STAMP.exists()
    if folder.holds(purpose, digest) or (is_somebody_elses and locks.are_met(purpose)):
        return
    _refuse_a_link("where packages are missing")
    with _alone():
        if not folder.holds(purpose, digest):
            _install(purpose, digest)
    _go_on_inside()


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other command installs into this folder."""
    descriptor = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another command is installing here. Waiting for it.", flush=True)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _install(purpose: str, digest: str) -> None:
    if purpose == "test" and "musl" in folder.abi():
        raise CannotInstall(
            "make test needs PostgreSQL and Chromium, which PyPI does not have for musl (Alpine)."
        )
    folder.mend()
    stamp = folder.stamp()
    names = locks.names(purpose)
    if stamp.get(purpose) != digest:
        with _marked_unfinished(stamp):
            pip.install(purpose, unwanted=set(stamp.get("names", ())) - locks.names("test"))
    folder.let_programs_move()
    smaller = {each: locks.digest(each) for each in locks.FILES if locks.names(each) <= names}
    folder.write_stamp({**stamp, **smaller, "names": sorted({*stamp.get("names", ()), *names})})


@contextmanager
def _marked_unfinished(stamp: dict[str, Any]) -> Iterator[None]:
    """Have a start after a kill begin anew: a package that is half there counts as installed to pip."""
    folder.write_stamp({**stamp, "unfinished": True})
    try:
        yield
    except NothingChanged:
        folder.write_stamp(stamp)
        raise


def _sentence(error: OSError) -> str:
    if error.errno in DISK_FULL:
        return "The disk is full. Make room, then start again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{error.filename or ROOT} cannot be written to. Make the folder yours, then start again."
    return f"The environment in {VENV} cannot be made: {error}"
