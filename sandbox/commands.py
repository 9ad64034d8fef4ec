"""The bot's commands: other ones for other chats and languages."""

import re
from typing import Any

from sandbox.errors import bad_request
from sandbox.people import Person

Commands = list[dict[str, Any]]
COMMAND = re.compile(r"/?[a-z0-9_]{1,32}")
MOST = 100
LONGEST_DESCRIPTION = 256
# Bot API: BotCommandScope, each with what it names.
SCOPES: dict[str, tuple[str, ...]] = {
    "default": (),
    "all_private_chats": (),
    "all_group_chats": (),
    "all_chat_administrators": (),
    "chat": ("chat_id",),
    "chat_administrators": ("chat_id",),
    "chat_member": ("chat_id", "user_id"),
}
DEFAULT = "default"


class CommandLists:
    """Every list of commands that was set, by its scope and language."""

    def __init__(self) -> None:
        self.by_place: dict[tuple[str, str], Commands] = {}

    def get(self, scope: str, language: str) -> Commands:
        return self.by_place.get((scope, language), [])

    def set(self, scope: str, language: str, commands: Commands) -> None:
        """Have these commands in a place, or none of its own."""
        self.by_place.pop((scope, language), None)
        if commands:
            self.by_place[scope, language] = commands

    def seen_by(self, person: Person) -> Commands:
        """Return what a person's own chat shows (Bot API: determining list of commands)."""
        scopes = (f"chat:{person.id}", "all_private_chats", DEFAULT)
        places = [(scope, code) for scope in scopes for code in (person.language_code, "")]
        return next((self.by_place[one] for one in places if one in self.by_place), [])

    def of_languages(self) -> dict[str, Commands]:
        """Return the commands that people of a language see wherever no list is nearer."""
        return {code: one for (scope, code), one in self.by_place.items() if scope == DEFAULT and code}


def scope_name(scope: dict[str, Any] | None) -> str:
    """Return a scope as the name of a place.

    :raise ApiError: it is none
    """
    if scope is None:
        return DEFAULT
    kind = scope.get("type")
    if kind not in SCOPES:
        raise bad_request("can't parse BotCommandScope: Unsupported type specified")
    named = [_id(scope, name) for name in SCOPES[kind]]
    return ":".join([str(kind), *named])


def checked(commands: Any) -> Commands:
    """Return a list of commands as Telegram keeps it.

    :raise ApiError: it is none
    """
    if not isinstance(commands, list) or not all(isinstance(one, dict) for one in commands):
        raise bad_request("can't parse commands JSON object")
    if len(commands) > MOST:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    return [_command(one) for one in commands]


def _command(one: dict[str, Any]) -> dict[str, Any]:
    name, description = str(one.get("command", "")), str(one.get("description", "")).strip()
    if not COMMAND.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= LONGEST_DESCRIPTION:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name.removeprefix("/"), "description": description}


def _id(scope: dict[str, Any], name: str) -> str:
    value = scope.get(name)
    if not isinstance(value, int | str) or isinstance(value, bool) or value == "":
        raise bad_request(f"can't parse BotCommandScope: Can't find field \"{name}\"")
    return str(value)
