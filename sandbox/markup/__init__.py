"""Marked-up text: HTML and both kinds of Markdown, as Telegram parses and refuses them."""

from typing import Any

from sandbox.errors import bad_request
from sandbox.markup import html, markdown, markdown_v2
from sandbox.markup.entities import Entities, Unparsable, checked, found, settled

PARSERS = {"html": html.parse, "markdown": markdown.parse, "markdownv2": markdown_v2.parse}


def formatted(source: str, mode: Any, entities: Any) -> tuple[str, Entities]:
    """Return a text and its entities as Telegram keeps them; the text can be empty.

    :raise ApiError: markup or entities that Telegram cannot parse
    """
    if mode:
        parse = PARSERS.get(str(mode).lower())
        if parse is None:
            raise bad_request("unsupported parse_mode")
        try:
            text, marks = parse(source)
        except Unparsable as error:
            raise bad_request(f"can't parse entities: {error}") from None
    else:
        text, marks = source, checked(source, entities)
    return settled(text, marks + found(text, marks))
