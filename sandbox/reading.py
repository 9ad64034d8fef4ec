"""Parameters as the type that a method wants, or refused in Telegram's words."""

import json
from typing import Any

from sandbox.errors import ApiError, bad_request

Params = dict[str, Any]


def needed(params: Params, name: str) -> Any:
    """Return a parameter that must be there."""
    if params.get(name) in (None, ""):
        raise bad_request("chat_id is empty" if name == "chat_id" else f'parameter "{name}" is required')
    return params[name]


def text(params: Params, name: str) -> str:
    """Return a text, empty if there is none; a JSON body may have it as a number."""
    value = params.get(name)
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def number(params: Params, name: str, default: int) -> int:
    value = params.get(name)
    if value is None or value == "":
        return default
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ApiError(400, f'Bad Request: parameter "{name}" must be of type Integer') from None


def flag(params: Params, name: str) -> bool:
    return str(params.get(name, "")).lower() in {"true", "1", "yes"}


def texts(params: Params, name: str) -> list[str]:
    value = params.get(name)
    if not isinstance(value, list):
        raise bad_request(f"can't parse {name}: expected an Array of String")
    return [str(one) for one in value]


def person_id(params: Params) -> int:
    person = number(params, "user_id", 0)
    if person <= 0:
        raise bad_request("invalid user_id specified")
    return person


def fields(params: Params, name: str, words: str) -> dict[str, Any] | None:
    """Return the object that a parameter serialises, None if it is not there."""
    value = params.get(name)
    if value in (None, ""):
        return None
    if not isinstance(value, dict):
        raise bad_request(f"can't parse {words} JSON object")
    return value
