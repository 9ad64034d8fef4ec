"""Telegram's JSON read strictly: a fact of the wrong type is an error, never a guess."""

from datetime import UTC, datetime
from typing import Any

LARGEST_STARS = 2**31 - 1  # what the columns hold
LARGEST_ID = 2**52  # Bot API: User, at most 52 significant bits
LARGEST_DATE = 2**32  # seconds since 1970


class Unreadable(ValueError):
    """A fact is missing or of the wrong type: what it stands in waits for the owner."""


def part(whole: Any, key: str) -> dict[str, Any]:
    """Return an object within an object.

    :raise Unreadable: it is not there
    """
    found = whole.get(key) if isinstance(whole, dict) else None
    if not isinstance(found, dict):
        raise Unreadable(f"{key} is not an object")
    return found


def text(whole: dict[str, Any], key: str, longest: int, *, empty: bool = False) -> str:
    """Return a text of at most so many characters.

    :raise Unreadable: it is not that
    """
    value = whole.get(key)
    if not isinstance(value, str) or not (value or empty) or len(value) > longest or "\0" in value:
        raise Unreadable(f"{key} is not a text of at most {longest} characters")
    return value


def number(whole: dict[str, Any], key: str, largest: int) -> int:
    """Return a whole number from 0 up.

    :raise Unreadable: it is not that
    """
    value = whole.get(key)
    if type(value) is not int or not 0 <= value <= largest:
        raise Unreadable(f"{key} is not a whole number up to {largest}")
    return value


def person(whole: dict[str, Any], key: str) -> int:
    """Return the id of a user within an object.

    :raise Unreadable: there is none
    """
    return number(part(whole, key), "id", LARGEST_ID)


def private_chat(message: dict[str, Any]) -> int | None:
    """Return the id of a private chat, which is its person's; None for any other chat.

    :raise Unreadable: there is no chat, or it is private and without an id
    """
    chat = part(message, "chat")
    return number(chat, "id", LARGEST_ID) if chat.get("type") == "private" else None


def moment(whole: dict[str, Any], key: str) -> datetime:
    """Return a moment that Telegram writes as seconds since 1970.

    :raise Unreadable: it is not that
    """
    return datetime.fromtimestamp(number(whole, key, LARGEST_DATE), UTC)
