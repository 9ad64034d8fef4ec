"""``python -m sandbox``: Telegram in a box."""

import argparse
import asyncio
import secrets

from aiohttp import web

from sandbox import server
from sandbox.client_script import ClientScript
from sandbox.origins import origin_of
from sandbox.telegram import Telegram


def main() -> None:
    """Serve until interrupted."""
    told = _arguments()
    box = Telegram(told.token, told.web_app, told.bot_username)
    if not told.fresh:
        server.load(box, told.state)
    script = ClientScript()
    asyncio.run(script.find())
    print(f"Telegram's client script: {script.source}", flush=True)
    print(f"Bot API: http://{told.host}:{told.port}/bot{told.token[:4]}…/METHOD", flush=True)
    print(f"Phone:   http://{told.host}:{told.port}/", flush=True)
    app = server.make_app(box, script, told.state, told.address)
    web.run_app(app, host=told.host, port=told.port, print=None, access_log=None, shutdown_timeout=1)


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
    parser.add_argument("--web-app", default="http://localhost:8080/", help="where the Mini App is")
    parser.add_argument("--bot-username", default="starfront_demo_bot")
    parser.add_argument("--state", default="", help="a file that keeps people and purchases between runs")
    parser.add_argument("--fresh", action="store_true", help="do not go on from that file")
    told = parser.parse_args()
    if not told.token.partition(":")[0].isdigit():
        parser.error("--token must look like 123456:abc")
    for address in told.address:
        if not origin_of(address):
            parser.error(f"--address must look like https://box.example, and {address!r} does not")
    return told


if __name__ == "__main__":
    main()
