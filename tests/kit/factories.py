"""What tests are made of: settings, people, and what Telegram signs."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import quote

from flask import Flask

from webapp.config import TELEGRAM_KEYS, Config, database_url
from webapp.db.engine import db
from webapp.shop import brand_file, documents
from webapp.shop.folder import Folder

BOT_TOKEN = "7342037359:AAHwq3Vn0k-3Uq0kTzZqz0m0bX1cY2dE3fG"
SECRET_KEY = "kV9dT2xQw8Lr4ZbN6hYc1JmPf3GsUe5a"
WEBHOOK_SECRET = "Wh7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4"
METRICS_TOKEN = "Mt7Rk1WbXq9Lm3VnC5hYd8JpGf2SaUe4"


SHOP = Folder(Path(__file__).parent.parent / "shop")
BRAND = brand_file.read(SHOP)
TERMS_VERSION = documents.read(SHOP, "terms", BRAND).version


def make_config(**changes: Any) -> Config:
    """Return the settings of a shop under test."""
    facts: dict[str, Any] = {
        "bot_token": BOT_TOKEN,
        "public_url": "https://shop.test",
        "secret_key": SECRET_KEY,
        "webhook_secret": WEBHOOK_SECRET,
        "metrics_token": METRICS_TOKEN,
        # Nothing listens here: a test that talks to Telegram names its sandbox.
        "bot_api_url": "http://127.0.0.1:9/bot",
        "telegram_public_keys": (bytes.fromhex(TELEGRAM_KEYS["production"]),),
        "proxy_hops": 0,
        "sqlite_disk_is_kept": True,
        "shop": SHOP,
    }
    if "database_url" in changes:
        changes["database_url"] = database_url(changes["database_url"])
    return Config(**{**facts, **changes})


def write_folder(path: Path, files: dict[str, str]) -> Folder:
    """Return an owner's folder that holds these files; their texts may be indented."""
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(content), encoding="utf-8")
    return Folder(path)


@contextmanager
def opened(app: Flask) -> Iterator[Flask]:
    """Have a shop's context open; its connections end with it."""
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


def make_init_data(user: dict[str, Any], auth_date: int, *, token: str = BOT_TOKEN, **pairs: str) -> str:
    """Return launch data as Telegram signs it (Mini Apps: validating data received)."""
    # Telegram escapes slashes inside its JSON.
    text = json.dumps(user, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
    signed = {"user": text, "auth_date": str(auth_date), **pairs}
    lines = "\n".join(f"{key}={signed[key]}" for key in sorted(signed))
    secret = hmac.new(b"WebAppData", token.encode(), hashlib.sha256).digest()
    signed["hash"] = hmac.new(secret, lines.encode(), hashlib.sha256).hexdigest()
    return "&".join(f"{key}={quote(value, safe='')}" for key, value in signed.items())
