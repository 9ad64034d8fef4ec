"""Where a plug-in went wrong, and why: the sentences that its owner reads."""

import inspect
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from webapp.shop.plugins.patience import TookTooLong

LONGEST_REASON = 300  # characters of somebody else's exception


class Refused(ValueError):
    """The shop does not take what is registered; the sentence says why."""


def place_of(view: Callable[..., Any]) -> str:
    """Return where a function of a plug-in is written; of one that is not, the plug-in."""
    code = getattr(inspect.unwrap(view), "__code__", None)
    return "plugin.py" if code is None else f"{named(Path(code.co_filename))}, line {code.co_firstlineno}"


def fault_in(error: BaseException, folder: Path) -> str:
    """Return one sentence: the file and line in a folder where it went wrong, and why; or nothing."""
    frames = [
        (Path(one.filename), one.lineno)
        for one in traceback.extract_tb(error.__traceback__)
        if Path(one.filename).is_relative_to(folder)
    ]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((Path(error.filename), error.lineno))
    if not frames:
        return ""
    file, line = frames[-1]
    return f"{file.name if file.parent.name == 'migrations' else named(file)}, line {line}: {_reason(error)}"


def told(error: BaseException, folder: Path) -> str:
    """Return one sentence: why a plug-in cannot be loaded, and where."""
    return fault_in(error, folder) or f"plugin.py: {_reason(error)}"


def _reason(error: BaseException) -> str:
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, TookTooLong):
        return f"{error}."
    if isinstance(error, SystemExit):
        return "it ends the process (SystemExit)."
    words = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())
    return f"{type(error).__name__}: {words}"[:LONGEST_REASON].rstrip(": ")


def named(file: Path) -> str:
    """Return how sentences call a file of the plug-in's."""
    return file.name if file.name == "plugin.py" else f"plugin.py, by way of {file.name}"
