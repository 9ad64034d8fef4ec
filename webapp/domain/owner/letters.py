"""Messages to the shop's people, and their answers, read from updates."""

import json
from dataclasses import dataclass
from typing import Any

from webapp.db.models import InboxItem
from webapp.domain.people import chats

COMMANDS = frozenset(("support", "paysupport"))
# What a message can hold beside or instead of words, in the Bot API's names. Others are service messages.
MEDIA = (
    *("animation", "audio", "document", "paid_media", "photo", "sticker", "story", "video", "video_note"),
    *("voice", "checklist", "contact", "dice", "location", "venue", "poll"),
)


@dataclass(frozen=True)
class Letter:
    """A message as far as support is concerned."""

    chat_id: int
    message_id: int
    is_private: bool
    sender_id: int
    name: str
    username: str
    text: str
    media: str  # its kind, or ""
    replied_to: int | None  # a message of the bot's

    @property
    def command(self) -> str | None:
        """The command it gives, as far as the bot has an answer to it."""
        asked = chats.asked(self.text) if self.text else None
        return asked if asked in chats.COMMANDS else None

    @property
    def words(self) -> str:
        """What it says beside its command."""
        return self.text.partition(" ")[2].strip() if self.command else self.text

    @property
    def is_for_support(self) -> bool:
        """Whether it gives the command that brings it to the shop's people, and says something beside it."""
        return self.command in COMMANDS and bool(self.words or self.media)


def read_letter(item: InboxItem) -> Letter | None:
    """Return the message of an update; None if it holds none that support could carry."""
    message = json.loads(item.body).get("message") if item.kind == "message" else None
    if not isinstance(message, dict) or item.telegram_id is None:
        return None
    chat, sender, ids = message.get("chat"), message.get("from"), message.get("message_id")
    if not isinstance(chat, dict) or not isinstance(sender, dict) or type(ids) is not int:
        return None
    if type(chat.get("id")) is not int or abs(chat["id"]) >= 2**52:
        return None
    text = _clean(message.get("text") or message.get("caption"))
    media = next((kind for kind in MEDIA if kind in message), "")
    if not text and not media:
        return None
    return Letter(
        chat_id=chat["id"],
        message_id=ids,
        is_private=chat.get("type") == "private" and chat["id"] == item.telegram_id,
        sender_id=item.telegram_id,
        name=_name(sender),
        username=_clean(sender.get("username"))[:64],
        text=text,
        media=media,
        replied_to=_replied_to(message),
    )


def _name(sender: dict[str, Any]) -> str:
    names = (_clean(sender.get(name)) for name in ("first_name", "last_name"))
    # A line break in a name would begin a line of the heading.
    return " ".join(" ".join(names).split())[:128]


def _clean(text: object) -> str:
    """Return a text as both databases keep it: without zero bytes and halves of characters."""
    if not isinstance(text, str):
        return ""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")


def _replied_to(message: dict[str, Any]) -> int | None:
    replied = message.get("reply_to_message")
    if not isinstance(replied, dict) or not isinstance(replied.get("from"), dict):
        return None
    number = replied.get("message_id")
    return number if replied["from"].get("is_bot") and type(number) is int else None
