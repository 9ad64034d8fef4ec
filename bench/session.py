"""What one sign-in costs our own CPU: the whole POST /session, the database's share taken out.

    python bench/session.py

Everybody here is new, which is the dearest kind of sign-in. The database is SQLite in a file of
its own; time spent inside its driver is not ours. SQLAlchemy's is counted as ours, and shown.
"""

import io
import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from platform import python_version
from typing import Any

from flask import Flask
from flask_migrate import upgrade

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.kit.factories import make_config, make_init_data  # noqa: E402
from webapp import create_app  # noqa: E402
from webapp.db.engine import db  # noqa: E402
from webapp.domain.people import init_data, sessions  # noqa: E402
from webapp.views import session  # noqa: E402

ROUNDS = 1000
MOST_MILLISECONDS = 1.0
DRIVER = ("do_begin", "do_commit", "do_execute", "do_execute_no_params", "do_rollback", "do_close")


class Stopwatch:
    """CPU time spent inside functions, in nanoseconds."""

    def __init__(self) -> None:
        self.spent = 0

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time taken."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            begun = time.thread_time_ns()
            try:
                return call(*args, **kwargs)
            finally:
                self.spent += time.thread_time_ns() - begun

        return timed


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(make_config(database_url=f"sqlite:///{folder}/shop.db", log_level="WARNING"))
        logging.disable(logging.INFO)
        with app.app_context():
            upgrade()
        return report(app)


def report(app: Flask) -> int:
    now = datetime.now(UTC)
    raw = launch(1, now)
    whole, library, database = measure(app, [launch(number, now) for number in range(1, ROUNDS + 1)])
    keys, secret = app.extensions["keys"], app.extensions["init_data_secret"]
    parts = {
        "verify the launch": lambda: init_data.verify(raw, secret, now=now),
        "mint the token": lambda: sessions.mint(1, 0, bot_id=1, auth_at=now, keys=keys, now=now),
    }
    own = whole - database
    print(f"Python {python_version()}, a launch of {len(raw)} bytes, CPU medians of {ROUNDS}")
    for name, milliseconds in {
        "whole request": whole,
        "in the database's driver": database,
        "our own": own,
        "  of it: SQLAlchemy": library - database,
        **{f"  of it: {name}": timed(call) for name, call in parts.items()},
    }.items():
        print(f"{name:30}{milliseconds:8.3f} ms{milliseconds / own:8.2f} of our own")
    return 0 if own < MOST_MILLISECONDS else 1


def launch(number: int, now: datetime) -> str:
    """Return the first launch of somebody new."""
    person = {"id": number, "first_name": "Alice", "last_name": "Example", "username": "alice"}
    return make_init_data(
        {
            **person,
            "language_code": "en",
            "photo_url": "https://t.me/i/userpic/320/4FPEE4tmP3ATHa57u6MqTDih.svg",
        },
        int(now.timestamp()),
        query_id="AAHdF6IQAAAAAN0XohDhrOrc",
        signature="x" * 85 + "A",
    )


def measure(app: Flask, launches: list[str]) -> tuple[float, float, float]:
    """Return the median milliseconds of a whole exchange, its transaction and the driver."""
    transaction, driver = Stopwatch(), Stopwatch()
    session.run_in_transaction = transaction.around(session.run_in_transaction)
    with app.app_context():
        dialect: Any = db.engine.dialect
    for name in DRIVER:
        setattr(dialect, name, driver.around(getattr(dialect, name)))
    wholes, libraries, databases = [], [], []
    for raw in launches:
        environ = request_of(json.dumps({"init_data": raw}).encode())
        transaction.spent = driver.spent = 0
        begun = time.thread_time_ns()
        answer(app, environ)
        wholes.append((time.thread_time_ns() - begun) / 1e6)
        libraries.append(transaction.spent / 1e6)
        databases.append(driver.spent / 1e6)
    return statistics.median(wholes), statistics.median(libraries), statistics.median(databases)


def request_of(body: bytes) -> dict[str, Any]:
    """Return a request as a server hands it on."""
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/session",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "shop.test",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "203.0.113.7",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "shop.test",
        "HTTP_ORIGIN": "https://shop.test",
        "HTTP_SEC_FETCH_SITE": "same-origin",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def answer(app: Flask, environ: dict[str, Any]) -> None:
    statuses: list[str] = []
    chunks: Iterable[bytes] = app.wsgi_app(environ, lambda status, _headers: statuses.append(status))
    b"".join(chunks)
    assert statuses == ["200 OK"], statuses


def timed(call: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        begun = time.thread_time_ns()
        call()
        taken.append((time.thread_time_ns() - begun) / 1e6)
    return statistics.median(taken)


if __name__ == "__main__":
    sys.exit(main())
