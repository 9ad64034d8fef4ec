"""Who can drive the sandbox from a browser: its own page, under addresses that lead to this machine.

A page of anybody else could send a form to it, or have its own name lead here (DNS rebinding).
"""

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.control.requests import wants_json
from sandbox.errors import ControlError

ADDRESSES = web.AppKey("addresses", frozenset[str])
# The bot's own addresses ask for its token, and the client script is for every page.
OPEN = ("/bot", "/file/bot", "/telegram-web-app.js")
CHANGES = {"POST", "PUT", "PATCH", "DELETE"}


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in what comes from this sandbox's own page, or from no page at all."""
    if not request.path.startswith(OPEN):
        known = request.app[ADDRESSES]
        _check_host(request, known)
        _check_origin(request, known)
        if request.method in CHANGES and request.path.startswith("/sandbox/"):
            wants_json(request)
    return await handler(request)


def origin_of(address: str) -> str:
    """Return the origin of an address, empty if it has none."""
    parts = urlsplit(address)
    has_one = parts.scheme in {"http", "https"} and parts.netloc
    return f"{parts.scheme}://{parts.netloc.lower()}" if has_one else ""


def _check_host(request: web.Request, known: frozenset[str]) -> None:
    host = request.headers.get("Host", "").lower()
    if not (_is_this_machine(host) or host in {urlsplit(one).netloc for one in known}):
        raise ControlError(
            f"the sandbox is not known as {host or 'nothing'}; "
            "start it with --address and the address that you open",
            421,
        )


def _check_origin(request: web.Request, known: frozenset[str]) -> None:
    origin = request.headers.get("Origin")
    host = request.headers.get("Host", "").lower()
    # An address that was named says by itself whether it is https.
    own = known & {f"http://{host}", f"https://{host}"} or {f"http://{host}"}
    if origin is not None and origin.lower() not in own:
        raise ControlError(f"a page of another origin ({origin}) cannot drive the sandbox", 403)


def _is_this_machine(host: str) -> bool:
    """Tell whether a Host header names this machine, or an address: names of others can lead anywhere."""
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
