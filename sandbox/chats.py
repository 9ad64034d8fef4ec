"""Messages between people and the bot."""

from typing import Any

from sandbox import reading
from sandbox.clock import Clock
from sandbox.errors import bad_request, forbidden
from sandbox.events import Events
from sandbox.markup import formatted
from sandbox.people import People, Person

NO_GROUPS = "chat not found: the sandbox plays private chats; groups and channels come later"
LONGEST_TEXT = 4096  # Bot API: sendMessage, text
LONGEST_CAPTION = 1024  # Bot API: sendPhoto, caption
# What only the phone needs to know.
HIDDEN = {"from", "title", "reply_keyboard", "reply_to_message_id", "reactions"}


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
        facts = {key: value for key, value in message.items() if key not in HIDDEN}
        replied = person.find(message["reply_to_message_id"]) if "reply_to_message_id" in message else None
        if replied:
            # Telegram tells one message back, and not what that one replied to.
            told = {key: value for key, value in replied.items() if key != "reply_to_message_id"}
            facts["reply_to_message"] = self.as_message(person, told)
        if "invoice" in facts:
            facts["invoice"] = {key: value for key, value in facts["invoice"].items() if key != "slug"}
        sender = person.as_user() if message["from"] == "person" else self.bot_as_user()
        return {**facts, "from": sender, "chat": person.as_chat()}

    def bot_as_user(self) -> dict[str, Any]:
        """Return the bot as a User."""
        named = {"first_name": self.bot["name"], "username": self.bot["username"]}
        return {"id": self.bot["id"], "is_bot": True, **named}

    def write(self, person: Person, **facts: Any) -> dict[str, Any]:
        """Have a person send something to the bot; that lets the bot write back."""
        person.started = True
        return self.add(person, "person", **facts)

    def words(self, text: str) -> dict[str, Any]:
        """Return a text as a person's message has it."""
        words, entities = formatted(text, None, None)
        return {"text": words, "entities": entities or None}

    def text(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the text that the bot wants to send.

        :raise ApiError: empty, too long, or marked up in a way that Telegram cannot parse
        """
        words, entities = self._marked(params, "text", "entities")
        if not words:
            raise bad_request("message text is empty")
        if len(words) > LONGEST_TEXT:
            raise bad_request("message is too long")
        return {"text": words, "entities": entities}

    def caption(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the caption that the bot wants below a photo or a document, if any.

        :raise ApiError: too long, or marked up in a way that Telegram cannot parse
        """
        words, entities = self._marked(params, "caption", "caption_entities")
        if len(words) > LONGEST_CAPTION:
            raise bad_request("message caption is too long")
        return {"caption": words or None, "caption_entities": entities}

    def _marked(self, params: dict[str, Any], words: str, marks: str) -> tuple[str, list[Any] | None]:
        text, entities = formatted(reading.text(params, words), params.get("parse_mode"), params.get(marks))
        known = [self._mentioned(one) for one in entities]
        return text, [one for one in known if one] or None

    def _mentioned(self, entity: dict[str, Any]) -> dict[str, Any] | None:
        """Return an entity; one that mentions somebody says who that is, or is none."""
        if entity["type"] != "text_mention":
            return entity
        person = self.people.by_id.get(entity["user"].get("id"))
        return {**entity, "user": person.as_user()} if person else None

    def reachable(self, chat_id: Any) -> Person:
        """Return the person of a chat to whom the bot may write.

        :raise ApiError: there is no such chat, or the person does not want the bot
        """
        if str(chat_id).startswith(("-", "@")):
            raise bad_request(NO_GROUPS)
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
        message = person.find(message_id)
        if message is None:
            raise bad_request("message to edit not found")
        if message["from"] != "bot":
            raise bad_request("message can't be edited")
        return person, message
