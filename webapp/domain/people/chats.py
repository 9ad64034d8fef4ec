"""What people write to the bot, and how much of it is answered."""

import json
from collections.abc import Iterable

from webapp.db.models import InboxItem

COMMANDS = frozenset(
    ("start", "shop", "help", "paysupport", "support", "terms", "language", "news_off", "news_on", "code")
)
SOMETHING = "something"  # whatever is no command gets the same answer


def latest(items: Iterable[InboxItem]) -> list[InboxItem]:
    """Return the items without those that a later one of the same person repeats, in their order.

    Somebody who writes "hello?" twenty times has one answer coming; each command has its own.
    """
    kept: dict[object, InboxItem] = {}
    for item in items:
        asked = subject(item)
        key = (item.telegram_id, asked) if asked else item.id
        kept.pop(key, None)
        kept[key] = item
    return list(kept.values())


def subject(item: InboxItem) -> str | None:
    """Return what a person asks for, as far as it has an answer: a command, or something else in words."""
    message = json.loads(item.body).get("message") if item.telegram_id else None
    words = message.get("text") if isinstance(message, dict) else None
    return asked(words) if isinstance(words, str) else None


def asked(words: str) -> str:
    """Return what words ask for: a command that has an answer, or something else."""
    command = words.split(maxsplit=1)[0].partition("@")[0].lower() if words.startswith("/") else ""
    return command[1:] if command[1:] in COMMANDS else SOMETHING
