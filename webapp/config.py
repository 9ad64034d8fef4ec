"""What the shop is told from outside: read once, checked whole, never changed."""

import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from flask import current_app

from webapp.db import database_urls
from webapp.host import addresses, env_file, platforms
from webapp.host.addresses import AddressInvalid
from webapp.host.guessable import is_guessable
from webapp.host.platforms import Platform
from webapp.shop import folder
from webapp.shop.folder import Folder, FolderMissing

BOT_TOKEN = re.compile(r"(?a:\d{5,16}):[A-Za-z0-9_-]{20,64}")
WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")  # Bot API: setWebhook, secret_token
WEBHOOK_PATH = "/telegram/webhook"
SHORTEST_PASSWORD = 6  # characters: a shorter one may be any word of a log, and hosts draw longer ones
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
# Programs read a server's logs, people their own console; the first is what is taken unless the other is set.
LOG_FORMATS = {"production": ("json", "text"), "development": ("text", "json")}
GROUP = re.compile(r"(?a:(?P<chat>-[1-9]\d{0,15})(:(?P<topic>[1-9]\d{0,8}))?)")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
MEANINGS = {
    "": False,
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
# What owners hear of beside what somebody has to look at.
HEALTH = "health"
NOTICES = ("sales", "refunds", "plans", HEALTH)
NO_NOTICES = "none"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")  # what httpx speaks

Objections: TypeAlias = Iterator[tuple[str, str]]  # a setting and what is wrong with it


class ConfigError(Exception):
    """The shop will not start like this; each sentence says what to set."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(*sentences)
        self.sentences = sentences

    def __str__(self) -> str:
        return "\n".join(self.sentences)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every setting of the shop; see .env.example for a line on each."""

    bot_token: str = field(repr=False)
    public_url: str  # the shop's origin as browsers spell it
    secret_key: str = field(repr=False)
    previous_secret_keys: tuple[str, ...] = field(default=(), repr=False)
    database_url: str = field(default="sqlite:///var/starfront.db", repr=False)
    sqlite_disk_is_kept: bool = False  # the owner's word that its file survives restarts
    bot_api_url: str = "https://api.telegram.org/bot"
    telegram_js_url: str = "https://telegram.org/js/telegram-web-app.js"
    bot_mode: str = "polling"
    webhook_secret: str = field(default="", repr=False)
    previous_webhook_secret: str = field(default="", repr=False)
    metrics_token: str = field(default="", repr=False)
    owner_ids: frozenset[int] = frozenset()
    owner_group: int = 0  # its chat id; without one, each owner's own chat
    owner_topic: int = 0  # of that group
    owner_notices: frozenset[str] = frozenset(NOTICES)
    subscription_seconds: int = 2_592_000
    remind_days: int = 3
    keep_days: int = 30
    port: int = 8080
    bind_host: str = "0.0.0.0"
    web_workers: int = 0  # as many as fit: webapp/host/capacity.py
    web_threads: int = 32
    shop: Folder = field(default_factory=folder.usual)
    catalogue: str = "file"
    app_env: str = "production"
    bot_environment: str = "production"
    telegram_public_keys: tuple[bytes, ...] = ()
    frame_ancestors: tuple[str, ...] = ()
    proxy_hops: int = 1
    support_contact: str = ""
    log_level: str = "INFO"
    log_format: str = "json"
    debug: bool = False

    @property
    def bot_id(self) -> int:
        return int(self.bot_token.partition(":")[0])

    @property
    def bot_api_path(self) -> str:
        """What follows the token in the Bot API's addresses: Telegram's test environment is behind a path."""
        return "/test" if self.bot_environment == "test" else ""

    @property
    def owner_chats(self) -> tuple[int, ...]:
        """Where the owners hear of the shop and answer its buyers."""
        return (self.owner_group,) if self.owner_group else tuple(sorted(self.owner_ids))

    @property
    def webhook_url(self) -> str:
        """Where Telegram delivers updates in webhook mode."""
        return f"{self.public_url}{WEBHOOK_PATH}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that must never leave the process."""
        values = (
            self.bot_token,
            self.secret_key,
            *self.previous_secret_keys,
            self.webhook_secret,
            self.previous_webhook_secret,
            self.metrics_token,
            *database_urls.passwords(self.database_url),
        )
        return tuple(value for value in values if value)


def current() -> Config:
    """Return the configuration of the application at work."""
    config: Config = current_app.config["STARFRONT"]
    return config


def load(environ: Mapping[str, str] | None = None) -> Config:
    """Return the checked configuration.

    :param environ: the variables to read; those of this process and its .env file unless told
    :raise ConfigError: with a sentence for every setting that is missing or wrong
    """
    if environ is None:
        environ = environment()
    read = _Reader(environ)
    config = _read(read)
    for name, sentence in _objections(config, read):
        read.object_to(name, sentence)
    if read.wrong:
        raise ConfigError(*read.wrong.values())
    return config


def refusal(reason: Exception) -> str:
    """Return what a process says that cannot start, one line for each thing to put right."""
    first, *more = str(reason).splitlines()
    return "\n  ".join(
        ["The shop cannot start.", first, *more] if more else [f"The shop cannot start. {first}"]
    )


def environment() -> Mapping[str, str]:
    """Return this process's variables, with those from the .env file that are not set for real.

    FLASK_SKIP_DOTENV=1 leaves the file alone, as it does in Flask.

    :raise ConfigError: the file cannot be read
    """
    try:
        return env_file.load(os.environ)
    except env_file.FileInvalid as error:
        raise ConfigError(str(error)) from error


def _read(read: "_Reader") -> Config:
    environ = read.environ
    app_env = read.choice("APP_ENV", ("production", "development"))
    environment = read.choice("BOT_ENVIRONMENT", ("production", "test"))
    owner_group, owner_topic = read.group("OWNER_CHAT")
    platform = platforms.detect(environ)
    derived = platform.public_url(environ) if platform else ""
    return Config(
        bot_token=read.secret("BOT_TOKEN"),
        public_url=read.origin("PUBLIC_URL", derived),
        secret_key=read.secret("SECRET_KEY"),
        previous_secret_keys=tuple(read.secret("SECRET_KEY_PREVIOUS").replace(",", " ").split()),
        database_url=read.database("DATABASE_URL") or Config.database_url,
        sqlite_disk_is_kept=read.flag("SQLITE_DISK_IS_KEPT"),
        bot_api_url=read.text("BOT_API_URL") or Config.bot_api_url,
        telegram_js_url=read.text("TELEGRAM_JS_URL") or Config.telegram_js_url,
        bot_mode=read.choice("BOT_MODE", ("polling", "webhook")),
        webhook_secret=read.secret("WEBHOOK_SECRET"),
        previous_webhook_secret=read.secret("WEBHOOK_SECRET_PREVIOUS"),
        metrics_token=read.secret("METRICS_TOKEN"),
        owner_ids=frozenset(read.numbers("OWNER_IDS")),
        owner_group=owner_group,
        owner_topic=owner_topic,
        owner_notices=frozenset(read.notices("OWNER_NOTICES")),
        subscription_seconds=read.number("SUBSCRIPTION_SECONDS", PERIODS[environment][0], 60, 2_592_000),
        remind_days=read.number("REMIND_DAYS", 3, 0, 14),
        keep_days=read.number("KEEP_DAYS", Config.keep_days, 1, 365),
        port=read.number("PORT", Config.port, 1, 65535),
        bind_host=read.host("BIND_HOST", Config.bind_host),
        web_workers=read.number("WEB_CONCURRENCY", Config.web_workers, 0, 1000),
        web_threads=read.number("WEB_THREADS", Config.web_threads, 1, 1000),
        shop=read.shop("SHOP_DIR"),
        catalogue=read.choice("CATALOGUE", ("file", "database")),
        app_env=app_env,
        bot_environment=environment,
        telegram_public_keys=tuple(read.hex_keys("TELEGRAM_PUBLIC_KEYS", default=TELEGRAM_KEYS[environment])),
        frame_ancestors=tuple(read.origins("FRAME_ANCESTORS")),
        proxy_hops=read.number("PROXY_HOPS", 1 if app_env == "production" else 0, 0, 10),
        support_contact=read.text("SUPPORT_CONTACT"),
        log_level=read.choice("LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR")),
        log_format=read.choice("LOG_FORMAT", LOG_FORMATS[app_env]),
        debug=read.flag("DEBUG") or read.flag("FLASK_DEBUG"),
    )


class _Reader:
    """Reads settings one by one, and remembers what is wrong with them: one sentence each."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.wrong: dict[str, str] = {}

    def object_to(self, name: str, sentence: str) -> None:
        """Remember what is wrong with a setting; the first sentence about it counts."""
        self.wrong.setdefault(name, sentence)

    def text(self, name: str) -> str:
        return self.environ.get(name, "").strip()

    def secret(self, name: str) -> str:
        """Return NAME, or what the file named by NAME_FILE holds."""
        path = self.text(f"{name}_FILE")
        if not path:
            return self.text(name)
        try:
            if self.text(name):
                raise ConfigError(f"Set {name} or {name}_FILE, not both.")
            return _secret_of(name, Path(path))
        except ConfigError as error:
            self.object_to(name, str(error))
            return ""

    def database(self, name: str) -> str:
        url = self.secret(name)
        try:
            return database_url(url) if url else ""
        except ConfigError as error:
            self.object_to(name, str(error))
            return ""

    def origin(self, name: str, default: str) -> str:
        value = self.text(name) or default
        try:
            return addresses.origin(value) if value else ""
        except AddressInvalid as error:
            self.object_to(name, f"{name} {error}.")
            return ""

    def origins(self, name: str) -> list[str]:
        try:
            return [addresses.origin(one) for one in self.text(name).split()]
        except AddressInvalid as error:
            self.object_to(name, f"{name}: each site {error}, and * stands for none.")
            return []

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name) or choices[0]
        if value not in choices:
            self.object_to(name, f"{name} must be {' or '.join(sorted(choices))}.")
            return choices[0]
        return value

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        value = self.text(name) or str(default)
        if not re.fullmatch(r"(?a:\d{1,9})", value) or not lowest <= int(value) <= highest:
            self.object_to(name, f"{name} must be a whole number from {lowest} to {highest}.")
            return default
        return int(value)

    def shop(self, name: str) -> Folder:
        try:
            return folder.find(self.environ)
        except FolderMissing as error:
            self.object_to(name, str(error))
            return folder.usual()

    def numbers(self, name: str) -> list[int]:
        parts = self.text(name).replace(",", " ").split()
        if not all(re.fullmatch(r"(?a:[1-9]\d{0,15})", part) for part in parts):
            self.object_to(name, f"{name} must be Telegram user ids, separated by commas.")
            return []
        return [int(part) for part in parts]

    def notices(self, name: str) -> list[str]:
        told = self.text(name).lower().replace(",", " ").split() or list(NOTICES)
        wanted = [] if told == [NO_NOTICES] else told
        if not set(wanted) <= set(NOTICES):
            self.object_to(name, f"{name} must be some of {', '.join(NOTICES)}, or {NO_NOTICES}.")
            return []
        return wanted

    def group(self, name: str) -> tuple[int, int]:
        """Return the ids of a group's chat and of its topic, or 0."""
        value = self.text(name)
        if not value:
            return 0, 0
        told = GROUP.fullmatch(value)
        if told is None:
            self.object_to(
                name, f"{name} must be a group's id such as -1001234567890, or -1001234567890:7 with a topic."
            )
            return 0, 0
        return int(told["chat"]), int(told["topic"] or 0)

    def hex_keys(self, name: str, default: str) -> list[bytes]:
        parts = (self.text(name) or default).replace(",", " ").split()
        if not all(re.fullmatch(r"[0-9a-fA-F]{64}", part) for part in parts):
            self.object_to(name, f"{name} must be Ed25519 public keys of 64 hexadecimal digits each.")
            return []
        return [bytes.fromhex(part) for part in parts]

    def flag(self, name: str) -> bool:
        value = self.text(name).lower()
        if value not in MEANINGS:
            self.object_to(name, f"{name} must be 1 or 0 (or true, false, yes, no, on, off).")
        return MEANINGS.get(value, False)

    def host(self, name: str, default: str) -> str:
        """Return an address to listen on, one of IPv6 without its brackets."""
        value = (self.text(name) or default).removeprefix("[").removesuffix("]")
        if not _is_address(value) and not HOST.fullmatch(value):
            self.object_to(name, f"{name} must be an address of this machine, such as 127.0.0.1 or ::.")
            return default
        return value


def _secret_of(name: str, file: Path) -> str:
    try:
        # Mode bits: Docker and Kubernetes mount secrets readable by their owner or group.
        if file.stat().st_mode & 0o004:
            raise ConfigError(f"The file named by {name}_FILE can be read by everyone: chmod 600 it.")
        folder = file.parent.stat().st_mode
        if file.stat().st_mode & 0o002 or (folder & 0o002 and not folder & stat.S_ISVTX):
            raise ConfigError(
                f"The file named by {name}_FILE can be replaced by everyone: chmod 600 it, its folder 700."
            )
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The file named by {name}_FILE cannot be read.") from error


def database_url(url: str) -> str:
    """Return a database's address as SQLAlchemy spells it; see :func:`webapp.db.database_urls.normal`.

    :raise ConfigError: it cannot be used
    """
    try:
        return database_urls.normal(url)
    except database_urls.UrlInvalid as error:
        raise ConfigError(str(error)) from None


def _objections(config: Config, read: _Reader) -> Objections:
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
        yield "BOT_TOKEN", "BOT_TOKEN is missing: make a bot with @BotFather and set the token it gives you."
    elif not BOT_TOKEN.fullmatch(config.bot_token) or PLACEHOLDERS.search(config.bot_token):
        yield "BOT_TOKEN", "BOT_TOKEN is not a bot token: copy it from @BotFather, digits, colon and all."


def _about_address(config: Config, platform: Platform | None) -> Objections:
    sentence = _fault_of_address(config, platform)
    if sentence:
        yield "PUBLIC_URL", sentence


def _fault_of_address(config: Config, platform: Platform | None) -> str:
    if not config.public_url:
        told = f", or run {platform.address_help}" if platform and platform.address_help else ""
        return f"PUBLIC_URL is missing: set the https:// address at which people reach this shop{told}."
    address = urlsplit(config.public_url)
    if address.scheme == "http" and not is_loopback(address.hostname or ""):
        return "PUBLIC_URL must begin with https://: Telegram opens nothing else."
    return ""


def is_loopback(host: str) -> bool:
    """Tell whether a host's name or address leads to this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return _is_address(host) and ip_address(host).is_loopback


def is_public(host: str) -> bool:
    """Tell whether a host's address is one of the internet's; of a name nobody can tell."""
    return _is_address(host) and ip_address(host).is_global


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _about_telegrams_addresses(config: Config, read: _Reader) -> Objections:
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
        if parts.scheme == "https" or is_loopback(host) or config.app_env == "development":
            continue
        if name == "TELEGRAM_JS_URL":
            yield (
                name,
                "TELEGRAM_JS_URL must begin with https://: over http the script can be changed.",
            )
        elif not may_be_plain or is_public(host):
            yield (
                name,
                "BOT_API_URL must begin with https://: over http anybody on the way can read the token. In a "
                "private network of yours, set BOT_API_IS_PRIVATE=1.",
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
            yield name, f"{name} can be guessed: set a long random value, {_advice()}."
        if value and len(value.encode()) < SHORTEST_SECRET:
            yield name, f"{name} is too short: it needs at least {SHORTEST_SECRET} bytes, {_advice()}."
    for name, value in (
        ("WEBHOOK_SECRET", config.webhook_secret),
        ("WEBHOOK_SECRET_PREVIOUS", config.previous_webhook_secret),
    ):
        if value and not WEBHOOK_SECRET.fullmatch(value):
            yield name, f"{name} may hold only letters, digits, _ and - (at most 256)."
    if len(set(config.secrets)) != len(config.secrets):
        yield "secrets", "Two secrets are equal: give every one of them a value of its own."


def _advice() -> str:
    return f"for example {secrets.token_urlsafe(32)!r}, which was drawn for you just now"


def _about_production(config: Config, platform: Platform | None, read: _Reader) -> Objections:
    marker = platform and platform.marker_in(read.environ)
    if config.debug and (marker or config.app_env == "production"):
        yield "DEBUG", "Debugging is on in production: unset DEBUG and FLASK_DEBUG."
    if config.app_env == "production" and any(
        len(one) < SHORTEST_PASSWORD for one in database_urls.passwords(config.database_url)
    ):
        yield (
            "DATABASE_URL",
            f"The password in DATABASE_URL is too short to be kept out of logs: it needs at least "
            f"{SHORTEST_PASSWORD} characters. Give the database's user another one.",
        )
    if config.app_env == "development" and marker:
        yield "APP_ENV", f"APP_ENV=development on a server ({marker} is set): unset APP_ENV."
    loses_disk = platform and not platform.keeps_disk and not config.sqlite_disk_is_kept
    if platform and loses_disk and config.database_url.startswith("sqlite"):
        yield (
            "DATABASE_URL",
            f"SQLite on {platform.name} loses every purchase at a restart: set DATABASE_URL to a PostgreSQL "
            "database, or SQLITE_DISK_IS_KEPT=1 if the file lies on a volume that stays.",
        )


def _about_proxies(read: _Reader) -> Objections:
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
