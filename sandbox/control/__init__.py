"""The control API: what the phone and the tests do in Telegram's place."""

from typing import Any

from aiohttp import web

from sandbox.control import box, money, people
from sandbox.errors import ApiError, ControlError

routes = [*box.routes, *people.routes, *money.routes]


@web.middleware
async def in_words(request: web.Request, handler: Any) -> web.StreamResponse:
    """Answer what makes no sense with a sentence."""
    try:
        response: web.StreamResponse = await handler(request)
        return response
    except ControlError as error:
        return web.json_response({"error": str(error)}, status=error.status)
    except ApiError as error:
        return web.json_response({"error": error.description}, status=error.code)
