"""Everything on one port: the Bot API, the control API, the client script and the phone."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Iterable
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox import bot_api, control, origins
from sandbox.bot_api import BOX, SCRIPT
from sandbox.client_script import ClientScript
from sandbox.telegram import Telegram

HERE = Path(__file__).parent
SAVE_EVERY_SECONDS = 1.0
RENEW_EVERY_SECONDS = 0.5
LARGEST_BODY = 72 * 1024 * 1024  # a document of 50 MB, as the phone sends it
STATE = web.AppKey("state", str)
PROBLEM = web.AppKey("problem", dict[str, str])
SHUTDOWN_SECONDS = 0.2  # long polls and followers are cut off then; the state is saved before
routes = web.RouteTableDef()


class CannotServe(Exception):
    """The sentence says why, and what to do."""


async def serve(app: web.Application, host: str, port: int, introduction: str = "") -> None:
    """Serve until a signal says to end; a second one changes nothing.

    :raise CannotServe: the port is not to be had
    """
    told_to_end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told_to_end.set)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        _say(introduction)
        await told_to_end.wait()
    except OSError as error:
        raise CannotServe(f"The sandbox cannot listen at {host}:{port}: {_reason(error)}.") from error
    finally:
        _save(app)
        await runner.cleanup()


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
    app[PROBLEM] = {"said": ""}
    app.add_routes(bot_api.routes)
    app.add_routes(control.routes)
    app.add_routes(routes)
    app.router.add_static("/static", HERE / "static")
    app.cleanup_ctx.extend([_saving, _renewing, _finding_the_script])
    return app


@web.middleware
async def _fresh(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    if not response.prepared:
        response.headers.setdefault("Cache-Control", "no-store")
    return response


@routes.get("/")
async def phone(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(HERE / "templates" / "phone.html")


@routes.get("/telegram-web-app.js")
async def client_script(request: web.Request) -> web.Response:
    script = request.app[SCRIPT].now
    headers = {"Content-Type": "text/javascript; charset=utf-8", "Vary": "Accept-Encoding"}
    # Telegram has one clock, whoever of it is asked.
    headers["Date"] = request.app[BOX].clock.http_date()
    # A stand-in gives way as soon as the real one is found.
    headers["Cache-Control"] = "no-store" if script.is_stand_in else "max-age=3600"
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=script.packed, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=script.plain, headers=headers)


def load(box: Telegram, state_file: str) -> None:
    """Go on from where the file says the last run ended.

    :raise CannotServe: it cannot be read, or belongs to another bot
    """
    file = Path(state_file)
    if not state_file or not file.exists():
        return
    box.files.folder = files_of(state_file)
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        # A token may be drawn again; the bot is the same as long as its id is.
        bot_id = int(kept["token"].partition(":")[0])
        if bot_id == box.bot["id"]:
            box.restore(kept)
    except OSError as error:
        raise CannotServe(f"{file} cannot be read: {_reason(error)}.") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CannotServe(
            f"{file} is damaged; it holds the sandbox's people, chats and Stars. Put a copy of it back, or "
            "move it away to begin with new people. What the shop has sold is not in it and stays."
        ) from error
    if bot_id != box.bot["id"]:
        raise CannotServe(f"{file} belongs to bot {bot_id}: name another file, or move this one away.")


def files_of(state_file: str) -> Path | None:
    """Return the folder beside a state file that keeps what was sent."""
    return Path(state_file).with_suffix(".files") if state_file else None


async def _saving(app: web.Application) -> AsyncIterator[None]:
    async with _beside(_save_often(app)):
        yield
    await app[BOX].webhook.close()


async def _finding_the_script(app: web.Application) -> AsyncIterator[None]:
    async with _beside(_find_the_script(app)):
        yield


async def _find_the_script(app: web.Application) -> None:
    script = app[SCRIPT]
    before = script.said
    await script.find()
    if script.said != before:
        app[BOX].events.add("client_script", said=script.said)
        _say(script.said)


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
        if app[BOX].events.seq != saved and _save(app):
            saved = app[BOX].events.seq


def _save(app: web.Application) -> bool:
    """Write the state to its file; say so once if that fails, and once when it works again."""
    if not app[STATE]:
        return True
    file, half = Path(app[STATE]), Path(f"{app[STATE]}.half")
    try:
        half.write_text(json.dumps(app[BOX].snapshot()), encoding="utf-8")
        os.replace(half, file)
    except OSError as error:
        _note_unsaved(
            app, f"{file} cannot be written: {_reason(error)}. What happens now is lost at the end."
        )
        return False
    _note_unsaved(app, "")
    return True


def _note_unsaved(app: web.Application, problem: str) -> None:
    before, app[PROBLEM]["said"] = app[PROBLEM]["said"], problem
    if problem != before:
        _say(problem or f"{app[STATE]} is written again.")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower() if error.errno else str(error)


def _say(text: str) -> None:
    if text:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
