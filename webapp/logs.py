"""Logs: one JSON object a line, one correlation id from tap to grant, no secret ever."""

import json
import logging
import os
import re
import secrets
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from flask import Flask, Response, g, request

from webapp.config import Config

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
# Control and bidirectional characters, which could make one line look like another.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
SHORT = 40  # characters
NOISY = ("httpx", "httpcore", "telegram", "asyncio")


class JSONFormatter(logging.Formatter):
    """A record as one line of JSON, everything in it looked through for secrets."""

    def __init__(self, known_secrets: tuple[str, ...] = ()) -> None:
        super().__init__()
        ours = "|".join(re.escape(secret) for secret in sorted(known_secrets, key=len, reverse=True))
        self.ours = re.compile(ours) if ours else None
        # Names, levels, routes: most of a line is in every other line too.
        self._known = lru_cache(maxsize=2000)(self._clean)

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            **_bound.get(),
            **{name: value for name, value in vars(record).items() if name not in STANDARD},
        }
        if record.exc_info:
            line["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        elif record.exc_text:
            line["traceback"] = record.exc_text
        return json.dumps({self.cleaned(name): self.cleaned(value) for name, value in line.items()})

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


def init(config: Config) -> None:
    """Send every record of this process to standard output as clean JSON."""
    # What a command prints may be read by a program: `catalog export > file`. Flask sets the variable.
    is_command = os.environ.get("FLASK_RUN_FROM_CLI") == "true"
    handler = logging.StreamHandler(sys.stderr if is_command else sys.stdout)
    handler.setFormatter(JSONFormatter(config.secrets))
    root = logging.getLogger()
    others = [one for one in root.handlers if not isinstance(one.formatter, JSONFormatter)]
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
    sys.excepthook = _log_uncaught


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
        quiet = request.endpoint in {"health.healthz", "health.readyz", "metrics", None}
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


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:
        # Logging itself would print message and arguments to standard error, secrets and all.
        return f"{record.msg} (does not fit its arguments)"


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    logging.getLogger("webapp").critical("stopped by an error", exc_info=(kind, error, trace))
