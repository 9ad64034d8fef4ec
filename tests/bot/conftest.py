"""A shop whose Bot API is the sandbox's: one sandbox for all tests, as new for each."""

from collections.abc import Iterator

import pytest

from tests.kit import arrange
from tests.kit.factories import make_config
from tests.kit.hands import charge, hands
from tests.kit.plans import context, plan
from tests.kit.played import ALICE, BOB, CARMEN
from tests.kit.processes import TOKEN, Stage
from tests.kit.shared import app, database_url, new_app, postgresql_place, sqlite_place
from webapp.bot_api import client as bot_api
from webapp.bot_api import witness
from webapp.bot_api.client import BotApi
from webapp.config import Config
from webapp.db.models import User

__all__ = [
    "charge",
    "context",
    "hands",
    "plan",
    "app",
    "database_url",
    "new_app",
    "postgresql_place",
    "sqlite_place",
]


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Telegram, played in a process of its own."""
    stage = Stage(tmp_path_factory.mktemp("box"), "sqlite:///unused.db").play()
    yield stage
    bot_api.get_client(f"{stage.sandbox}/bot", TOKEN).close()
    stage.close()


@pytest.fixture
def telegram(box: Stage) -> Stage:
    """The same Telegram, with nothing said or sold yet."""
    client = bot_api.get_client(f"{box.sandbox}/bot", TOKEN)
    client.flood_control.forget()  # what another test's Telegram asked for
    witness._beginning.cache_clear()  # and what time it told
    client.call("deleteWebhook")
    box.control("POST", "reset")
    box.control("PUT", "troubles", delay_seconds=0)
    for person in (ALICE, BOB, CARMEN):
        box.control("PATCH", f"people/{person}", started=True)
    return box


@pytest.fixture
def config(telegram: Stage, database_url: str) -> Config:
    return make_config(
        bot_token=TOKEN,
        bot_api_url=f"{telegram.sandbox}/bot",
        telegram_js_url=f"{telegram.sandbox}/telegram-web-app.js",
        database_url=database_url,
        owner_ids=frozenset({CARMEN}),
    )


@pytest.fixture
def api(config: Config) -> BotApi:
    return bot_api.get_client(config.bot_api_url, config.bot_token)


@pytest.fixture
def alice(open_shop: None) -> User:
    return arrange.meet(ALICE, first_name="Alice")


@pytest.fixture
def bob(open_shop: None) -> User:
    return arrange.meet(BOB, first_name="Bob", language_code="ru")
