"""A record of the log as a line: JSON for programs, text for people, and nothing in it that is secret."""

import json
import logging
import re
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from webapp.ops import redaction

# What every line says until something unbinds it (logs.bind).
bound: ContextVar[dict[str, Any]] = ContextVar("bound", default={})  # noqa: B039 - never changed in place

# What a secret looks like when it is not one of ours: libraries log whole addresses and headers.
SHAPES = re.compile(
    r"\d{5,16}:[A-Za-z0-9_-]{20,}"  # a bot token
    r"|eyJ[\w-]*\.[\w-]+\.[\w-]*"  # a JWT
    r"|(?i:bearer)\s+[\w.~+/-]{8,}=*"
    r"|(?:tgWebAppData|initData|init_data)[\"']?\s*[=:]\s*[\"']?[^\s\"'}]+"
    r"|(?:query_id|user|auth_date|chat_instance|signature)=[^\s\"']*hash=[0-9a-f]+[^\s\"']*"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"  # the password in an address
)
HIDDEN = "[hidden]"
DATA_EXCEPTION = "22"  # class of SQLSTATE whose messages repeat the value
# Control and bidirectional characters, which could make one line look like another.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
SHORT = 40  # characters
# Only programs look for these: the first says what the message says, the other is for searching.
FOR_PROGRAMS = frozenset({"event", "correlation_id"})
DIM, RED, YELLOW = 2, 31, 33  # ECMA-48, SGR
COLOURS = {logging.DEBUG: DIM, logging.WARNING: YELLOW, logging.ERROR: RED, logging.CRITICAL: RED}


class CleanFormatter(logging.Formatter):
    """A record as facts, everything in them looked through for secrets."""

    def __init__(self, known_secrets: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.ours = redaction.pattern(known_secrets)
        # Names, levels, routes: most of a line is in every other line too.
        self._known = lru_cache(maxsize=2000)(self._clean)

    def facts(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return what a record tells beside its time, level and message."""
        facts = {name: value for name, value in vars(record).items() if name not in STANDARD}
        return self._cleaned_all({**bound.get(), **facts})

    def traceback(self, record: logging.LogRecord) -> str:
        """Return what went wrong and where, if anything did."""
        text = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else record.exc_text
        return str(self.cleaned(_without_rows(text or "", record)))

    def _cleaned_all(self, facts: dict[str, Any]) -> dict[str, Any]:
        return {self.cleaned(name): self.cleaned(value) for name, value in facts.items()}

    def cleaned(self, value: Any) -> Any:
        """Return a value that is safe to print: numbers as they are, all else as clean text."""
        if value is None or isinstance(value, bool | int | float):
            return value
        try:
            text = str(value)
        except Exception as error:
            text = f"{type(value).__name__} without words: {type(error).__name__}"
        return self._known(text) if len(text) <= SHORT else self._clean(text)

    def _clean(self, text: str) -> str:
        text = self.without_secrets(text)
        return UNPRINTABLE.sub(lambda found: "\n" if found[0] == "\n" else "", text)

    def without_secrets(self, text: str) -> str:
        """Return a text in which nobody finds a secret, ours or what looks like one."""
        return SHAPES.sub(HIDDEN, self.ours.sub(HIDDEN, text) if self.ours else text)


class JSONFormatter(CleanFormatter):
    """A record as one line of JSON, for programs."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        trace = self.traceback(record)
        return json.dumps(
            {**self._cleaned_all(line), **self.facts(record), **({"traceback": trace} if trace else {})}
        )


class TextFormatter(CleanFormatter):
    """A record as a line for people: the local time, the level unless it is the usual one, and the facts."""

    def __init__(self, known_secrets: tuple[str, ...] = (), *, has_colours: bool = False) -> None:
        super().__init__(known_secrets)
        self.has_colours = has_colours

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        level = "" if record.levelno == logging.INFO else record.levelname
        facts = {name: value for name, value in self.facts(record).items() if name not in FOR_PROGRAMS}
        shown = " ".join(f"{name}={_plain(value)}" for name, value in facts.items() if value is not None)
        parts = [
            self._coloured(time, DIM),
            self._coloured(level, COLOURS.get(record.levelno)),
            # What follows a line break is set in, or it could look like another line.
            str(self.cleaned(_message(record))).replace("\n", "\n    "),
            self._coloured(shown, DIM),
        ]
        trace = [f"    {step}" for step in self.traceback(record).splitlines()]
        return "\n".join(["  ".join(filter(None, parts)), *trace])

    def _coloured(self, text: str, colour: int | None) -> str:
        return f"\033[{colour}m{text}\033[0m" if self.has_colours and text and colour else text


def _plain(value: Any) -> str:
    """Return a fact as it may stand among others: quoted where it has spaces."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if " " in text or "\n" in text or not text else text


def _message(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except Exception:
        # Logging itself would print message and arguments to standard error, secrets and all.
        text = f"{record.msg} (does not fit its arguments)"
    return _without_rows(text, record)


def _errors_of(record: logging.LogRecord) -> list[BaseException]:
    """Return the errors that a record tells of, each with those that led to it."""
    args = record.args if isinstance(record.args, tuple) else ()
    begun = [record.exc_info[1] if record.exc_info else None, record.msg, *args]
    found: list[BaseException] = []
    left = [error for error in begun if isinstance(error, BaseException)]
    while left:
        if (error := left.pop()) not in found:
            found.append(error)
            causes = (error.__cause__, error.__context__, getattr(error, "orig", None))
            left += [cause for cause in causes if isinstance(cause, BaseException)]
    return found


def _without_rows(text: str, record: logging.LogRecord) -> str:
    """Return a text without what PostgreSQL repeats of rows and parameters: people's names stand in them."""
    for error in _errors_of(record):
        diagnosis = getattr(error, "diag", None)
        if diagnosis is not None:
            is_about_data = str(diagnosis.sqlstate).startswith(DATA_EXCEPTION)
            for repeated in (
                diagnosis.message_detail,
                diagnosis.context,
                diagnosis.message_primary if is_about_data else None,
            ):
                text = text.replace(repeated, HIDDEN) if repeated else text
    return text
