import re

import pytest

from webapp import config
from webapp.config import ConfigError

SET = {
    "BOT_TOKEN": "7342037359:AAHwq3Vn0k-3Uq0kTzZqz0m0bX1cY2dE3fG",
    "PUBLIC_URL": "https://shop.starfront.app",
    "SECRET_KEY": "kV9dT2xQw8Lr4ZbN6hYc1JmPf3GsUe5a",
}
OTHER = "Zt7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4"


def load(**changes: str) -> config.Config:
    return config.load({**SET, **changes})


def test_three_settings_are_all_a_small_shop_needs():
    settings = load()
    assert settings.bot_id == 7342037359
    assert settings.bot_api_url == "https://api.telegram.org/bot"
    assert settings.bot_mode == "polling"
    assert settings.origin == "https://shop.starfront.app"
    assert settings.proxy_hops == 1


@pytest.mark.parametrize("name", ["BOT_TOKEN", "PUBLIC_URL", "SECRET_KEY"])
def test_what_is_missing_is_named(name):
    with pytest.raises(ConfigError, match=f"{name} is missing"):
        load(**{name: ""})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"BOT_TOKEN": "123456:your-token-goes-here-please"}, "BOT_TOKEN is not a bot token"),
        ({"BOT_TOKEN": "not a token"}, "BOT_TOKEN is not a bot token"),
        ({"PUBLIC_URL": "http://shop.starfront.app"}, "must begin with https"),
        ({"PUBLIC_URL": "shop.starfront.app"}, "PUBLIC_URL must be an address"),
        ({"PUBLIC_URL": "https://starfront.app/shop"}, "leave the path away"),
        ({"PUBLIC_URL": "http://10.0.0.7"}, "must begin with https"),
        ({"SECRET_KEY": "short-kV9dT2xQw8"}, "SECRET_KEY is too short"),
        ({"SECRET_KEY": "change-me-change-me-change-me-change-me"}, "SECRET_KEY looks like a placeholder"),
        ({"SECRET_KEY": "a" * 64}, "SECRET_KEY looks like a placeholder"),
        ({"SECRET_KEY": "abcabcab" * 8}, "SECRET_KEY looks like a placeholder"),
        ({"METRICS_TOKEN": "short"}, "METRICS_TOKEN"),
        ({"METRICS_TOKEN": SET["SECRET_KEY"]}, "Two secrets are equal"),
        ({"BOT_MODE": "webhook"}, "WEBHOOK_SECRET is missing"),
        ({"BOT_MODE": "webhook", "WEBHOOK_SECRET": OTHER + "?"}, "WEBHOOK_SECRET may hold only"),
        ({"BOT_MODE": "carrier pigeon"}, "BOT_MODE must be"),
        ({"APP_ENV": "staging"}, "APP_ENV must be"),
        ({"PORT": "eighty"}, "PORT must be a whole number"),
        ({"PORT": "70000"}, "PORT must be a whole number"),
        ({"PORT": "８０"}, "PORT must be a whole number"),
        ({"OWNER_IDS": "12,me"}, "OWNER_IDS must be"),
        ({"TELEGRAM_PUBLIC_KEYS": "abc"}, "TELEGRAM_PUBLIC_KEYS must be"),
        ({"DATABASE_URL": "mysql://localhost/shop"}, "DATABASE_URL must begin"),
        ({"DEBUG": "1"}, "Debugging is on in production"),
        ({"FLASK_DEBUG": "true", "APP_ENV": "development", "DYNO": "web.1"}, "Debugging is on in production"),
        ({"APP_ENV": "development", "RENDER": "true"}, "APP_ENV=development on a server"),
        ({"DYNO": "web.1"}, "SQLite on Heroku loses every purchase"),
        ({"K_SERVICE": "shop"}, "SQLite on Cloud Run loses every purchase"),
    ],
)
def test_what_would_hurt_later_is_refused_in_a_sentence(changes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        load(**changes)


def test_sqlite_on_a_volume_that_stays_is_allowed():
    assert load(FLY_APP_NAME="shop", SQLITE_DISK_IS_KEPT="1").database_url.startswith("sqlite:///")


ADDRESSES = {
    "Heroku": {"DYNO": "web.1", "HEROKU_APP_DEFAULT_DOMAIN_NAME": "shop-1234567890ab.herokuapp.com"},
    "Render": {"RENDER": "true", "RENDER_EXTERNAL_URL": "https://shop.onrender.com"},
    "Railway": {"RAILWAY_ENVIRONMENT_ID": "f00", "RAILWAY_PUBLIC_DOMAIN": "shop.up.railway.app"},
    "Fly.io": {"FLY_APP_NAME": "shop"},
    "Koyeb": {"KOYEB_APP_NAME": "shop", "KOYEB_PUBLIC_DOMAIN": "shop-me.koyeb.app"},
    "Azure App Service": {"WEBSITE_INSTANCE_ID": "1", "WEBSITE_HOSTNAME": "shop.azurewebsites.net"},
}
ON_POSTGRES = {"DATABASE_URL": "postgres://shop:pa55-Wd@db/shop"}


@pytest.mark.parametrize(
    ("platform", "address"),
    [
        ("Heroku", "https://shop-1234567890ab.herokuapp.com"),
        ("Render", "https://shop.onrender.com"),
        ("Railway", "https://shop.up.railway.app"),
        ("Fly.io", "https://shop.fly.dev"),
        ("Koyeb", "https://shop-me.koyeb.app"),
        ("Azure App Service", "https://shop.azurewebsites.net"),
    ],
)
def test_a_platform_that_tells_the_address_need_not_be_told(platform, address):
    told = {**ADDRESSES[platform], **ON_POSTGRES}
    assert load(PUBLIC_URL="", **told).public_url == address
    assert load(**told).public_url == SET["PUBLIC_URL"]


@pytest.mark.parametrize(
    ("told", "advice"),
    [
        ({"DYNO": "web.1", "HEROKU_APP_NAME": "shop"}, "heroku labs:enable runtime-dyno-metadata"),
        ({"DYNO": "web.1", "DOKKU_APP_TYPE": "dockerfile"}, "dokku config:set APP PUBLIC_URL="),
        ({"RAILWAY_ENVIRONMENT": "production", "RAILWAY_PUBLIC_DOMAIN": ""}, "railway domain"),
        ({"RENDER": "true", "RENDER_EXTERNAL_URL": ""}, "people reach this shop."),
        ({"FLY_APP_NAME": ""}, "people reach this shop."),
    ],
    ids=str,
)
def test_an_address_that_nobody_told_is_not_made_up(told, advice):
    """Heroku's names end in random digits, so a guess would lead to somebody else."""
    with pytest.raises(ConfigError, match=re.escape(advice)):
        load(PUBLIC_URL="", **told, **ON_POSTGRES)


def test_what_a_platform_tells_is_checked_like_what_an_owner_sets():
    with pytest.raises(ConfigError, match="PUBLIC_URL must begin with https"):
        load(PUBLIC_URL="", RENDER="true", RENDER_EXTERNAL_URL="http://shop.onrender.com", **ON_POSTGRES)


def test_a_file_on_kubernetes_lies_on_what_its_owner_mounted():
    assert load(KUBERNETES_SERVICE_HOST="1").database_url.startswith("sqlite:///")


@pytest.mark.parametrize("spelling", ["postgres://", "postgresql://", "postgresql+psycopg://"])
def test_every_spelling_of_postgresql_is_understood(spelling):
    settings = load(DATABASE_URL=f"{spelling}shop:pa55-Wd@db/shop", DYNO="web.1")
    assert settings.database_url == "postgresql+psycopg://shop:pa55-Wd@db/shop"
    assert "pa55-Wd" in settings.secrets


@pytest.mark.parametrize("address", ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"])
def test_http_is_allowed_on_loopback(address):
    assert load(PUBLIC_URL=address).public_url == address


def test_a_secret_may_come_from_a_file(tmp_path):
    file = tmp_path / "secret"
    file.write_text(f"{OTHER}\n")
    file.chmod(0o600)
    assert load(SECRET_KEY="", SECRET_KEY_FILE=str(file)).secret_key == OTHER


def test_a_secret_is_not_taken_from_two_places(tmp_path):
    with pytest.raises(ConfigError, match="SECRET_KEY or SECRET_KEY_FILE, not both"):
        load(SECRET_KEY_FILE=str(tmp_path / "secret"))


def test_a_secret_file_that_everyone_can_read_is_refused(tmp_path):
    file = tmp_path / "secret"
    file.write_text(OTHER)
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by everyone"):
        load(SECRET_KEY="", SECRET_KEY_FILE=str(file))


def test_a_secret_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="SECRET_KEY_FILE cannot be read"):
        load(SECRET_KEY="", SECRET_KEY_FILE=str(tmp_path / "nowhere"))


def test_no_secret_is_in_what_the_configuration_prints():
    settings = load(
        DATABASE_URL="postgres://shop:pa55-Wd@db/shop",
        BOT_MODE="webhook",
        WEBHOOK_SECRET=OTHER,
        SECRET_KEY_PREVIOUS="Old7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe",
        METRICS_TOKEN="Met7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe",
    )
    assert len(settings.secrets) == 6
    assert not [secret for secret in settings.secrets if secret in repr(settings)]
