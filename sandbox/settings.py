"""The environment in which the shop's own processes and commands run beside the sandbox."""

import os
import sys
from pathlib import Path

from sandbox import folder
from sandbox.folder import Running, Secrets
from sandbox.terminal import has_colours

ROOT = Path(__file__).parent.parent
# A sandbox is never behind a proxy, and a proxy that cannot be used at all would stop the shop.
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
SECRETS = ("BOT_TOKEN", "SECRET_KEY", "WEBHOOK_SECRET", "METRICS_TOKEN")


def settings_told() -> dict[str, str]:
    """Return the shop's settings that the person set beside the command, such as OWNER_IDS=1 make run."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    names = [line.partition("=")[0].lstrip("# ") for line in lines if "=" in line]
    told = {name: os.environ[name] for name in names if os.environ.get(name, "").strip()}
    return {name: text for name, text in told.items() if name not in SECRETS}


def shop_environment(running: Running, secret: Secrets) -> dict[str, str]:
    """Return the environment of the shop's processes: the person's settings, and what the rehearsal needs."""
    usual = {
        "DATABASE_URL": folder.DATABASE_URL,
        "LOG_LEVEL": "WARNING",
        "WEB_CONCURRENCY": "1",  # nobody else comes, and each takes a second to start
    }
    mine = {name: text for name, text in os.environ.items() if name.upper() not in PROXIES and text.strip()}
    told = {
        "BOT_TOKEN": secret.bot_token,
        "SECRET_KEY": secret.secret_key,
        "WEBHOOK_SECRET": secret.webhook_secret,
        "METRICS_TOKEN": secret.metrics_token,
        **{f"{name}_FILE": "" for name in (*SECRETS, "DATABASE_URL")},
        # Another host name than the sandbox's, so that the frame is as foreign as in real life.
        "PUBLIC_URL": f"http://localhost:{running.web_port}",
        "PORT": str(running.web_port),
        "BIND_HOST": "127.0.0.1",
        "BOT_API_URL": f"{running.address}/bot",
        "TELEGRAM_JS_URL": f"{running.address}/telegram-web-app.js",
        "TELEGRAM_PUBLIC_KEYS": secret.launch_key,
        "FRAME_ANCESTORS": running.address,
        "APP_ENV": "development",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "NO_PROXY": "*",
        "FORCE_COLOR": "1" if has_colours() else "",
    }
    settings = {**usual, **mine, **running.settings}
    return {**settings, **told, "GUNICORN_CMD_ARGS": f"--log-level={settings['LOG_LEVEL'].lower()}"}


def command_of(name: str) -> str:
    """Return the command of a process as the Procfile has it."""
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    commands = {name: command.strip() for name, _, command in (line.partition(":") for line in lines)}
    return commands[name]
