"""What Telegram says of the bot, and whether its updates arrive."""

import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from webapp.bot_api import registration, witness
from webapp.bot_api.client import SKEW_PROBLEM_SECONDS, BotApi, BotApiError, Unauthorized
from webapp.bot_api.registration import ALLOWED_UPDATES
from webapp.config import Config
from webapp.host import addresses
from webapp.host.addresses import AddressInvalid
from webapp.ops.doctor.findings import Finding, ok, problem, warning

RELEASE = "Run flask --app webapp release."
SKEW_WARNING_SECONDS = 5
RECENT_SECONDS = 300  # how long a failed delivery is news
MANY_WAITING = 100  # updates; more come with one answer to nobody who polls
# What Telegram's last_error_message tells of the cause.
HINTS = {
    r"\b401\b": "Telegram has a different WEBHOOK_SECRET from the web process: set the same one for web "
    "and release, then run flask --app webapp release.",
    r"\b30\d\b": "PUBLIC_URL redirects: set it to the final address, and release again.",
    r"\b(404|405)\b": "Something other than this shop answers at PUBLIC_URL: fix the address.",
    r"\b5\d\d\b": "The web process is failing: read its log.",
    r"(?i)certificate|ssl": "Make sure the host presents a valid certificate with its full chain.",
}
UNHINTED = "Check that the web process is running and can be reached from the internet at PUBLIC_URL."


def examine(client: BotApi, config: Config, now: datetime) -> list[Finding]:
    """Return what Telegram says, or that it cannot be asked."""
    try:
        bot = client.call("getMe")
        info = client.call("getWebhookInfo")
        button = client.call("getChatMenuButton")
    except Unauthorized:
        return [
            problem(
                "token",
                "Telegram does not know this BOT_TOKEN.",
                "Copy all of it again from @BotFather; it may have been revoked there.",
            )
        ]
    except BotApiError as error:
        return [
            problem(
                "telegram",
                f"Telegram could not be asked ({error.description}).",
                "Check the network and BOT_API_URL, then run the doctor again: it checked everything else.",
            )
        ]
    return [
        ok("token", f"Telegram knows it as @{bot['username']}."),
        clock(client.clock_skew_seconds, config),
        *deliveries(info, config, now),
        _menu_button(button, config),
    ]


def clock(skew_seconds: float | None, config: Config) -> Finding:
    """Judge how far this machine's clock is ahead of Telegram's."""
    if skew_seconds is None:
        return warning(
            "clock", "The clock could not be compared with Telegram's.", "Run the doctor again in a moment."
        )
    if abs(skew_seconds) <= SKEW_WARNING_SECONDS:
        return ok("clock", "It agrees with Telegram's.")
    if abs(skew_seconds) > SKEW_PROBLEM_SECONDS and witness.is_on_our_side(config.telegram_js_url):
        return warning(
            "clock",
            f"The Bot API server is {abs(skew_seconds):.0f} seconds off; this machine's clock is right.",
            "Sync the clock of the server at BOT_API_URL with NTP.",
        )
    judged = problem if abs(skew_seconds) > SKEW_PROBLEM_SECONDS else warning
    side = "ahead of" if skew_seconds > 0 else "behind"
    return judged(
        "clock",
        f"The clock is {abs(skew_seconds):.0f} seconds {side} Telegram's.",
        "Sync it with NTP (timedatectl set-ntp true), or ask the host to: launches are checked by it.",
    )


def deliveries(info: dict[str, Any], config: Config, now: datetime) -> list[Finding]:
    """Judge by getWebhookInfo whether updates arrive."""
    return [_webhook(str(info.get("url", "")), config), _kinds(info, config), _waiting(info, now)]


def delivery_problem(info: dict[str, Any], config: Config, now: datetime) -> str | None:
    """Return why updates do not arrive and what to do, or None when they do."""
    return next((one.words for one in deliveries(info, config, now) if one.severity == "problem"), None)


def _webhook(url: str, config: Config) -> Finding:
    host = urlsplit(url).netloc.rpartition("@")[2]  # the rest may hold another program's secrets
    if config.bot_mode == "polling":
        if not url:
            return ok("webhook", "None is set, so updates can be polled.")
        if url == config.webhook_url:
            return problem("webhook", "The shop's webhook is still set, so nothing can be polled.", RELEASE)
        return problem(
            "webhook",
            f"A webhook is set for {host}, so nothing can be polled.",
            "Stop whatever uses it and delete it, or give this shop its own bot.",
        )
    if url == config.webhook_url:
        return ok("webhook", "It is set for this shop.")
    if not url:
        return problem("webhook", "No webhook is set, so no update arrives.", RELEASE)
    return problem(
        "webhook",
        f"The webhook is set for another address ({host}).",
        f"{RELEASE} If it changes again on its own, another program uses this token: stop it, or revoke the "
        "token at @BotFather.",
    )


def _kinds(info: dict[str, Any], config: Config) -> Finding:
    missing = set(ALLOWED_UPDATES) - set(info.get("allowed_updates") or ALLOWED_UPDATES)
    if not missing:
        return ok("update kinds", "Telegram sends every kind the shop needs.")
    if registration.is_too_old(config, missing):
        return warning("update kinds", registration.what_is_missed(missing), "Update that server.")
    remedy = RELEASE
    if config.bot_mode == "polling":
        remedy = "Start bot.py, which asks for all of them; if it is running, another program polls too."
    return problem("update kinds", f"Telegram does not send {', '.join(sorted(missing))}.", remedy)


def _waiting(info: dict[str, Any], now: datetime) -> Finding:
    count = info.get("pending_update_count", 0)
    failed_at = info.get("last_error_date") or 0
    if count and now.timestamp() - failed_at < RECENT_SECONDS:
        reason = str(info.get("last_error_message", "no reason given"))
        remedy = next((hint for pattern, hint in HINTS.items() if re.search(pattern, reason)), UNHINTED)
        return problem("deliveries", f"Telegram could not deliver {count} updates ({reason}).", remedy)
    if count > MANY_WAITING:
        return warning(
            "deliveries",
            f"{count} updates wait at Telegram.",
            "Check that only bot.py runs with this token; in webhook mode, that the web process keeps up.",
        )
    return ok("deliveries", f"{count} updates wait at Telegram.")


def _menu_button(button: dict[str, Any], config: Config) -> Finding:
    page = button.get("web_app") or {}
    if _leads_to(str(page.get("url", "")), config.public_url):
        return ok("menu button", "It opens the shop.")
    return warning("menu button", "The button beside the bot's chat does not open this shop.", RELEASE)


def _leads_to(address: str, origin: str) -> bool:
    try:
        return addresses.origin(address) == origin
    except AddressInvalid:
        return False
