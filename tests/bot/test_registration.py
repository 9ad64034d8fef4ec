from collections.abc import Iterator

import pytest

from tests.kit.arrange import set_up
from tests.kit.factories import WEBHOOK_SECRET, make_config
from tests.kit.played import trouble
from tests.kit.processes import TOKEN, Stage, eventually
from webapp.bot_api.client import BotApi, BotApiError
from webapp.bot_api.registration import (
    ALLOWED_UPDATES,
    COMMANDS,
    DESCRIPTION,
    SHORT_DESCRIPTION,
    RegistrationError,
    is_too_old,
    register,
    what_is_missed,
)
from webapp.config import Config
from webapp.i18n import languages
from webapp.shop.brand import Brand

OURS = "https://shop.test/telegram/webhook"


@pytest.fixture
def database_url() -> str:
    return "sqlite:///unused.db"


def webhook(telegram: Stage, **changes: str) -> Config:
    return make_config(bot_token=TOKEN, bot_api_url=f"{telegram.sandbox}/bot", bot_mode="webhook", **changes)


@pytest.fixture
def calm(api: BotApi) -> None:
    """More than a second since the last webhook was set."""
    set_up(api, "")
    eventually(lambda: _may_set(api))


def _may_set(api: BotApi) -> bool:
    try:
        api.call("setWebhook", {"url": "http://no"})
    except BotApiError as error:
        return error.says("https url")
    return True


def test_the_bot_gets_its_face(telegram, api, config):
    register(api, config, Brand())
    bot = telegram.state()["bot"]
    assert {one["command"] for one in bot["commands"]} == set(COMMANDS)
    assert bot["menu_button"]["web_app"]["url"] == "https://shop.test/"
    assert "Stars" in bot["short_description"]
    assert "Stars" in bot["description"]


def test_people_of_each_language_see_the_bot_in_theirs(telegram, api, config):
    register(api, config, Brand())
    faces = telegram.state()["bot"]["faces"]
    assert set(faces) == languages.all_().keys()
    for code, face in faces.items():
        told = {one["command"]: one["description"] for one in face["commands"]}
        assert told == {name: languages.all_()[code].say(text) for name, text in COMMANDS.items()}
        assert face["description"] == languages.all_()[code].say(DESCRIPTION)
        assert face["short_description"] == languages.all_()[code].say(SHORT_DESCRIPTION)
    assert faces["ru"]["short_description"].startswith("Дополнения за звёзды")


def test_the_bot_says_what_its_shop_says_of_itself(telegram, api, config):
    register(api, config, Brand(tagline="Small things, made well.", language="ru"))
    bot = telegram.state()["bot"]
    assert bot["short_description"] == "Small things, made well."
    assert bot["description"].startswith("Small things, made well.\n\n")
    # The shop's own language is for everybody whose language nobody translated.
    assert bot["menu_button"]["text"] == languages.all_()["ru"].say("Shop")
    assert {one["description"] for one in bot["commands"]} == {
        languages.all_()["ru"].say(text) for text in COMMANDS.values()
    }
    assert bot["faces"].keys() == languages.all_().keys()


@pytest.mark.parametrize(
    "method", ["setMyCommands", "setMyShortDescription", "setMyDescription", "setChatMenuButton"]
)
def test_a_shop_without_a_face_still_sells(telegram, api, config, method):
    trouble(telegram, method, status=400)
    register(api, config, Brand())
    assert len(telegram.calls("getWebhookInfo")) == 1


def test_a_shop_that_polls_asks_for_no_webhook(telegram, api, config):
    register(api, config, Brand())
    assert telegram.calls("setWebhook") == []
    assert telegram.calls("deleteWebhook") == []


def test_the_webhook_of_the_shop_itself_makes_way_for_polling(telegram, api, config):
    set_up(api, OURS)
    register(api, config, Brand())
    assert telegram.state()["webhook"] is None


@pytest.mark.proves("F10")
def test_what_waits_at_the_webhook_is_kept_for_polling(telegram, api, config):
    telegram.control("POST", "people/5000000101/messages", text="hello")
    set_up(api, OURS)
    register(api, config, Brand())
    assert "drop_pending_updates" not in str(telegram.calls("deleteWebhook"))
    assert [update["message"]["text"] for update in telegram.state()["pending"]] == ["hello"]


@pytest.mark.proves("F8")
def test_a_webhook_of_something_else_is_left_alone(telegram, api, config):
    set_up(api, "https://elsewhere.test/hook")
    with pytest.raises(RegistrationError, match="https://elsewhere.test/hook"):
        register(api, config, Brand())
    assert telegram.state()["webhook"]["url"] == "https://elsewhere.test/hook"


@pytest.mark.proves("F10")
def test_a_webhook_is_set_with_its_secret_and_every_kind_we_need(telegram, api, calm):
    register(api, webhook(telegram), Brand())
    assert telegram.state()["webhook"]["url"] == OURS
    sent = telegram.calls("setWebhook")[-1]["params"]
    assert sent["secret_token"] == WEBHOOK_SECRET
    assert set(sent["allowed_updates"]) == set(ALLOWED_UPDATES)
    assert "drop_pending_updates" not in sent
    assert {"message", "pre_checkout_query", "subscription"} <= set(ALLOWED_UPDATES)


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_a_webhook_that_telegram_does_not_take_is_an_error(telegram, api, status):
    trouble(telegram, "setWebhook", status=status)
    with pytest.raises(BotApiError):
        register(api, webhook(telegram), Brand())


def test_a_webhook_that_telegram_forgot_is_an_error(telegram, api, calm):
    """Another release with another address came in between."""
    elsewhere = webhook(telegram, public_url="https://other.test")

    class Hasty(BotApi):
        def call(self, method: str, params=None, **options):
            if method == "getWebhookInfo":
                eventually(lambda: _may_set(self))
                super().call("setWebhook", {"url": "https://elsewhere.test/hook"})
            return super().call(method, params, **options)

    client = Hasty(elsewhere.bot_api_url, elsewhere.bot_token)
    with pytest.raises(RegistrationError, match="at the same time"):
        register(client, elsewhere, Brand())
    client.close()


class Old(BotApi):
    """A client of a Bot API server that leaves out the kinds of updates it does not know."""

    unknown: frozenset[str] = frozenset()

    def call(self, method: str, params=None, **options):
        if method == "setWebhook":
            known = [kind for kind in params["allowed_updates"] if kind not in self.unknown]
            params = {**params, "allowed_updates": known}
        return super().call(method, params, **options)


@pytest.fixture
def old(telegram: Stage) -> Iterator[Old]:
    one = Old(f"{telegram.sandbox}/bot", TOKEN)
    yield one
    one.close()


def test_a_server_that_is_too_old_for_a_kind_of_update_is_told_of_and_no_other_program(telegram, old, calm):
    old.unknown = frozenset({"subscription"})
    assert register(old, webhook(telegram), Brand()) == ["subscription"]
    assert what_is_missed(["subscription"]).startswith(
        "The Bot API server at BOT_API_URL is too old for these updates: subscription (that a person cancels"
    )


@pytest.mark.parametrize("kind", ["pre_checkout_query", "message"])
def test_without_what_a_sale_needs_there_is_no_release(telegram, old, calm, kind):
    old.unknown = frozenset({"subscription", kind})
    with pytest.raises(RegistrationError, match="at the same time"):
        register(old, webhook(telegram), Brand())


def test_telegrams_own_server_knows_every_kind():
    assert not is_too_old(make_config(bot_api_url="https://api.telegram.org/bot"), ["subscription"])
    assert is_too_old(make_config(bot_api_url="http://127.0.0.1:8081/bot"), ["subscription"])
