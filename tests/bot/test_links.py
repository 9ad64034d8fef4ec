"""What the shop makes of Telegram's answers when the link spoils them; T13 of the failure model."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kit.played import ALICE
from tests.kit.processes import TOKEN, Stage
from tests.kit.proxy import SOUND, Fault, Proxy
from webapp.bot_api.client import BotApi, BotApiError, OutcomeUnknown, Refused


@pytest.fixture
def link(telegram: Stage) -> Iterator[Proxy]:
    """The way to Telegram."""
    proxy = Proxy(("127.0.0.1", telegram.sandbox_port))
    yield proxy
    proxy.close()


@pytest.fixture
def api(link: Proxy) -> Iterator[BotApi]:
    api = BotApi(f"http://127.0.0.1:{link.port}/bot", TOKEN)
    yield api
    api.close()


@pytest.fixture
def database_url() -> str:
    return "sqlite://"


@pytest.mark.parametrize(
    ("method", "params", "whole"),
    [
        ("getMe", {}, None),
        ("refundStarPayment", {"user_id": ALICE, "telegram_payment_charge_id": "none"}, Refused),
    ],
)
def test_an_answer_cut_short_at_any_byte_is_no_answer(link, api, method, params, whole):
    for length in itertools.count():
        link.fault = Fault(cut="truncate", after_bytes=length)
        outcome = outcome_of(api, method, params)
        if outcome is not OutcomeUnknown:
            break
    assert outcome is whole
    assert length > 200


@pytest.mark.proves("F39")
@pytest.mark.parametrize("cut", ["reset", "silence", "half-close", "truncate"])
def test_a_telegram_that_is_cut_off_is_found_again(link, api, cut):
    for _ in range(4):
        link.fault = Fault(cut=cut, after_bytes=3)
        assert outcome_of(api, "getMe", {}, timeout_seconds=0.3) is OutcomeUnknown
        link.fault = SOUND
        assert outcome_of(api, "getMe", {}) is None


def outcome_of(api: BotApi, method: str, params: dict[str, Any], **options: Any) -> type[BotApiError] | None:
    """Return how a call failed, or None when it did not."""
    try:
        api.call(method, params, **options)
    except BotApiError as error:
        return type(error)
    return None
