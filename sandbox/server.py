"""Everything on one port: the Bot API, the control API, the client script and the phone."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Coroutine, Iterable
from pathlib import Path

from aiohttp import web

from sandbox import bot_api, control, origins
from sandbox.bot_api import BOX
from sandbox.client_script import ClientScript
from sandbox.telegram import Telegram

HERE = Path(__file__).parent
SAVE_EVERY_SECONDS = 1.0
RENEW_EVERY_SECONDS = 0.5
LARGEST_BODY = 72 * 1024 * 1024  # a document of 50 MB, as the phone sends it
SCRIPT = web.AppKey("script", ClientScript)
STATE = web.AppKey("state", str)
routes = web.RouteTableDef()


def make_app(
    box: Telegram, script: ClientScript, state_file: str = "", addresses: Iterable[str] = ()
) -> web.Application:
    """Return the server around a box, saved to a file once a second if one is named.

    :param addresses: under which people open it, besides those that lead to this machine
    """
    app = web.Application(middlewares=[control.in_words, origins.guard, _fresh], client_max_size=LARGEST_BODY)
    app[BOX] = box
    app[SCRIPT] = script
    box.files.folder = files_of(state_file)
    app[STATE] = state_file
    app[origins.ADDRESSES] = frozenset(map(origins.origin_of, addresses))
    app.add_routes(bot_api.routes)
    app.add_routes(control.routes)
    app.add_routes(routes)
    app.router.add_static("/static", HERE / "static")
    app.cleanup_ctx.extend([_saving, _renewing])
    return app


@web.middleware
async def _fresh(request: web.Request, handler: web.RequestHandler) -> web.StreamResponse:  # type: ignore[type-arg]
    response: web.StreamResponse = await handler(request)  # type: ignore[operator]
    if not response.prepared:
        response.headers.setdefault("Cache-Control", "no-store")
    return response


@routes.get("/")
async def phone(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(HERE / "templates" / "phone.html")


@routes.get("/telegram-web-app.js")
async def client_script(request: web.Request) -> web.Response:
    script = request.app[SCRIPT]
    if not script.plain:
        return web.Response(status=503, text=f"Telegram's client script comes from {script.source}.")
    headers = {"Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "max-age=3600"}
    headers["Vary"] = "Accept-Encoding"
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=script.packed, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=script.plain, headers=headers)


def load(box: Telegram, state_file: str) -> None:
    """Go on from where the file says the last run ended, if it was with the same bot."""
    file = Path(state_file)
    if not state_file or not file.exists():
        return
    kept = json.loads(file.read_text())
    box.files.folder = files_of(state_file)
    if kept.get("token") == box.token:
        box.restore(kept)


def files_of(state_file: str) -> Path | None:
    """Return the folder beside a state file that keeps what was sent."""
    return Path(state_file).with_suffix(".files") if state_file else None


async def _saving(app: web.Application) -> AsyncIterator[None]:
    async with _beside(_save_often(app)):
        yield
    _save(app)
    await app[BOX].webhook.close()


async def _renewing(app: web.Application) -> AsyncIterator[None]:
    async with _beside(_renew_often(app[BOX])):
        yield


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Have something done for as long as the server serves."""
    task = asyncio.create_task(work)
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _renew_often(box: Telegram) -> None:
    while True:
        await asyncio.sleep(RENEW_EVERY_SECONDS)
        await box.subscriptions.settle()


async def _save_often(app: web.Application) -> None:
    saved = -1
    while True:
        await asyncio.sleep(SAVE_EVERY_SECONDS)
        if app[BOX].events.seq != saved:
            saved = app[BOX].events.seq
            _save(app)


def _save(app: web.Application) -> None:
    if not app[STATE]:
        return
    file = Path(app[STATE])
    half = file.with_suffix(".half")
    half.write_text(json.dumps(app[BOX].snapshot()))
    os.replace(half, file)
