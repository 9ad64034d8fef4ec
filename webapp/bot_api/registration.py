"""What Telegram is told at a release: commands, menu button, and where updates go."""

import logging
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import urlsplit

from webapp.bot_api.client import BotApi, BotApiError
from webapp.config import Config
from webapp.errors import N_
from webapp.i18n import languages
from webapp.i18n.languages import Language
from webapp.shop.brand import Brand

log = logging.getLogger(__name__)

# Named one by one: a list left out keeps the last one, and what it lacks never arrives.
ALLOWED_UPDATES = (
    "message",
    "callback_query",
    "pre_checkout_query",
    "my_chat_member",
    "purchased_paid_media",
    "subscription",
)
# What the owner's own Bot API server may be too old for (Bot API 10.2 and 7.10), and what is missed then.
NEWER_UPDATES = {
    "subscription": "that a person cancels a plan in Telegram, or that a renewal fails, is seen only when "
    "its time is over",
    "purchased_paid_media": "paid media that is bought stays without an answer",
}
OFFICIAL_SERVER = "api.telegram.org"
MOST_CONNECTIONS = 40  # Bot API: setWebhook, max_connections (default)
COMMANDS = {
    "start": N_("Start"),
    "shop": N_("Open the shop"),
    "paysupport": N_("Help with a payment or refund"),
    "terms": N_("Terms of sale"),
    "support": N_("Ask us something"),
    "language": N_("Choose your language"),
    "help": N_("What this bot can do"),
}
MENU_BUTTON = N_("Shop")
LONGEST_SHORT_DESCRIPTION, LONGEST_DESCRIPTION = 120, 512  # Bot API: setMyShortDescription, setMyDescription
SHORT_DESCRIPTION = N_("Upgrades for Telegram Stars, unlocked right away.")
DESCRIPTION = N_("Open the shop, pay with Telegram Stars, and use what you bought right away.")


class RegistrationError(Exception):
    """Updates would not arrive like this; the sentence says why and what to do."""


def register(client: BotApi, config: Config, brand: Brand) -> list[str]:
    """Tell Telegram the bot's commands and descriptions, and where its updates go.

    :return: kinds of updates that the owner's own Bot API server is too old to send
    :raise RegistrationError: a webhook is in the way, or was not accepted
    :raise BotApiError: Telegram did not take the webhook
    """
    _dress(client, config, brand)
    if config.bot_mode == "webhook":
        return _set_webhook(client, config)
    _check_polling(client, config)
    return []


def is_too_old(config: Config, missing: Collection[str]) -> bool:
    """Tell whether updates that do not come are all of a kind that the owner's own server may not know."""
    is_own = urlsplit(config.bot_api_url).hostname != OFFICIAL_SERVER
    return bool(missing) and is_own and set(missing) <= NEWER_UPDATES.keys()


def what_is_missed(missing: Collection[str]) -> str:
    """Return what a server of the owner's does not know, and what comes of it."""
    told = "; ".join(f"{kind} ({NEWER_UPDATES[kind]})" for kind in sorted(missing))
    return f"The Bot API server at BOT_API_URL is too old for these updates: {told}."


def menu_button(config: Config, language: Language) -> dict[str, Any]:
    """Return the button beside the message field (Bot API: MenuButtonWebApp)."""
    page = {"url": f"{config.public_url}/"}
    return {"type": "web_app", "text": language.say(MENU_BUTTON), "web_app": page}


def short_description(language: Language, brand: Brand) -> str:
    """Return what the bot's page says of the shop."""
    return language.say(brand.tagline or SHORT_DESCRIPTION)[:LONGEST_SHORT_DESCRIPTION]


def description(language: Language, brand: Brand) -> str:
    """Return what an empty chat with the bot says of the shop."""
    told = [language.say(text) for text in (brand.tagline, DESCRIPTION) if text]
    return "\n\n".join(told)[:LONGEST_DESCRIPTION]


def _dress(client: BotApi, config: Config, brand: Brand) -> None:
    own = languages.best([brand.language])
    # The shop's own language is for everybody else, too, and a face that was set for people of one stays.
    faces = [part for language in languages.all_().values() for part in _face(language, brand)]
    faces += _face(own, brand, is_for_others=True)
    # The only text of the bot that Telegram takes for a chat, and not for a language.
    button = ("setChatMenuButton", {"menu_button": menu_button(config, own)})
    for method, params in (*faces, button):
        try:
            client.call(method, params)
        except BotApiError as error:
            # A shop without a menu button still sells.
            log.warning("%s did not work: %s", method, error.description)


def _face(
    language: Language, brand: Brand, *, is_for_others: bool = False
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what people of a language see of the bot, or those of all that it is not told in."""
    code = "" if is_for_others else language.locale.language
    said = {name: language.say(text) for name, text in COMMANDS.items()}
    commands = [{"command": name, "description": text} for name, text in said.items()]
    for method, params in (
        ("setMyCommands", {"commands": commands}),
        ("setMyShortDescription", {"short_description": short_description(language, brand)}),
        ("setMyDescription", {"description": description(language, brand)}),
    ):
        yield method, {**params, **({"language_code": code} if code else {})}


def _set_webhook(client: BotApi, config: Config) -> list[str]:
    wanted: dict[str, Any] = {
        "url": config.webhook_url,
        "secret_token": config.webhook_secret,
        "allowed_updates": list(ALLOWED_UPDATES),
        "max_connections": MOST_CONNECTIONS,
    }
    client.call("setWebhook", wanted)
    info = client.call("getWebhookInfo")
    kept = set(info.get("allowed_updates", []))
    missing = sorted(set(ALLOWED_UPDATES) - kept)
    is_whole = kept == set(ALLOWED_UPDATES) or (kept < set(ALLOWED_UPDATES) and is_too_old(config, missing))
    if info.get("url") != wanted["url"] or not is_whole:
        raise RegistrationError(
            "Telegram did not keep the webhook as it was set: is another release, or another program with "
            "this token, setting one at the same time?"
        )
    return missing


def _check_polling(client: BotApi, config: Config) -> None:
    url = client.call("getWebhookInfo").get("url", "")
    if not url:
        return
    if url != config.webhook_url:
        raise RegistrationError(
            f"A webhook of something else is set for this bot: {url}. Stop what uses it and delete it, "
            "or use a bot of its own for this shop."
        )
    # Our own, from when BOT_MODE was webhook; what waits there will be polled.
    client.call("deleteWebhook")
