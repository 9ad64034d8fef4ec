"""How the bot presents itself: its names, texts, commands and menu button."""

import re
from typing import TYPE_CHECKING, Any

from sandbox.commands import SCOPES, checked, scope_name
from sandbox.errors import bad_request
from sandbox.methods.registry import METHODS, Method, Params, method
from sandbox.reading import fields, text

if TYPE_CHECKING:
    from sandbox.telegram import Telegram


@method
async def setMyCommands(box: "Telegram", params: Params) -> Any:  # noqa: N802
    box.commands.set(*_place(box, params), checked(params.get("commands")))
    return True


@method
async def getMyCommands(box: "Telegram", params: Params) -> Any:  # noqa: N802
    return box.commands.get(*_place(box, params))


@method
async def deleteMyCommands(box: "Telegram", params: Params) -> Any:  # noqa: N802
    box.commands.set(*_place(box, params), [])
    return True


def _place(box: "Telegram", params: Params) -> tuple[str, str]:
    """Return for which chats, and people of which language, a list of commands is."""
    scope = fields(params, "scope", "BotCommandScope") or {}
    # The chats of a scope are there, or it is refused.
    if "chat_id" in SCOPES.get(str(scope.get("type")), ()):
        box.chats.reachable(scope.get("chat_id"))
    return scope_name(scope or None), _language(params)


def _language(params: Params) -> str:
    code = text(params, "language_code")
    if code and not re.fullmatch("[a-z]{2}", code):
        raise bad_request("LANG_CODE_INVALID")
    return code


def _face(box: "Telegram", params: Params) -> dict[str, Any]:
    """Return the texts of the bot for people of a language, or for everybody else."""
    code = _language(params)
    if not code:
        return box.bot
    face: dict[str, Any] = box.bot["faces"].setdefault(code, {})
    return face


def _described(key: str, longest: int) -> tuple[Method, Method]:
    async def write(box: "Telegram", params: Params) -> Any:
        words = text(params, key)
        if len(words) > longest:
            raise bad_request(f"bot {key.replace('_', ' ')} is too long")
        _face(box, params)[key] = words
        return True

    async def read(box: "Telegram", params: Params) -> Any:
        return {key: _face(box, params).get(key, "")}

    return write, read


for _key, _longest in (("name", 64), ("description", 512), ("short_description", 120)):
    _write, _read = _described(_key, _longest)
    METHODS[f"setmy{_key.replace('_', '')}"] = _write
    METHODS[f"getmy{_key.replace('_', '')}"] = _read


@method
async def setChatMenuButton(box: "Telegram", params: Params) -> Any:  # noqa: N802
    button = fields(params, "menu_button", "menu button") or {"type": "default"}
    if button.get("type") not in {"default", "commands", "web_app"}:
        raise bad_request("can't parse menu button: Unsupported button type specified")
    if button["type"] == "web_app" and not (button.get("web_app") or {}).get("url"):
        raise bad_request("can't parse menu button: Can't find field \"web_app\"")
    if params.get("chat_id"):
        box.bot["buttons"][str(box.chats.reachable(params["chat_id"]).id)] = button
    else:
        box.bot["menu_button"] = button
    return True


@method
async def getChatMenuButton(box: "Telegram", params: Params) -> Any:  # noqa: N802
    return box.bot["buttons"].get(str(params.get("chat_id")), box.bot["menu_button"])
