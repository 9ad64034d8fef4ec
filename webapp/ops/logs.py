"""Logs: where records go, what each says beside its message, and one id from tap to grant."""

import logging
import os
import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, g, request

from webapp.config import Config
from webapp.ops.log_lines import CleanFormatter, JSONFormatter, TextFormatter, bound

NOISY = ("httpx", "httpcore", "telegram", "asyncio")


# Servers and tools that bring handlers of their own, which would print past ours.
OTHERS = ("gunicorn.error", "gunicorn.access", "werkzeug", "flask.app", "alembic")


def init(config: Config) -> None:
    """Send every record of this process to standard output: as clean JSON, or as text for people."""
    # What a command prints may be read by a program: `catalog export > file`. Flask sets the variable.
    is_command = os.environ.get("FLASK_RUN_FROM_CLI") == "true"
    handler = logging.StreamHandler(sys.stderr if is_command else sys.stdout)
    handler.setFormatter(_formatter(config, handler.stream))
    root = logging.getLogger()
    kept = [other for other in root.handlers if not isinstance(other.formatter, CleanFormatter)]
    root.handlers[:] = [*kept, handler]
    root.setLevel(config.log_level)
    # What no line tells need not be found out (the Logging HOWTO, on optimization).
    logging.logThreads = logging.logMultiprocessing = logging.logProcesses = False
    _quieten(config.log_level)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda end: _log_uncaught(end.exc_type, end.exc_value, end.exc_traceback)


def _quieten(level: str) -> None:
    """Let libraries say what matters, and say it through us."""
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "DEBUG" else logging.WARNING)
    for name in OTHERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # gunicorn tells of sockets that it opens itself; ours are the workers', so that its line names none.
    logging.getLogger("gunicorn.error").addFilter(_names_something)


@contextmanager
def bind(**facts: Any) -> Iterator[None]:
    """Put these facts into every line logged inside the block."""
    before = bound.set({**bound.get(), **facts})
    try:
        yield
    finally:
        bound.reset(before)


def correlation_id() -> str:
    """Return the id that ties together what one tap set in motion."""
    return str(bound.get().get("correlation_id", "")) or new_correlation_id()


def new_correlation_id() -> str:
    return secrets.token_hex(8)


def init_app(app: Flask) -> None:
    """Log every request once, under an id of its own."""
    log = logging.getLogger("webapp.requests")

    @app.before_request
    def begin() -> None:
        g.bound = bound.set({"correlation_id": new_correlation_id()})
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
            bound.reset(g.pop("bound"))


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


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: Any) -> None:
    logging.getLogger("webapp").critical("stopped by an error", exc_info=(kind, error or kind(), trace))
