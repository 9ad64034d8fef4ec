"""``python -m sandbox``: Telegram in a box."""

import argparse
import asyncio
import secrets
import sys
from pathlib import Path

from sandbox import server
from sandbox.client_script import COPY, ClientScript
from sandbox.origins import origin_of
from sandbox.telegram import Telegram


def main() -> int:
    """Serve until interrupted, and return the exit code."""
    told = _arguments()
    try:
        seed = bytes.fromhex(told.seed) if told.seed else None
        box = Telegram(told.token, told.web_app, told.bot_username, seed, name=told.bot_name)
        if not told.fresh:
            server.load(box, told.state)
        app = server.make_app(box, ClientScript(Path(told.script_copy)), told.state, told.address)
        asyncio.run(server.serve(app, told.host, told.port, _introduction(told)))
    except server.CannotServe as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    return 0


def _introduction(told: argparse.Namespace) -> str:
    if told.quiet:
        return ""
    address = f"http://{told.host}:{told.port}"
    return f"Bot API: {address}/bot{told.token[:4]}…/METHOD\nPhone:   {address}/"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Telegram in a box.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument(
        "--address",
        action="append",
        default=[],
        help="another address under which you open it, such as https://box.example; any number of times",
    )
    parser.add_argument("--token", default=f"7000000001:{secrets.token_urlsafe(26)}", help="the bot's token")
    parser.add_argument("--seed", default="", help="of the key that signs launches, in hexadecimal")
    parser.add_argument("--web-app", default="", help="where the bot's Mini App is, if it has one")
    parser.add_argument("--bot-username", default="starfront_demo_bot")
    parser.add_argument("--bot-name", default="Starfront", help="what the bot is called above its chat")
    parser.add_argument("--state", default="", help="a file that keeps people and purchases between runs")
    parser.add_argument("--fresh", action="store_true", help="do not go on from that file")
    parser.add_argument(
        "--script-copy", default=str(COPY), help="where a copy of Telegram's client script is kept"
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing of addresses")
    told = parser.parse_args()
    if not told.token.partition(":")[0].isdigit():
        parser.error("--token must look like 123456:abc")
    for address in told.address:
        if not origin_of(address):
            parser.error(f"--address must look like https://box.example, and {address!r} does not")
    if told.seed and (len(told.seed) != 64 or not set(told.seed) <= set("0123456789abcdef")):
        parser.error("--seed must be 64 hexadecimal digits")
    return told


if __name__ == "__main__":
    sys.exit(main())
