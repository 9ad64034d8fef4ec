import re
import secrets
from functools import partial

import pytest

from webapp import config
from webapp.config import ConfigError
from webapp.host import env_file, ports
from webapp.host.guessable import is_guessable

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
    assert settings.public_url == "https://shop.starfront.app"
    assert settings.proxy_hops == 1


@pytest.mark.proves("S20")
@pytest.mark.parametrize("name", ["BOT_TOKEN", "PUBLIC_URL", "SECRET_KEY"])
def test_what_is_missing_is_named(name):
    with pytest.raises(ConfigError, match=f"{name} is missing"):
        load(**{name: ""})


def test_everything_that_is_missing_or_wrong_is_named_at_once():
    with pytest.raises(ConfigError) as told:
        config.load({"PORT": "eighty", "OWNER_IDS": "me"})
    first_words = [sentence.split()[0] for sentence in told.value.sentences]
    assert sorted(first_words) == ["BOT_TOKEN", "OWNER_IDS", "PORT", "PUBLIC_URL", "SECRET_KEY"]
    assert config.refusal(told.value).count("\n  ") == 5


def test_the_example_copied_as_it_is_names_what_is_still_to_fill_in():
    told = env_file.load({}, env_file.FILE.with_name(".env.example"))
    with pytest.raises(ConfigError) as refused:
        config.load(told)
    assert [sentence.split()[0] for sentence in refused.value.sentences] == [
        "BOT_TOKEN",
        "PUBLIC_URL",
        "SECRET_KEY",
    ]


def test_every_setting_may_be_left_empty():
    names = re.findall(r"(?m)^([A-Z_]+)=", env_file.FILE.with_name(".env.example").read_text())
    assert load(**{name: "" for name in names if name not in SET}) == load()


@pytest.mark.parametrize("said", ["1", "yes", "true", "ON"])
def test_a_flag_says_yes_in_several_words(said):
    assert load(FLY_APP_NAME="shop", SQLITE_DISK_IS_KEPT=said).database_url.startswith("sqlite:///")


@pytest.mark.parametrize("said", ["0", "no", "False", "off", ""])
def test_a_flag_says_no_in_several_words(said):
    with pytest.raises(ConfigError, match="loses every purchase"):
        load(FLY_APP_NAME="shop", SQLITE_DISK_IS_KEPT=said)


@pytest.mark.parametrize("host", ["::", "[::]", "::1", "127.0.0.1", "0.0.0.0", "localhost"])
def test_an_address_to_listen_on_may_be_of_either_kind(host):
    assert load(BIND_HOST=host).bind_host == host.strip("[]")
    assert ports.address("::", 8080) == "[::]:8080"


@pytest.mark.proves("F31")
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"BOT_TOKEN": "123456:your-token-goes-here-please"}, "BOT_TOKEN is not a bot token"),
        ({"BOT_TOKEN": "not a token"}, "BOT_TOKEN is not a bot token"),
        ({"PUBLIC_URL": "http://shop.starfront.app"}, "must start with https"),
        ({"PUBLIC_URL": "shop.starfront.app"}, "PUBLIC_URL must be an address"),
        ({"PUBLIC_URL": "https://starfront.app/shop"}, "leave the path away"),
        ({"PUBLIC_URL": "http://10.0.0.7"}, "must start with https"),
        ({"SECRET_KEY": "short-kV9dT2xQw8"}, "SECRET_KEY is too short"),
        ({"SECRET_KEY": "change-me-change-me-change-me-change-me"}, "SECRET_KEY looks like a placeholder"),
        ({"SECRET_KEY": "a" * 64}, "SECRET_KEY looks like a placeholder"),
        ({"SECRET_KEY": "abcabcab" * 8}, "SECRET_KEY looks like a placeholder"),
        ({"METRICS_TOKEN": "short"}, "METRICS_TOKEN"),
        ({"METRICS_TOKEN": SET["SECRET_KEY"]}, "Two secrets are the same"),
        ({"BOT_MODE": "webhook"}, "WEBHOOK_SECRET is missing"),
        ({"BOT_MODE": "webhook", "WEBHOOK_SECRET": OTHER + "?"}, "WEBHOOK_SECRET can contain only"),
        ({"BOT_MODE": "carrier pigeon"}, "BOT_MODE must be"),
        ({"APP_ENV": "staging"}, "APP_ENV must be"),
        ({"PORT": "eighty"}, "PORT must be a whole number"),
        ({"PORT": "70000"}, "PORT must be a whole number"),
        ({"PORT": "８０"}, "PORT must be a whole number"),
        ({"OWNER_IDS": "12,me"}, "OWNER_IDS must be"),
        ({"TELEGRAM_PUBLIC_KEYS": "abc"}, "TELEGRAM_PUBLIC_KEYS must be"),
        ({"DATABASE_URL": "mysql://localhost/shop"}, "DATABASE_URL must begin"),
        ({"DEBUG": "1"}, "Debugging is on in production"),
        ({"DEBUG": "perhaps"}, "DEBUG must be 1 or 0"),
        ({"SQLITE_DISK_IS_KEPT": "maybe"}, "SQLITE_DISK_IS_KEPT must be 1 or 0"),
        ({"WEB_THREADS": "0"}, "WEB_THREADS must be a whole number"),
        ({"WEB_CONCURRENCY": "two"}, "WEB_CONCURRENCY must be a whole number"),
        ({"BIND_HOST": "not a host"}, "BIND_HOST must be an address"),
        ({"CATALOGUE": "elsewhere"}, "CATALOGUE must be database or file"),
        ({"PUBLIC_URL": "https://[::1"}, "PUBLIC_URL must be an address"),
        ({"PUBLIC_URL": "https://shop.test:99999"}, "PUBLIC_URL must be an address"),
        ({"DATABASE_URL": "postgres://shop:p@ss:w/rd@db:x/shop"}, "DATABASE_URL is not an address"),
        ({"ALL_PROXY": "ftp://proxy"}, "ALL_PROXY must be an address"),
        ({"https_proxy": "http://"}, "https_proxy must be an address"),
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
        ({"RENDER": "true", "RENDER_EXTERNAL_URL": ""}, "set this shop's public https:// address."),
        ({"FLY_APP_NAME": ""}, "set this shop's public https:// address."),
    ],
    ids=str,
)
def test_an_address_that_nobody_told_is_not_made_up(told, advice):
    """Heroku's names end in random digits, so a guess would lead to somebody else."""
    with pytest.raises(ConfigError, match=re.escape(advice)):
        load(PUBLIC_URL="", **told, **ON_POSTGRES)


def test_what_a_platform_tells_is_checked_like_what_an_owner_sets():
    with pytest.raises(ConfigError, match="PUBLIC_URL must start with https"):
        load(PUBLIC_URL="", RENDER="true", RENDER_EXTERNAL_URL="http://shop.onrender.com", **ON_POSTGRES)


def test_a_file_on_kubernetes_lies_on_what_its_owner_mounted():
    assert load(KUBERNETES_SERVICE_HOST="1").database_url.startswith("sqlite:///")


@pytest.mark.parametrize("spelling", ["postgres://", "postgresql://", "postgresql+psycopg://"])
def test_every_spelling_of_postgresql_is_understood(spelling):
    settings = load(DATABASE_URL=f"{spelling}shop:pa55-Wd@db/shop", DYNO="web.1")
    assert settings.database_url == "postgresql+psycopg://shop:pa55-Wd@db/shop"
    assert "pa55-Wd" in settings.secrets


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("sslmode=verify-full", "sslmode=verify-full"),
        ("connect_timeout=9&application_name=mine", "connect_timeout=9&application_name=mine"),
        ("options=endpoint%3Dep-cool-1", "options=endpoint%3Dep-cool-1"),
        ("host=a:1&host=b:2", "host=a:1&host=b:2"),
        ("pgbouncer=true&connection_limit=1", ""),
        ("sslmode=require&supa=base-pooler.x", "sslmode=require"),
        ("schema=public", ""),
        ("schema=shop", "options=-c+search_path%3Dshop"),
        ("schema=shop&options=-c%20geqo%3Doff", "options=-c+geqo%3Doff+-c+search_path%3Dshop"),
        ("ssl=true", "sslmode=require"),
        ("sslmode=no-verify", "sslmode=require"),
    ],
)
def test_what_an_address_of_postgresql_says_is_kept_or_said_in_libpqs_words(said, meant):
    address = "postgresql+psycopg://shop:pa%4055-Wd@db/shop"
    settings = load(DATABASE_URL=f"postgres://shop:pa%4055-Wd@db/shop?{said}")
    assert settings.database_url == (f"{address}?{meant}" if meant else address)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("postgres://db/shop?sslaccept=strict", "PostgreSQL's library knows no sslaccept; leave it away"),
        ("postgres://db/shop?schema=a%20b", "schema must be the name of a schema"),
        ("postgres://db/shop?sslmode=on", "sslmode must be one of allow, disable"),
        ("postgres://db/shop?connect_timeout=soon", "connect_timeout must be a whole number of seconds"),
        ("postgres://db/shop?client_encoding=latin1", "client_encoding must be utf8"),
        ("postgres://db/shop?sslmode=allow&sslmode=prefer", "says sslmode twice"),
        ("sqlite:///shop.db?mode=ro", "SQLite takes no mode"),
        ("postgres://shop:x@db/shop", "The password in DATABASE_URL is too short to keep out of logs"),
        ("postgres://shop@db/shop?password=pw", "The password in DATABASE_URL is too short"),
    ],
)
def test_what_an_address_of_the_database_may_not_say_is_named(said, sentence):
    with pytest.raises(ConfigError, match=sentence):
        load(DATABASE_URL=said)


def test_a_password_is_known_without_the_signs_that_quote_it():
    settings = load(DATABASE_URL="postgres://shop:pa%4055-Wd@db/shop?sslpassword=of%20the%20key")
    assert {"pa@55-Wd", "of the key"} <= set(settings.secrets)
    short = load(DATABASE_URL="postgres://shop:x@db/shop", APP_ENV="development")
    assert "x" in short.secrets


@pytest.mark.parametrize("address", ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"])
def test_http_is_allowed_on_loopback(address):
    assert load(PUBLIC_URL=address).public_url == address


@pytest.mark.parametrize(
    ("told", "origin"),
    [
        ("https://магазин.рф", "https://xn--80aairftm.xn--p1ai"),
        ("https://МАГАЗИН.рф/", "https://xn--80aairftm.xn--p1ai"),
        ("https://straße.example", "https://xn--strae-oqa.example"),
        ("https://xn--80aairftm.xn--p1ai", "https://xn--80aairftm.xn--p1ai"),
        ("HTTPS://Shop.Starfront.App", "https://shop.starfront.app"),
        ("https://shop.starfront.app:443/", "https://shop.starfront.app"),
        ("https://shop.starfront.app:", "https://shop.starfront.app"),
        ("https://shop.starfront.app:8443", "https://shop.starfront.app:8443"),
        ("https://shop.starfront.app.", "https://shop.starfront.app"),
        ("https://[2001:DB8:0:0::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://LOCALHOST:80", "http://localhost"),
    ],
)
def test_15_an_address_is_spelt_as_browsers_spell_it(told, origin):
    assert load(PUBLIC_URL=told).public_url == origin
    assert load(PUBLIC_URL="", RENDER="true", RENDER_EXTERNAL_URL=told, **ON_POSTGRES).public_url == origin


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ("https://shop.starfront.app/shop", "must be the root of a host: leave the path away"),
        ("https://shop.starfront.app?x=1", "must be the root of a host"),
        ("https://me:pass@shop.starfront.app", "holds a user's name or password"),
        ("https://shop.starfront.app;x", "must be an address such as"),
        ("https://shop.starfront.app https://b.example", "must be an address such as"),
        ("https://*.starfront.app", "must be an address such as"),
        ("https://shop\t.starfront.app", "must be an address such as"),
        ("https://shop..app", "must be an address such as"),
        ("https://300.1.1.1", "must be an address such as"),
        ("https://0x7f.1", "must be an address such as"),
        ("https://" + "a" * 64 + ".app", "must be an address such as"),
        ("https://\N{PILE OF POO}.example", "has a name that DNS cannot hold"),
        ("ftp://shop.starfront.app", "must be an address such as"),
    ],
)
def test_15_what_is_no_origin_is_refused_in_words(told, sentence):
    with pytest.raises(ConfigError, match=f"PUBLIC_URL {sentence}") as refused:
        load(PUBLIC_URL=told)
    assert "pass" not in str(refused.value).replace("password", "")


@pytest.mark.proves("S20")
@pytest.mark.parametrize(
    "secret",
    [
        "password1234" * 3,
        "PassWord1234" * 3,
        "abcdefghijklmnopqrstuvwxyz012345",
        "zyxwvutsrqponmlkjihgfedcba987654",
        "0123456789abcdef" * 4,
        "qwertyuiopasdfghjklzxcvbnm123456",
        "Kx9" * 12,
        "starfrontstarfrontstarfront12345678",
        "https://shop.starfront.app/k7Wq2Lm9Zr4",
        "postgres://u:k7Wq2Lm9Zr4Tb6Hc1J@db/shop",
    ],
)
@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_PREVIOUS", "WEBHOOK_SECRET", "METRICS_TOKEN"])
def test_14_a_secret_that_can_be_guessed_is_refused(name, secret):
    with pytest.raises(ConfigError, match=f"{name} (is easy to guess|looks like a placeholder)") as refused:
        load(**{name: secret})
    assert secret not in str(refused.value)


def test_14_no_random_secret_is_taken_for_one_that_can_be_guessed():
    for draw in (partial(secrets.token_hex, 16), partial(secrets.token_hex, 32), secrets.token_urlsafe):
        assert not [one for one in (draw() for _ in range(2000)) if is_guessable(one)]


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"BOT_API_URL": "http://api.starfront.app/bot"}, "BOT_API_URL must start with https"),
        ({"BOT_API_URL": "http://10.0.0.7/bot"}, "set BOT_API_IS_PRIVATE=1"),
        ({"BOT_API_URL": "http://8.8.8.8/bot", "BOT_API_IS_PRIVATE": "1"}, "must start with https"),
        ({"BOT_API_URL": "https://me:pass@api.telegram.org/bot"}, "holds a user's name or password"),
        ({"BOT_API_URL": "api.telegram.org/bot"}, "BOT_API_URL must be an address"),
        ({"TELEGRAM_JS_URL": "http://telegram.org/app.js"}, "TELEGRAM_JS_URL must start with https"),
        ({"TELEGRAM_JS_URL": "https://x.org/a.js; script-src *"}, "TELEGRAM_JS_URL must be an address"),
        ({"TELEGRAM_JS_URL": "https://x.org/*"}, "TELEGRAM_JS_URL must be an address"),
        ({"FRAME_ANCESTORS": "https://a.example; script-src"}, "FRAME_ANCESTORS: each site must be"),
        ({"FRAME_ANCESTORS": "*"}, "FRAME_ANCESTORS: each site must be an address"),
        ({"FRAME_ANCESTORS": "https://*.a.example"}, "FRAME_ANCESTORS: each site must be an address"),
        ({"FRAME_ANCESTORS": "https://me@a.example"}, "FRAME_ANCESTORS: each site holds a user"),
        ({"FRAME_ANCESTORS": "https://a.example/x"}, "leave the path away"),
    ],
)
def test_14_an_address_that_weakens_the_shop_is_refused(told, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        load(**told)


def test_14_addresses_that_weaken_nothing_are_taken():
    assert load(BOT_API_URL="http://127.0.0.1:8081/bot").bot_api_url == "http://127.0.0.1:8081/bot"
    for host in ("10.0.0.7", "[fd00::7]", "telegram-bot-api"):
        assert load(BOT_API_URL=f"http://{host}:8081/bot", BOT_API_IS_PRIVATE="1")
    assert load(TELEGRAM_JS_URL="https://telegram.org/js/telegram-web-app.js?62")
    told = load(FRAME_ANCESTORS="https://А.example https://b.example:443")
    assert told.frame_ancestors == ("https://xn--80a.example", "https://b.example")


@pytest.mark.parametrize("widened", ["file", "folder"])
def test_14_a_secret_that_others_can_replace_is_refused(tmp_path, widened):
    folder = tmp_path / "secrets"
    folder.mkdir()
    file = folder / "key"
    file.write_text(OTHER)
    file.chmod(0o602 if widened == "file" else 0o600)
    folder.chmod(0o777 if widened == "folder" else 0o755)
    with pytest.raises(ConfigError, match="can be replaced by everyone"):
        load(SECRET_KEY="", SECRET_KEY_FILE=str(file))
    file.chmod(0o600)
    folder.chmod(0o1777)  # as /tmp has it: nobody replaces what is somebody else's
    assert load(SECRET_KEY="", SECRET_KEY_FILE=str(file)).secret_key == OTHER


def test_a_secret_may_come_from_a_file(tmp_path):
    file = tmp_path / "secret"
    file.write_text(f"{OTHER}\n")
    file.chmod(0o600)
    assert load(SECRET_KEY="", SECRET_KEY_FILE=str(file)).secret_key == OTHER


def test_a_secret_is_not_taken_from_two_places(tmp_path):
    with pytest.raises(ConfigError, match="SECRET_KEY or SECRET_KEY_FILE, not both"):
        load(SECRET_KEY_FILE=str(tmp_path / "secret"))


@pytest.mark.proves("S20")
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


# The .env file


@pytest.mark.parametrize(
    "text",
    ["PORT=9000\n", "export PORT=9000", "\ufeffPORT=9000\r\nOTHER=1\r\n", "# why\n\nPORT = '9000' # here"],
    ids=ascii,
)
def test_the_file_sets_what_nobody_else_does(tmp_path, text):
    file = tmp_path / ".env"
    file.write_bytes(text.encode())
    assert env_file.load({}, file)["PORT"] == "9000"
    assert env_file.load({"PORT": "7000"}, file)["PORT"] == "7000"
    assert env_file.load({"FLASK_SKIP_DOTENV": "1"}, file) == {"FLASK_SKIP_DOTENV": "1"}


def test_no_file_is_no_fault(tmp_path):
    assert env_file.load({}, tmp_path / ".env") == {}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"PORT=1\n what is this\n", ".env, line 2: this is not NAME=value."),
        (b"PORT=1\nBOT_TOKEN\n", ".env, line 2: this is not NAME=value."),
        (b"export SECRET_KEY\n", ".env, line 1: this is not NAME=value."),
        (b"NAME=\xff", ".env is not UTF-8 text: save it as UTF-8."),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused_in_a_sentence(tmp_path, data, sentence):
    file = tmp_path / ".env"
    file.write_bytes(data)
    with pytest.raises(env_file.FileInvalid, match=re.escape(sentence)):
        env_file.load({}, file)


def test_a_folder_in_place_of_the_file_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(env_file.FileInvalid, match="cannot be read"):
        env_file.load({}, tmp_path)


@pytest.mark.parametrize("previous", ["x", "a" * 40, "changeme-changeme-changeme-changeme"])
def test_13_a_webhook_secret_before_is_as_strong_as_the_current_one(previous):
    with pytest.raises(ConfigError, match="WEBHOOK_SECRET_PREVIOUS"):
        load(BOT_MODE="webhook", WEBHOOK_SECRET=OTHER, WEBHOOK_SECRET_PREVIOUS=previous)
