"""A Telegram that answers at once, and a clock that stands still until it is wound."""

from datetime import timedelta
from typing import Any

import pytest

from tests.kit.arrange import NOW
from tests.kit.shared import app, config, database_url, new_app, postgresql_place, sqlite_place
from webapp import clock
from webapp.bot_api import client as bot_api
from webapp.bot_api.client import NotReached, Refused

__all__ = ["app", "config", "database_url", "new_app", "postgresql_place", "sqlite_place"]


class Telegram:
    """Answers like the Bot API and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.statement: list[dict[str, Any]] = []
        self.is_down = False
        self.refuses = ""

    def call(self, method: str, params: dict[str, Any], **_options: Any) -> Any:
        self.calls.append((method, params))
        if self.is_down:
            raise NotReached("down")
        if self.refuses:
            raise Refused(self.refuses)
        if method == "getStarTransactions":
            return {"transactions": self.statement}
        if method == "savePreparedInlineMessage":
            return {"id": f"prepared-{len(self.calls)}", "expiration_date": 0}
        return f"https://t.me/$inv{len(self.calls)}" if method == "createInvoiceLink" else True

    def pause_seconds(self, _method: str) -> float:
        return 0.0

    def asked(self) -> list[str]:
        return [method for method, _params in self.calls]


@pytest.fixture
def telegram(monkeypatch: pytest.MonkeyPatch) -> Telegram:
    fake = Telegram()
    monkeypatch.setattr(bot_api, "get_client", lambda *_settings, **_more: fake)
    return fake


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    wind(monkeypatch, timedelta())


def wind(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Have it be so much after noon."""
    monkeypatch.setattr(clock, "now", lambda: NOW + by)
