"""What a request to the control API says."""

import base64
import binascii
from typing import Any

from aiohttp import web

from sandbox.bot_api import BOX
from sandbox.errors import ControlError
from sandbox.people import Person
from sandbox.telegram import Telegram


def wants_json(request: web.Request) -> None:
    """Make sure that what a request carries is said to be JSON, which a form of a page cannot say.

    :raise ControlError: it is something else
    """
    named = "Content-Type" in request.headers
    if (named or request.can_read_body) and not (named and request.content_type == "application/json"):
        raise ControlError("the body must be JSON: Content-Type: application/json", 415)


async def read_body(request: web.Request) -> dict[str, Any]:
    """Return the JSON object that a request carries; an empty one where it carries nothing."""
    try:
        body = await request.json() if request.can_read_body else {}
    except (ValueError, UnicodeDecodeError):
        raise ControlError("the body is not JSON") from None
    if not isinstance(body, dict):
        raise ControlError("the body must be a JSON object")
    return body


def person_of(request: web.Request) -> tuple[Telegram, Person]:
    """Return the box and the person that an address names."""
    box = request.app[BOX]
    return box, box.people.get(request.match_info["id"])


def only(body: dict[str, Any], *known: str) -> None:
    """Make sure that nobody misspelled what they want.

    :raise ControlError: there is a name that means nothing here
    """
    unknown = sorted(body.keys() - set(known))
    if unknown:
        raise ControlError(f"{', '.join(unknown)} means nothing here")


def whole(body: dict[str, Any], name: str, default: int | None = None) -> int:
    """Return a whole number from 1 up.

    :raise ControlError: it is something else
    """
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ControlError(f"{name} must be a whole number from 1 up")
    return value


def text(body: dict[str, Any], name: str, default: str | None = None) -> str:
    """Return a text that is not empty.

    :raise ControlError: it is something else
    """
    value = body.get(name, default)
    if not isinstance(value, str) or not value:
        raise ControlError(f"{name} must be a text")
    return value


def flag(body: dict[str, Any], name: str) -> bool:
    """Return a yes or, by default, a no.

    :raise ControlError: it is neither
    """
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise ControlError(f"{name} must be true or false")
    return value


def degrees(body: dict[str, Any], name: str, most: float) -> float:
    """Return a latitude or a longitude.

    :raise ControlError: it is none
    """
    value = body.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not -most <= value <= most:
        raise ControlError(f"{name} must be a number from -{most} to {most}")
    return float(value)


def base64_of(body: dict[str, Any], name: str) -> bytes:
    """Return what a text in base64 stands for.

    :raise ControlError: it is none
    """
    try:
        return base64.b64decode(text(body, name), validate=True)
    except binascii.Error:
        raise ControlError(f"{name} must be in base64") from None
