"""What is unsafe or missing among settings that are well formed, a sentence each."""

import re
import secrets
from collections.abc import Iterator
from typing import TypeAlias
from urllib.parse import urlsplit

from webapp.config.reader import PERIODS, Reader
from webapp.config.settings import Config
from webapp.db import database_urls
from webapp.host import addresses, platforms
from webapp.host.addresses import AddressInvalid
from webapp.host.guessable import is_guessable
from webapp.host.platforms import Platform

BOT_TOKEN = re.compile(r"(?a:\d{5,16}):[A-Za-z0-9_-]{20,64}")
WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")  # Bot API: setWebhook, secret_token
SHORTEST_PASSWORD = 6  # characters: a shorter one may be any word of a log, and hosts draw longer ones
SHORTEST_SECRET = 32  # bytes; RFC 7518 section 3.2 for HS256
PLACEHOLDERS = re.compile(
    r"change.?me|placeholder|example|your[-_ ]|secret[-_ ]?key|^(.)\1*$|insert|dummy", re.IGNORECASE
)
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")  # what httpx speaks

Objections: TypeAlias = Iterator[tuple[str, str]]  # a setting and what is wrong with it


def objections(config: Config, read: Reader) -> Objections:
    platform = platforms.detect(read.environ)
    yield from _about_token(config)
    yield from _about_address(config, platform)
    yield from _about_telegrams_addresses(config, read)
    yield from _about_secrets(config)
    periods = PERIODS[config.bot_environment]
    if config.subscription_seconds not in periods:
        yield (
            "SUBSCRIPTION_SECONDS",
            f"SUBSCRIPTION_SECONDS must be {' or '.join(map(str, sorted(periods)))} in Telegram's "
            f"{config.bot_environment} environment.",
        )
    yield from _about_production(config, platform, read)
    yield from _about_proxies(read)


def _about_token(config: Config) -> Objections:
    if not config.bot_token:
        yield (
            "BOT_TOKEN",
            "BOT_TOKEN is missing: create a bot with @BotFather and set the token it gives you.",
        )
    elif not BOT_TOKEN.fullmatch(config.bot_token) or PLACEHOLDERS.search(config.bot_token):
        yield "BOT_TOKEN", "BOT_TOKEN is not a bot token: copy all of it from @BotFather."


def _about_address(config: Config, platform: Platform | None) -> Objections:
    sentence = _fault_of_address(config, platform)
    if sentence:
        yield "PUBLIC_URL", sentence


def _fault_of_address(config: Config, platform: Platform | None) -> str:
    if not config.public_url:
        told = f", or run {platform.address_help}" if platform and platform.address_help else ""
        return f"PUBLIC_URL is missing: set this shop's public https:// address{told}."
    address = urlsplit(config.public_url)
    if address.scheme == "http" and not addresses.is_loopback(address.hostname or ""):
        return "PUBLIC_URL must start with https://: Telegram opens nothing else."
    return ""


def _about_telegrams_addresses(config: Config, read: Reader) -> Objections:
    """Object to what breaks the content policy, and to ways on which a token or a script is open to all."""
    may_be_plain = read.flag("BOT_API_IS_PRIVATE")
    for name, address in (
        ("TELEGRAM_JS_URL", config.telegram_js_url),
        ("BOT_API_URL", config.bot_api_url),
    ):
        try:
            parts = addresses.split(address)
        except AddressInvalid as error:
            yield name, f"{name} {error}."
            continue
        host = parts.hostname or ""
        if parts.scheme == "https" or addresses.is_loopback(host) or config.app_env == "development":
            continue
        if name == "TELEGRAM_JS_URL":
            yield (
                name,
                "TELEGRAM_JS_URL must start with https://: over http anyone can change the script.",
            )
        elif not may_be_plain or addresses.is_public(host):
            yield (
                name,
                "BOT_API_URL must start with https://: over http anyone along the way can read the token. On "
                "your own private network, set BOT_API_IS_PRIVATE=1.",
            )


def _about_secrets(config: Config) -> Objections:
    if not config.secret_key:
        yield "SECRET_KEY", f"SECRET_KEY is missing: set a long random value, {_advice()}."
    if config.bot_mode == "webhook" and not config.webhook_secret:
        yield (
            "WEBHOOK_SECRET",
            f"WEBHOOK_SECRET is missing: BOT_MODE=webhook needs a long random value, {_advice()}.",
        )
    named = [
        ("SECRET_KEY", config.secret_key),
        *(("SECRET_KEY_PREVIOUS", key) for key in config.previous_secret_keys),
        ("WEBHOOK_SECRET", config.webhook_secret),
        ("WEBHOOK_SECRET_PREVIOUS", config.previous_webhook_secret),
        ("METRICS_TOKEN", config.metrics_token),
    ]
    for name, value in named:
        if value and (PLACEHOLDERS.search(value) or len(set(value)) < 8):
            yield name, f"{name} looks like a placeholder: set a long random value, {_advice()}."
        if value and is_guessable(value):
            yield name, f"{name} is easy to guess: set a long random value, {_advice()}."
        if value and len(value.encode()) < SHORTEST_SECRET:
            yield name, f"{name} is too short: use at least {SHORTEST_SECRET} bytes, {_advice()}."
    for name, value in (
        ("WEBHOOK_SECRET", config.webhook_secret),
        ("WEBHOOK_SECRET_PREVIOUS", config.previous_webhook_secret),
    ):
        if value and not WEBHOOK_SECRET.fullmatch(value):
            yield name, f"{name} can contain only letters, digits, _ and - (at most 256)."
    if len(set(config.secrets)) != len(config.secrets):
        yield "secrets", "Two secrets are the same: give each its own value."


def _advice() -> str:
    return f"for example {secrets.token_urlsafe(32)!r}, just generated for you"


def _about_production(config: Config, platform: Platform | None, read: Reader) -> Objections:
    marker = platform and platform.marker_in(read.environ)
    if config.debug and (marker or config.app_env == "production"):
        yield "DEBUG", "Debugging is on in production: unset DEBUG and FLASK_DEBUG."
    if config.app_env == "production" and any(
        len(one) < SHORTEST_PASSWORD for one in database_urls.passwords(config.database_url)
    ):
        yield (
            "DATABASE_URL",
            f"The password in DATABASE_URL is too short to keep out of logs: use at least "
            f"{SHORTEST_PASSWORD} characters. Change the database user's password.",
        )
    if config.app_env == "development" and marker:
        yield "APP_ENV", f"APP_ENV=development on a server ({marker} is set): unset APP_ENV."
    loses_disk = platform and not platform.keeps_disk and not config.sqlite_disk_is_kept
    if platform and loses_disk and config.database_url.startswith("sqlite"):
        yield (
            "DATABASE_URL",
            f"SQLite on {platform.name} loses every purchase when it restarts: set DATABASE_URL to a "
            "PostgreSQL database, or SQLITE_DISK_IS_KEPT=1 if the file is on a persistent volume.",
        )


def _about_proxies(read: Reader) -> Objections:
    for name in (*PROXIES, *map(str.lower, PROXIES)):
        value = read.text(name)
        scheme = value.partition("://")[0] if "://" in value else "http"
        if value and (scheme not in PROXY_SCHEMES or not _names_host(value)):
            yield name, f"{name} must be an address such as http://proxy:3128 or socks5://proxy:1080."


def _names_host(proxy: str) -> bool:
    try:
        address = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        return bool(address.hostname) and (address.port is None or address.port > 0)
    except ValueError:
        return False
