"""Telegram in a box, asked over HTTP: as Telegram by ``telegram``, as its bot by ``bot``."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.kit.processes import TOKEN, Stage

MONTH = 2_592_000  # seconds: what Telegram calls a month of a subscription
PLAN_STARS = 40


@dataclass(frozen=True)
class Bot:
    """The bot's side: calls, refusals and updates."""

    stage: Stage
    environment: str = ""  # or test/

    def answer(self, method: str, **params: Any) -> httpx.Response:
        address = f"{self.stage.sandbox}/bot{TOKEN}/{self.environment}{method}"
        return self.stage.http.post(address, json=params)

    def call(self, method: str, **params: Any) -> Any:
        told = self.answer(method, **params).json()
        assert told["ok"], told
        return told["result"]

    def refusal(self, method: str, **params: Any) -> str:
        """Return in which words Telegram refuses a call."""
        told = self.answer(method, **params).json()
        assert not told["ok"], told
        return str(told["description"])

    def updates(self, kind: str) -> list[dict[str, Any]]:
        """Return what is said in the waiting updates of a kind, confirming nothing."""
        return [update[kind] for update in self.call("getUpdates") if kind in update]

    def payments(self) -> list[dict[str, Any]]:
        """Return what the waiting messages about payments say."""
        return [one["successful_payment"] for one in self.updates("message") if "successful_payment" in one]

    def invoice(self, stars: int = 30, **changes: Any) -> str:
        """Return the slug of an invoice."""
        asked = {
            "title": "Deep Sky Atlas",
            "description": "Charts for every month",
            "payload": "order-1",
            "provider_token": "",
            "currency": "XTR",
            "prices": [{"label": "Atlas", "amount": stars}],
        }
        return str(self.call("createInvoiceLink", **{**asked, **changes})).rpartition("$")[2]

    def plan(self, period: int = MONTH, **changes: Any) -> str:
        """Return the slug of an invoice that is a subscription."""
        return self.invoice(PLAN_STARS, payload="plan-1", subscription_period=period, **changes)


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Telegram, played in a process of its own."""
    stage = Stage(tmp_path_factory.mktemp("box"), "sqlite:///unused.db").play()
    yield stage
    stage.close()


@pytest.fixture
def telegram(box: Stage) -> Stage:
    """The same Telegram, with nothing said or sold yet, pushing nowhere."""
    Bot(box).call("deleteWebhook")
    Bot(box).call("getUpdates", allowed_updates=[])
    jump(box, 1)  # a webhook may be set again
    box.control("POST", "reset")
    return box


@pytest.fixture
def bot(telegram: Stage) -> Bot:
    return Bot(telegram)


def control(telegram: Stage, method: str, path: str, body: Any = None) -> httpx.Response:
    """Ask the control API for anything, also for what makes no sense."""
    return telegram.http.request(method, f"{telegram.sandbox}/sandbox/{path}", json=body)


def stars(telegram: Stage, person: int) -> int:
    """Return how many Stars a person has."""
    return next(int(one["stars"]) for one in telegram.state()["people"] if one["id"] == person)


def charge(telegram: Stage, person: int, slug: str, **changes: Any) -> dict[str, Any]:
    """Have a person pay an invoice without a question to the bot."""
    charged: dict[str, Any] = telegram.control("POST", "charges", person=person, slug=slug, **changes)
    return charged


def jump(telegram: Stage, seconds: float) -> None:
    """Move Telegram's clock."""
    telegram.control("POST", "clock", seconds=seconds)
