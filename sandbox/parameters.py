"""What a call says: from its query, a form, a form in parts, or a JSON object."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.web_request import FileField

from sandbox.errors import bad_request

# The parameters that the Bot API documents as JSON-serialised; all others are the text that they are.
SERIALISED = frozenset({
    "allowed_updates", "caption_entities", "commands", "entities", "link_preview_options", "media",
    "menu_button", "message_ids", "prices", "reaction", "reply_markup", "reply_parameters", "result", "scope",
    "suggested_tip_amounts",
})  # fmt: skip
SPACES = " \t\r\n"
DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Upload:
    """A file that came with a call."""

    name: str
    type: str
    content: bytes


async def read(request: web.Request) -> dict[str, Any]:
    """Return what a call says, wherever it stands and however it is written.

    :raise ApiError: the body is no JSON object, though it is said to be JSON
    """
    params = {name: _written(name, value) for name, value in request.query.items()}
    if request.method == "POST" and request.can_read_body:
        if request.content_type == "application/json":
            return params | await _from_json(request)
        form = await request.post()
        params |= {name: _written(name, value) for name, value in form.items()}
    return params


async def _from_json(request: web.Request) -> dict[str, Any]:
    try:
        return {name: _native(name, *found) for name, *found in _fields(await request.text())}
    except (ValueError, IndexError):
        raise bad_request("can't parse parameters as a JSON object") from None


def _written(name: str, value: Any) -> Any:
    """Return a parameter that was written as text, or the file that it is."""
    if isinstance(value, FileField):
        return Upload(value.filename, value.content_type, value.file.read())
    text = value.decode(errors="replace") if isinstance(value, bytes | bytearray) else value
    return _decoded(text) if name in SERIALISED else text


def _native(name: str, value: Any, source: str) -> Any:
    """Return a parameter of a JSON body: there, too, what is serialised can come as text."""
    if name in SERIALISED:
        return _decoded(value) if isinstance(value, str) else value
    # telegram-bot-api: a text written as anything else is its source.
    return source if isinstance(value, dict | list) else value


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _fields(text: str) -> Iterator[tuple[str, Any, str]]:
    """Find each name of a JSON object, its value, and how that was written.

    :raise ValueError: it is no object
    """
    at = _expect(text, 0, "{")
    while text[at] != "}":
        name, at = DECODER.raw_decode(text, at)
        begin = _expect(text, at, ":")
        value, end = DECODER.raw_decode(text, begin)
        yield str(name), value, text[begin:end]
        at = _past(text, end)
        if text[at] != "}":
            at = _expect(text, at, ",")
            if text[at] == "}":
                raise ValueError("a comma before the end")
    if text[at + 1 :].strip(SPACES):
        raise ValueError("something after the end")


def _expect(text: str, at: int, mark: str) -> int:
    at = _past(text, at)
    if text[at] != mark:
        raise ValueError(f"{mark} expected")
    return _past(text, at + 1)


def _past(text: str, at: int) -> int:
    while text[at : at + 1] in SPACES and at < len(text):
        at += 1
    return at
