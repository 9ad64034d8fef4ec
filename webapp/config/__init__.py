"""What the shop is told from outside: read once, checked whole, never changed."""

import os
from collections.abc import Mapping

from flask import current_app

from webapp.config.objections import objections
from webapp.config.reader import PERIODS, Reader, database_url
from webapp.config.settings import HEALTH, NOTICES, WEBHOOK_PATH, Config, ConfigError
from webapp.host import env_file, platforms

__all__ = [
    "HEALTH",
    "NOTICES",
    "TELEGRAM_KEYS",
    "WEBHOOK_PATH",
    "Config",
    "ConfigError",
    "current",
    "database_url",
    "environment",
    "load",
    "public_url",
    "refusal",
]

# Mini Apps: validating data for third-party use.
TELEGRAM_KEYS = {
    "production": "e7bf03a2fa4602af4580703d88dda5bb59f32ed8b02a56c187fe7d34caed242d",
    "test": "40055058a4ee38156a06562e52eece92a771bcd8346a8c4615cb7376eddf72ec",
}
# Programs read a server's logs, people their own console; the first is what is taken unless the other is set.
LOG_FORMATS = {"production": ("json", "text"), "development": ("text", "json")}


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
    read = Reader(environ)
    config = _read(read)
    for name, sentence in objections(config, read):
        read.object_to(name, sentence)
    if read.wrong:
        raise ConfigError(*read.wrong.values())
    return config


def public_url(environ: Mapping[str, str]) -> str:
    """Return the shop's origin by variables of which others may be missing, or nothing."""
    return _public_url(Reader(environ))


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


def _read(read: Reader) -> Config:
    app_env = read.choice("APP_ENV", ("production", "development"))
    environment = read.choice("BOT_ENVIRONMENT", ("production", "test"))
    owner_group, owner_topic = read.group("OWNER_CHAT")
    return Config(
        bot_token=read.secret("BOT_TOKEN"),
        public_url=_public_url(read),
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


def _public_url(read: Reader) -> str:
    platform = platforms.detect(read.environ)
    return read.origin("PUBLIC_URL", platform.public_url(read.environ) if platform else "")
