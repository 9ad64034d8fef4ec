"""The people in the box, their Stars, and their chats with the bot."""

import copy
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.errors import ControlError


@dataclass
class Person:
    """A Telegram user; ``blocked`` once they blocked the bot, ``started`` once they wrote to it."""

    id: int
    first_name: str
    last_name: str = ""
    username: str | None = None
    language_code: str = "en"
    stars: int = 0
    is_premium: bool = False
    blocked: bool = False
    started: bool = False
    write_access: bool = False
    home_screen: bool = False  # whether an icon of the bot is on it
    chat: list[dict[str, Any]] = field(default_factory=list)
    last_message_id: int = 0

    @property
    def phone_number(self) -> str:
        """Return a number that nobody has: Telegram gives those of this beginning to tests."""
        return f"99966{self.id % 10**7:07}"

    def as_user(self) -> dict[str, Any]:
        """Return the person as the Bot API's User."""
        user: dict[str, Any] = {"id": self.id, "is_bot": False, "first_name": self.first_name}
        user |= {"last_name": self.last_name} if self.last_name else {}
        user |= {"username": self.username} if self.username else {}
        user |= {"language_code": self.language_code} if self.language_code else {}
        return user | ({"is_premium": True} if self.is_premium else {})

    def as_chat(self) -> dict[str, Any]:
        """Return the private chat with this person."""
        named = {key: value for key, value in self.as_user().items() if key.endswith("name")}
        return {"id": self.id, "type": "private", **named}

    def shown(self) -> dict[str, Any]:
        """Return what the phone needs to know."""
        return {key: value for key, value in asdict(self).items() if key not in {"chat", "last_message_id"}}

    def next_message_id(self) -> int:
        self.last_message_id += 1
        return self.last_message_id

    def find(self, message_id: int) -> dict[str, Any] | None:
        return next((one for one in self.chat if one["message_id"] == message_id), None)


SEEDED = (
    Person(5000000101, "Alice", "Archer", "alice_archer", "en", stars=500),
    Person(5000000102, "Bob", "Berg", "bob_berg", "ru", stars=100),
    Person(5000000103, "Carmen", "Cruz", None, "es", stars=2500),
    Person(5000000104, "Dariush", "", "dariush", "fa", stars=1000),
)


class People:
    """Everybody in the box."""

    def __init__(self) -> None:
        self.by_id: dict[int, Person] = {}
        self.reset()

    def reset(self) -> None:
        self.by_id = {person.id: copy.deepcopy(person) for person in SEEDED}

    def add(self, facts: dict[str, Any]) -> Person:
        """Have one more person; ids are given in order."""
        name = facts.get("first_name")
        if not isinstance(name, str) or not name.strip():
            raise ControlError("first_name is missing")
        stars = facts.get("stars", 500)
        if not isinstance(stars, int) or isinstance(stars, bool) or stars < 0:
            raise ControlError("stars must be a whole number")
        telegram_id = facts.get("id", max(self.by_id) + 1)
        if not isinstance(telegram_id, int) or isinstance(telegram_id, bool) or telegram_id < 1:
            raise ControlError("id must be a whole number from 1 up")
        if telegram_id in self.by_id:
            raise ControlError(f"{self.by_id[telegram_id].first_name} has the id {telegram_id}")
        person = Person(
            telegram_id,
            name[:64],
            str(facts.get("last_name") or "")[:64],
            facts.get("username") or None,
            str(facts.get("language_code") or "en"),
            stars,
        )
        self.by_id[person.id] = person
        return person

    def get(self, telegram_id: Any) -> Person:
        """Return a person.

        :raise ControlError: there is nobody of this id
        """
        try:
            return self.by_id[int(telegram_id)]
        except (KeyError, TypeError, ValueError):
            raise ControlError(f"nobody has the id {telegram_id}", 404) from None
