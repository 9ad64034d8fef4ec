"""A product told to others: by a message that Telegram keeps for its sender."""

from typing import Any

import pytest

from tests.views.conftest import Telegram
from webapp.db.models import User
from webapp.usecases.shares import SHARES_A_MINUTE

pytestmark = [
    pytest.mark.usefixtures("noon"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


def share(client: Any, slug: str = "atlas") -> Any:
    return client.post(f"/products/{slug}/share")


def test_a_shared_product_leads_back_to_it(client: Any, alice: User, telegram: Telegram) -> None:
    assert share(client.as_(alice)).json == {"id": "prepared-1"}
    [(method, told)] = telegram.calls
    assert (method, told["user_id"]) == ("savePreparedInlineMessage", alice.telegram_id)
    message = told["result"]
    assert message["input_message_content"]["message_text"].startswith("Atlas\n\n")
    preview = message["input_message_content"]["link_preview_options"]
    assert preview["url"] == "https://shop.test/products/atlas"
    assert message["thumbnail_url"].startswith("https://shop.test/previews/")
    [[button]] = message["reply_markup"]["inline_keyboard"]
    assert button["url"].endswith("?startapp=atlas")
    assert told["allow_user_chats"] is told["allow_group_chats"] is told["allow_channel_chats"] is True


@pytest.mark.parametrize("slug", ["gone", "x" * 300, "%F0%9F%8C%8C"])
def test_what_is_not_sold_cannot_be_shared(client: Any, alice: User, telegram: Telegram, slug: str) -> None:
    assert share(client.as_(alice), slug).status_code == 404
    assert telegram.calls == []


def test_telegram_is_not_asked_for_messages_without_end(
    client: Any, alice: User, bob: User, telegram: Telegram
) -> None:
    told = [share(client.as_(alice)).status_code for _try in range(SHARES_A_MINUTE + 1)]
    assert told == [200] * SHARES_A_MINUTE + [429]
    assert share(client.as_(bob)).status_code == 200


def test_a_message_that_telegram_will_not_keep_is_no_error_of_the_shop(
    client: Any, alice: User, telegram: Telegram
) -> None:
    telegram.refuses = "Bad Request: PEER_TYPES_INVALID"
    assert share(client.as_(alice)).status_code == 502
    telegram.refuses, telegram.is_down = "", True
    assert share(client.as_(alice)).status_code == 503
