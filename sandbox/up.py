"""``make run``: the sandbox and, beside it, the shop's own processes as a platform would start them."""

import json
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import IO

from sandbox import environment

ROOT = Path(__file__).parent.parent
STATE = ROOT / "var"
BOT_ID = 7_000_000_001
PATIENCE_SECONDS = 60
COLOURS = {"sandbox": 36, "release": 33, "web": 32, "bot": 35}


class CannotStart(Exception):
    """The sentence says why, and what to do."""


def main() -> int:
    """Run everything until interrupted, or until something ends by itself."""
    STATE.mkdir(exist_ok=True)
    sandbox_port = _port("SANDBOX_PORT", 8081)
    web_port = _port("PORT", 8080)
    running: list[subprocess.Popen[str]] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        secret = _secrets()
        address = f"http://127.0.0.1:{sandbox_port}"
        running.append(
            _start("sandbox", _sandbox(sandbox_port, web_port, secret["bot_token"]), dict(os.environ))
        )
        state = _state(address, running)
        environment = _environment(address, web_port, secret, state)
        commands = _procfile()
        _release(commands["release"], environment)
        for name in ("web", "bot"):
            running.append(_start(name, commands[name], environment))
        _wait(f"http://127.0.0.1:{web_port}/healthz", running)
        _announce(address)
        return _watch(running)
    except CannotStart as reason:
        sys.stderr.write(f"\n{reason}\n")
        return 1
    except (KeyboardInterrupt, SystemExit):
        return 0
    finally:
        _stop(running)


def _port(name: str, default: int) -> int:
    port = int(os.environ.get(name) or default)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            sys.stderr.write(f"Port {port} is taken. Choose another: make run {name}={port + 100}\n")
            sys.exit(1)
    return port


def _secrets() -> dict[str, str]:
    """Return made-up secrets, the same at every run so that what was bought stays bought."""
    file = STATE / "rehearsal.json"
    if not file.exists():
        made = {
            "bot_token": f"{BOT_ID}:{secrets.token_urlsafe(26)}",
            "secret_key": secrets.token_urlsafe(32),
            "webhook_secret": secrets.token_urlsafe(32),
            "metrics_token": secrets.token_urlsafe(32),
        }
        file.touch(mode=0o600)
        file.write_text(json.dumps(made))
    known: dict[str, str] = json.loads(file.read_text())
    return known


def _sandbox(port: int, web_port: int, token: str) -> str:
    state = STATE / "sandbox.json"
    return shlex.join(
        [
            *(sys.executable, "-m", "sandbox", "--port", str(port), "--token", token),
            *("--web-app", f"http://localhost:{web_port}", "--state", str(state)),
        ]
    )


def _environment(
    address: str, web_port: int, secret: dict[str, str], state: dict[str, object]
) -> dict[str, str]:
    told = {
        "BOT_TOKEN": secret["bot_token"],
        "SECRET_KEY": secret["secret_key"],
        "WEBHOOK_SECRET": secret["webhook_secret"],
        "METRICS_TOKEN": secret["metrics_token"],
        # Another host name than the sandbox's, so that the frame is as foreign as in real life.
        "PUBLIC_URL": f"http://localhost:{web_port}",
        "PORT": str(web_port),
        "BIND_HOST": "127.0.0.1",
        "BOT_API_URL": f"{address}/bot",
        "TELEGRAM_JS_URL": f"{address}/telegram-web-app.js",
        "TELEGRAM_PUBLIC_KEYS": str(state["ed25519_public_key"]),
        "FRAME_ANCESTORS": address,
        "APP_ENV": "development",
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    database = {"DATABASE_URL": f"sqlite:///{STATE / 'rehearsal.db'}"}
    return {**database, **os.environ, **told}


def _procfile() -> dict[str, str]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name: command.strip() for name, _, command in (line.partition(":") for line in lines)}


def _start(name: str, command: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        shlex.split(command),
        cwd=ROOT,
        env={**environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    threading.Thread(target=_echo, args=(name, process.stdout), daemon=True).start()
    return process


def _echo(name: str, output: IO[str]) -> None:
    begin, end = (f"\033[{COLOURS[name]}m", "\033[0m") if sys.stdout.isatty() else ("", "")
    for line in output:
        print(f"{begin}{name:>8}{end} {line.rstrip()}", flush=True)


def _release(command: str, environment: dict[str, str]) -> None:
    process = _start("release", command, environment)
    if process.wait(PATIENCE_SECONDS):
        raise CannotStart("The release failed; what it said stands above.")


def _state(address: str, running: list[subprocess.Popen[str]]) -> dict[str, object]:
    _wait(f"{address}/sandbox/state", running)
    with urllib.request.urlopen(f"{address}/sandbox/state", timeout=5) as answer:  # noqa: S310 - our own
        state: dict[str, object] = json.load(answer)
    return state


def _wait(address: str, running: list[subprocess.Popen[str]]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if any(process.poll() is not None for process in running):
            raise CannotStart("One of the processes ended; what it said stands above.")
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own
                return
        except OSError:
            time.sleep(0.1)
    raise CannotStart(f"{address} does not answer.")


def _announce(address: str) -> None:
    lines = ("Starfront is open. Telegram is pretended, everything else is real.", "", f"    {address}", "",
             "Open the chat with the bot, then its shop. Ctrl-C ends it.")  # fmt: skip
    width = max(map(len, lines))
    print(f"\n┌{'─' * (width + 4)}┐")
    print("\n".join(f"│  {line:<{width}}  │" for line in lines))
    print(f"└{'─' * (width + 4)}┘\n", flush=True)


def _watch(running: list[subprocess.Popen[str]]) -> int:
    while all(process.poll() is None for process in running):
        time.sleep(0.3)
    sys.stderr.write("One of the processes ended, so the others are stopped.\n")
    return 1


def _stop(running: list[subprocess.Popen[str]]) -> None:
    for process in reversed(running):
        if process.poll() is None:
            process.terminate()
    for process in running:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    environment.ensure("run")
    sys.exit(main())
