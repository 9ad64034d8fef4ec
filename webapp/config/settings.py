"""Every setting of the shop, once it is read and checked."""

from dataclasses import dataclass, field
from functools import cached_property

from webapp.db import database_urls
from webapp.shop import folder
from webapp.shop.folder import Folder

WEBHOOK_PATH = "/telegram/webhook"
# What owners hear of beside what somebody has to look at.
HEALTH = "health"
NOTICES = ("sales", "refunds", "plans", HEALTH)


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

    @cached_property
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
