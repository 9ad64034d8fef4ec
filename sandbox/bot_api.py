"""The Bot API over HTTP, as api.telegram.org speaks it."""

from typing import Any

from aiohttp import web

from sandbox import parameters
from sandbox.client_script import ClientScript
from sandbox.errors import ApiError
from sandbox.methods import IN_TEST
from sandbox.telegram import Telegram
from sandbox.troubles import Garbage, LostAnswer

BOX = web.AppKey("telegram", Telegram)
SCRIPT = web.AppKey("script", ClientScript)
routes = web.RouteTableDef()


@routes.get("/file/bot{token}/{path:.+}")
async def download(request: web.Request) -> web.Response:
    box = request.app[BOX]
    stored = box.files.at(request.match_info["path"])
    if request.match_info["token"] != box.token or stored is None:
        return _refused(ApiError(404, "Not Found"))
    return web.Response(body=box.files.content(stored), content_type="application/octet-stream")


@routes.route("*", "/bot{token}/{environment:(test/)?}{method}")
async def call(request: web.Request) -> web.StreamResponse:
    IN_TEST.set(bool(request.match_info["environment"]))
    answer = await _answer(request)
    # Whoever compares clocks with Telegram compares with this one.
    answer.headers["Date"] = request.app[BOX].clock.http_date()
    return answer


async def _answer(request: web.Request) -> web.StreamResponse:
    box = request.app[BOX]
    token, method = request.match_info["token"], request.match_info["method"]
    if request.method not in {"GET", "POST"} or not token.partition(":")[0].isdigit() or ":" not in token:
        return _refused(ApiError(404, "Not Found"))
    if token != box.token:
        return _refused(ApiError(401, "Unauthorized"))
    try:
        params = await parameters.read(request)
        return web.json_response({"ok": True, "result": await box.call(method, params)})
    except ApiError as error:
        return _refused(error)
    except Garbage:
        return web.Response(text="<html>Bad gateway", content_type="text/html")
    except LostAnswer:
        if request.transport:
            request.transport.abort()
        return web.Response()


def _refused(error: ApiError) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": error.code, "description": error.description}
    headers = {}
    if error.parameters:
        body["parameters"] = error.parameters
        if "retry_after" in error.parameters:
            headers["Retry-After"] = str(error.parameters["retry_after"])
    return web.json_response(body, status=error.code, headers=headers)
