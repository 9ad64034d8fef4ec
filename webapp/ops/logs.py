"""Logs: one JSON object a line, or plain text for people; one id from tap to grant, no secret ever."""

import json
import logging
import os
import re
import secrets
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from flask import Flask, Response, g, request

from webapp.config import Config
from webapp.ops import redaction

_bound: ContextVar[dict[str, Any]] = ContextVar("bound", default={})  # noqa: B039 - never changed in place

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
TOLD_ANYWAY = frozenset({"event", "correlation_id"})
DIM, RED, YELLOW = 2, 31, 33  # ECMA-48, SGR
COLOURS = {logging.DEBUG: DIM, logging.WARNING: YELLOW, logging.ERROR: RED, logging.CRITICAL: RED}
NOISY = ("httpx", "httpcore", "telegram", "asyncio")


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
        return self._cleaned_all({**_bound.get(), **facts})

    def traceback(self, record: logging.LogRecord) -> str:
        """Return what went wrong and where, if anything did."""
        told = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else record.exc_text
        return str(self.cleaned(_without_rows(told or "", record)))

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
        told = {"traceback": traceback} if (traceback := self.traceback(record)) else {}
        return json.dumps({**self._cleaned_all(line), **self.facts(record), **told})


class TextFormatter(CleanFormatter):
    """A record as a line for people: the local time, the level unless it is the usual one, and the facts."""

    def __init__(self, known_secrets: tuple[str, ...] = (), *, has_colours: bool = False) -> None:
        super().__init__(known_secrets)
        self.has_colours = has_colours

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        level = "" if record.levelno == logging.INFO else record.levelname
        facts = {name: value for name, value in self.facts(record).items() if name not in TOLD_ANYWAY}
        told = " ".join(f"{name}={_plain(value)}" for name, value in facts.items() if value is not None)
        parts = [
            self._coloured(time, DIM),
            self._coloured(level, COLOURS.get(record.levelno)),
            # What follows a line break is set in, or it could look like another line.
            str(self.cleaned(_message(record))).replace("\n", "\n    "),
            self._coloured(told, DIM),
        ]
        trace = [f"    {step}" for step in self.traceback(record).splitlines()]
        return "\n".join(["  ".join(filter(None, parts)), *trace])

    def _coloured(self, text: str, colour: int | None) -> str:
        return f"\033[{colour}m{text}\033[0m" if self.has_colours and text and colour else text


def init(config: Config) -> None:
    """Send every record of this process to standard output: as clean JSON, or as text for people."""
    # What a command prints may be read by a program: `catalog export > file`. Flask sets the variable.
    is_command = os.environ.get("FLASK_RUN_FROM_CLI") == "true"
    handler = logging.StreamHandler(sys.stderr if is_command else sys.stdout)
    handler.setFormatter(_formatter(config, handler.stream))
    root = logging.getLogger()
    others = [one for one in root.handlers if not isinstance(one.formatter, CleanFormatter)]
    root.handlers[:] = [*others, handler]
    root.setLevel(config.log_level)
    # What no line tells need not be found out (the Logging HOWTO, on optimization).
    logging._srcfile = None
    logging.logThreads = logging.logMultiprocessing = logging.logProcesses = False
    quiet = logging.WARNING if config.log_level != "DEBUG" else logging.DEBUG
    for name in NOISY:
        logging.getLogger(name).setLevel(quiet)
    # Servers bring handlers of their own, which would print past ours.
    for name in ("gunicorn.error", "gunicorn.access", "werkzeug", "flask.app", "alembic"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # gunicorn tells of sockets that it opens itself; ours are the workers', so that its line names none.
    logging.getLogger("gunicorn.error").addFilter(_names_something)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda told: _log_uncaught(told.exc_type, told.exc_value, told.exc_traceback)


@contextmanager
def bind(**facts: Any) -> Iterator[None]:
    """Put these facts into every line logged inside the block."""
    before = _bound.set({**_bound.get(), **facts})
    try:
        yield
    finally:
        _bound.reset(before)


def correlation_id() -> str:
    """Return the id that ties together what one tap set in motion."""
    return str(_bound.get().get("correlation_id", "")) or new_correlation_id()


def new_correlation_id() -> str:
    return secrets.token_hex(8)


def init_app(app: Flask) -> None:
    """Log every request once, under an id of its own."""
    log = logging.getLogger("webapp.requests")

    @app.before_request
    def begin() -> None:
        g.bound = _bound.set({"correlation_id": new_correlation_id()})
        g.begun_at = datetime.now(UTC)

    @app.after_request
    def end(response: Response) -> Response:
        took = datetime.now(UTC) - g.begun_at if "begun_at" in g else None
        quiet = request.endpoint in {"health.healthz", "health.readyz", "health.scrape", None}
        log.log(
            logging.DEBUG if quiet else logging.INFO,
            "request",
            extra={
                "event": "request",
                "method": request.method,
                # The route, not the address: addresses hold order ids and start parameters.
                "route": str(request.url_rule) if request.url_rule else "none",
                "status": response.status_code,
                "milliseconds": round(took.total_seconds() * 1000, 1) if took else None,
            },
        )
        return response

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        if "bound" in g:
            _bound.reset(g.pop("bound"))


def _formatter(config: Config, stream: Any) -> CleanFormatter:
    if config.log_format == "text":
        return TextFormatter(config.secrets, has_colours=_wants_colours(stream))
    return JSONFormatter(config.secrets)


def _wants_colours(stream: Any) -> bool:
    """Tell whether a person reads and wants colours (no-color.org); FORCE_COLOR says so behind a pipe."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def _names_something(record: logging.LogRecord) -> bool:
    return not (record.msg == "Listening at: %s (%s)" and record.args and not record.args[0])  # type: ignore[index]


def _plain(value: Any) -> str:
    """Return a fact as it may stand among others: quoted where it has spaces."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if " " in text or "\n" in text or not text else text


def _message(record: logging.LogRecord) -> str:
    try:
        told = record.getMessage()
    except Exception:
        # Logging itself would print message and arguments to standard error, secrets and all.
        told = f"{record.msg} (does not fit its arguments)"
    return _without_rows(told, record)


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
            for told in (
                diagnosis.message_detail,
                diagnosis.context,
                diagnosis.message_primary if is_about_data else None,
            ):
                text = text.replace(told, HIDDEN) if told else text
    return text


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: Any) -> None:
    logging.getLogger("webapp").critical("stopped by an error", exc_info=(kind, error or kind(), trace))
