"""Messages between people and the bot."""

import re
from html.parser import HTMLParser
from typing import Any

from sandbox.clock import Clock
from sandbox.errors import bad_request, forbidden
from sandbox.events import Events
from sandbox.people import People, Person

LONGEST_TEXT = 4096  # Bot API: sendMessage, text
COMMAND = re.compile(r"/[A-Za-z0-9_]{1,32}(@\w+)?")
HIDDEN = {"from", "title", "reply_keyboard", "reply_to_message_id"}  # what only the phone needs to know
TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "del": "strikethrough",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "tg-spoiler": "spoiler",
    "blockquote": "blockquote",
}


class Chats:
    """Every private chat with the bot."""

    def __init__(self, clock: Clock, people: People, events: Events, bot: dict[str, Any]) -> None:
        self.clock = clock
        self.people = people
        self.events = events
        self.bot = bot

    def add(
        self, person: Person, sender: str, *, shown: dict[str, Any] | None = None, **facts: Any
    ) -> dict[str, Any]:
        """Have one more message in a chat; the phone sees it at once.

        :param shown: what only the phone needs, and the bot is not told
        """
        kept = {key: value for key, value in facts.items() if value is not None}
        message = {
            "message_id": person.next_message_id(),
            "from": sender,
            "date": self.clock.seconds(),
            **kept,
            **(shown or {}),
        }
        person.chat.append(message)
        self.events.add("message", person=person.id, message=message)
        return message

    def as_message(self, person: Person, message: dict[str, Any]) -> dict[str, Any]:
        """Return a message as the Bot API tells it."""
        mine = {
            "id": self.bot["id"],
            "is_bot": True,
            "first_name": self.bot["name"],
            "username": self.bot["username"],
        }
        facts = {key: value for key, value in message.items() if key not in HIDDEN}
        replied = person.find(message["reply_to_message_id"]) if "reply_to_message_id" in message else None
        if replied:
            # Telegram tells one message back, and not what that one replied to.
            told = {key: value for key, value in replied.items() if key != "reply_to_message_id"}
            facts["reply_to_message"] = self.as_message(person, told)
        if "invoice" in facts:
            facts["invoice"] = {key: value for key, value in facts["invoice"].items() if key != "slug"}
        sender = person.as_user() if message["from"] == "person" else mine
        return {**facts, "from": sender, "chat": person.as_chat()}

    def write(self, person: Person, **facts: Any) -> dict[str, Any]:
        """Have a person send something to the bot; that lets the bot write back."""
        person.started = True
        return self.add(person, "person", **facts)

    def words(self, text: str) -> dict[str, Any]:
        """Return a text as a person's message has it."""
        command = COMMAND.match(text)
        entities = [{"type": "bot_command", "offset": 0, "length": len(command[0])}] if command else None
        return {"text": text, "entities": entities}

    def reachable(self, chat_id: Any) -> Person:
        """Return the person of a chat to whom the bot may write.

        :raise ApiError: there is no such chat, or the person does not want the bot
        """
        try:
            person = self.people.by_id[int(chat_id)]
        except (KeyError, TypeError, ValueError):
            raise bad_request("chat not found") from None
        if person.blocked:
            raise forbidden("bot was blocked by the user")
        if not (person.started or person.write_access or person.chat):
            raise forbidden("bot can't initiate conversation with a user")
        return person

    def find(self, chat_id: Any, message_id: Any) -> tuple[Person, dict[str, Any]]:
        """Return a message that the bot wants to change.

        :raise ApiError: it is not there
        """
        person = self.reachable(chat_id)
        message = person.find(message_id) if isinstance(message_id, int) else None
        if message is None or message["from"] != "bot":
            raise bad_request("message to edit not found")
        return person, message


def formatted(text: str, params: dict[str, Any]) -> tuple[str, list[dict[str, Any]] | None]:
    """Return a text and its entities as Telegram would keep them.

    :raise ApiError: empty, too long, or markup that cannot be parsed
    """
    if not text.strip():
        raise bad_request("message text is empty")
    entities = params.get("entities")
    if isinstance(entities, str):
        raise bad_request("can't parse entities JSON object")
    if str(params.get("parse_mode") or "").lower() == "html":
        parser = _Html()
        parser.feed(text)
        parser.close()
        if parser.open:
            tag = parser.open[-1][0]
            raise bad_request(
                f"can't parse entities: Can't find end tag corresponding to start tag \"{tag}\""
            )
        text, entities = parser.text, parser.entities
    if len(text) > LONGEST_TEXT:
        raise bad_request("message is too long")
    return text, entities or None


class _Html(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.entities: list[dict[str, Any]] = []
        self.open: list[tuple[str, int, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            raise bad_request(f'can\'t parse entities: Unsupported start tag "{tag}"')
        self.open.append((tag, _units(self.text), dict(attrs).get("href")))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1][0] != tag:
            raise bad_request("can't parse entities: Unmatched end tag")
        _, begin, href = self.open.pop()
        entity = {"type": TAGS[tag], "offset": begin, "length": _units(self.text) - begin}
        self.entities.append(entity | ({"url": href} if href else {}))

    def handle_data(self, data: str) -> None:
        self.text += data


def _units(text: str) -> int:
    # Bot API: MessageEntity counts UTF-16 code units.
    return len(text.encode("utf-16-le")) // 2
