"""What the shop is told from outside: read once, checked whole, never changed."""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from flask import current_app

from webapp import platforms

BOT_TOKEN = re.compile(r"(?a:\d{5,16}):[A-Za-z0-9_-]{20,64}")
WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")  # Bot API: setWebhook, secret_token
WEBHOOK_PATH = "/telegram/webhook"
SHORTEST_SECRET = 32  # bytes; RFC 7518 section 3.2 for HS256
PLACEHOLDERS = re.compile(
    r"change.?me|placeholder|example|your[-_ ]|secret[-_ ]?key|^(.)\1*$|insert|dummy", re.IGNORECASE
)
# Mini Apps: validating data for third-party use.
TELEGRAM_KEYS = {
    "production": "e7bf03a2fa4602af4580703d88dda5bb59f32ed8b02a56c187fe7d34caed242d",
    "test": "40055058a4ee38156a06562e52eece92a771bcd8346a8c4615cb7376eddf72ec",
}
# What Telegram takes as the period of a subscription (Bot API: createInvoiceLink; tdlib/td#3309).
PERIODS = {"production": (2_592_000,), "test": (300, 60)}
USUAL_PORTS = {"https": ":443", "http": ":80"}


class ConfigError(Exception):
    """The shop will not start like this; the sentence says what to set."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every setting of the shop; see .env.example for a line on each."""

    bot_token: str = field(repr=False)
    public_url: str
    secret_key: str = field(repr=False)
    previous_secret_keys: tuple[str, ...] = field(default=(), repr=False)
    database_url: str = field(default="sqlite:///var/starfront.db", repr=False)
    bot_api_url: str = "https://api.telegram.org/bot"
    telegram_js_url: str = "https://telegram.org/js/telegram-web-app.js"
    bot_mode: str = "polling"
    webhook_secret: str = field(default="", repr=False)
    previous_webhook_secret: str = field(default="", repr=False)
    metrics_token: str = field(default="", repr=False)
    owner_ids: frozenset[int] = frozenset()
    subscription_seconds: int = 2_592_000
    remind_days: int = 3
    port: int = 8080
    app_env: str = "production"
    bot_environment: str = "production"
    telegram_public_keys: tuple[bytes, ...] = ()
    frame_ancestors: tuple[str, ...] = ()
    proxy_hops: int = 1
    support_contact: str = ""
    log_level: str = "INFO"
    debug: bool = False

    @property
    def bot_id(self) -> int:
        return int(self.bot_token.partition(":")[0])

    @property
    def bot_api_path(self) -> str:
        """What follows the token in the Bot API's addresses: Telegram's test environment is behind a path."""
        return "/test" if self.bot_environment == "test" else ""

    @property
    def origin(self) -> str:
        """The shop's origin as browsers spell it: small letters, no port that goes without saying."""
        address = urlsplit(self.public_url)
        return f"{address.scheme}://{address.netloc.lower().removesuffix(USUAL_PORTS[address.scheme])}"

    @property
    def webhook_url(self) -> str:
        """Where Telegram delivers updates in webhook mode."""
        return f"{self.public_url}{WEBHOOK_PATH}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that must never leave the process."""
        password = urlsplit(self.database_url).password or ""
        values = (
            self.bot_token,
            self.secret_key,
            *self.previous_secret_keys,
            self.webhook_secret,
            self.previous_webhook_secret,
            self.metrics_token,
            password,
        )
        return tuple(value for value in values if value)


def current() -> Config:
    """Return the configuration of the application at work."""
    config: Config = current_app.config["STARFRONT"]
    return config


def load(environ: Mapping[str, str] = os.environ) -> Config:
    """Return the checked configuration.

    :raise ConfigError: with a sentence that says what to set
    """
    read = _Reader(environ)
    app_env = read.choice("APP_ENV", ("production", "development"))
    environment = read.choice("BOT_ENVIRONMENT", ("production", "test"))
    platform = platforms.detect(environ)
    derived = platform.public_url(environ) if platform else ""
    config = Config(
        bot_token=read.secret("BOT_TOKEN"),
        public_url=(read.text("PUBLIC_URL") or derived).rstrip("/"),
        secret_key=read.secret("SECRET_KEY"),
        previous_secret_keys=tuple(read.secret("SECRET_KEY_PREVIOUS").replace(",", " ").split()),
        database_url=database_url(read.secret("DATABASE_URL") or Config.database_url),
        bot_api_url=read.text("BOT_API_URL") or Config.bot_api_url,
        telegram_js_url=read.text("TELEGRAM_JS_URL") or Config.telegram_js_url,
        bot_mode=read.choice("BOT_MODE", ("polling", "webhook")),
        webhook_secret=read.secret("WEBHOOK_SECRET"),
        previous_webhook_secret=read.secret("WEBHOOK_SECRET_PREVIOUS"),
        metrics_token=read.secret("METRICS_TOKEN"),
        owner_ids=frozenset(read.numbers("OWNER_IDS")),
        subscription_seconds=read.number("SUBSCRIPTION_SECONDS", PERIODS[environment][0], 60, 2_592_000),
        remind_days=read.number("REMIND_DAYS", 3, 0, 14),
        port=read.number("PORT", Config.port, 1, 65535),
        app_env=app_env,
        bot_environment=environment,
        telegram_public_keys=tuple(read.hex_keys("TELEGRAM_PUBLIC_KEYS", default=TELEGRAM_KEYS[environment])),
        frame_ancestors=tuple(read.text("FRAME_ANCESTORS").split()),
        proxy_hops=read.number("PROXY_HOPS", 1 if app_env == "production" else 0, 0, 10),
        support_contact=read.text("SUPPORT_CONTACT"),
        log_level=read.choice("LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR")),
        debug=read.flag("FLASK_DEBUG") or read.flag("DEBUG"),
    )
    _check(config, environ)
    return config


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ

    def text(self, name: str) -> str:
        return self.environ.get(name, "").strip()

    def secret(self, name: str) -> str:
        """Return NAME, or what the file named by NAME_FILE holds."""
        path = self.text(f"{name}_FILE")
        if not path:
            return self.text(name)
        if self.text(name):
            raise ConfigError(f"Set {name} or {name}_FILE, not both.")
        try:
            # Mode bits: Docker and Kubernetes mount secrets readable by their owner or group.
            if Path(path).stat().st_mode & 0o004:
                raise ConfigError(f"The file named by {name}_FILE can be read by everyone: chmod 600 it.")
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"The file named by {name}_FILE cannot be read.") from error

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name) or choices[0]
        if value not in choices:
            raise ConfigError(f"{name} must be {' or '.join(sorted(choices))}.")
        return value

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        value = self.text(name) or str(default)
        if not re.fullmatch(r"(?a:\d{1,9})", value) or not lowest <= int(value) <= highest:
            raise ConfigError(f"{name} must be a whole number from {lowest} to {highest}.")
        return int(value)

    def numbers(self, name: str) -> list[int]:
        parts = self.text(name).replace(",", " ").split()
        if not all(re.fullmatch(r"(?a:[1-9]\d{0,15})", part) for part in parts):
            raise ConfigError(f"{name} must be Telegram user ids, separated by commas.")
        return [int(part) for part in parts]

    def hex_keys(self, name: str, default: str) -> list[bytes]:
        parts = (self.text(name) or default).replace(",", " ").split()
        if not all(re.fullmatch(r"[0-9a-fA-F]{64}", part) for part in parts):
            raise ConfigError(f"{name} must be Ed25519 public keys of 64 hexadecimal digits each.")
        return [bytes.fromhex(part) for part in parts]

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in {"1", "true", "yes", "on"}


def database_url(url: str) -> str:
    """Return a database's address as SQLAlchemy spells it; hosts hand out libpq's spelling.

    :raise ConfigError: it is neither SQLite's nor PostgreSQL's
    """
    for spelling in ("postgres://", "postgresql://", "postgresql+psycopg://"):
        if url.startswith(spelling):
            return f"postgresql+psycopg://{url.removeprefix(spelling)}"
    if not url.startswith("sqlite:///"):
        raise ConfigError("DATABASE_URL must begin with sqlite:/// or postgres://.")
    return url


def _check(config: Config, environ: Mapping[str, str]) -> None:
    if not config.bot_token:
        raise ConfigError("BOT_TOKEN is missing: make a bot with @BotFather and set the token it gives you.")
    if not BOT_TOKEN.fullmatch(config.bot_token) or PLACEHOLDERS.search(config.bot_token):
        raise ConfigError("BOT_TOKEN is not a bot token: copy it from @BotFather, digits, colon and all.")
    periods = PERIODS[config.bot_environment]
    if config.subscription_seconds not in periods:
        raise ConfigError(
            f"SUBSCRIPTION_SECONDS must be {' or '.join(map(str, sorted(periods)))} in Telegram's "
            f"{config.bot_environment} environment."
        )
    _check_public_url(config, environ)
    _check_secrets(config)
    _check_production(config, environ)


def _check_public_url(config: Config, environ: Mapping[str, str]) -> None:
    if not config.public_url:
        platform = platforms.detect(environ)
        told = f", or run {platform.address_help}" if platform and platform.address_help else ""
        raise ConfigError(
            f"PUBLIC_URL is missing: set the https:// address at which people reach this shop{told}."
        )
    address = urlsplit(config.public_url)
    if address.scheme not in {"http", "https"} or not address.hostname or address.query or address.fragment:
        raise ConfigError("PUBLIC_URL must be an address such as https://shop.example.org.")
    if address.path:
        raise ConfigError("PUBLIC_URL must be the root of a host: leave the path away.")
    if address.scheme == "http" and not _is_loopback(address.hostname):
        raise ConfigError("PUBLIC_URL must begin with https://: Telegram opens nothing else.")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_secrets(config: Config) -> None:
    advice = f"for example {secrets.token_urlsafe(32)!r}, which was drawn for you just now"
    if not config.secret_key:
        raise ConfigError(f"SECRET_KEY is missing: set a long random value, {advice}.")
    keys = [("SECRET_KEY", config.secret_key)]
    keys += [("SECRET_KEY_PREVIOUS", key) for key in config.previous_secret_keys]
    if config.bot_mode == "webhook" and not config.webhook_secret:
        raise ConfigError(f"WEBHOOK_SECRET is missing: BOT_MODE=webhook needs a long random value, {advice}.")
    keys += [("WEBHOOK_SECRET", config.webhook_secret)] if config.webhook_secret else []
    keys += [("METRICS_TOKEN", config.metrics_token)] if config.metrics_token else []
    for name, value in keys:
        if PLACEHOLDERS.search(value) or len(set(value)) < 8:
            raise ConfigError(f"{name} looks like a placeholder: set a long random value, {advice}.")
        if len(value.encode()) < SHORTEST_SECRET:
            raise ConfigError(f"{name} is too short: it needs at least {SHORTEST_SECRET} bytes, {advice}.")
    for name in ("webhook_secret", "previous_webhook_secret"):
        value = getattr(config, name)
        if value and not WEBHOOK_SECRET.fullmatch(value):
            raise ConfigError("WEBHOOK_SECRET may hold only letters, digits, _ and - (at most 256).")
    if len(set(config.secrets)) != len(config.secrets):
        raise ConfigError("Two secrets are equal: give every one of them a value of its own.")


def _check_production(config: Config, environ: Mapping[str, str]) -> None:
    platform = platforms.detect(environ)
    marker = platform and platform.marker_in(environ)
    if config.debug and (marker or config.app_env == "production"):
        raise ConfigError("Debugging is on in production: unset DEBUG and FLASK_DEBUG.")
    if config.app_env == "development" and marker:
        raise ConfigError(f"APP_ENV=development on a server ({marker} is set): unset APP_ENV.")
    loses_disk = platform and not platform.keeps_disk and not environ.get("SQLITE_DISK_IS_KEPT")
    if platform and loses_disk and config.database_url.startswith("sqlite"):
        raise ConfigError(
            f"SQLite on {platform.name} loses every purchase at a restart: set DATABASE_URL to a PostgreSQL "
            "database, or SQLITE_DISK_IS_KEPT=1 if the file lies on a volume that stays."
        )
