"""Keyboards: inline ones, which belong to a message, and the others, which belong to the phone."""

from typing import Any
from urllib.parse import urlsplit

from sandbox.errors import bad_request

Markup = dict[str, Any]
REPLIES = ("keyboard", "remove_keyboard", "force_reply")
# Bot API: InlineKeyboardButton; what a button does, and of which type that is told.
ACTIONS: dict[str, type] = {
    "url": str,
    "callback_data": str,
    "web_app": dict,
    "login_url": dict,
    "switch_inline_query": str,
    "switch_inline_query_current_chat": str,
    "switch_inline_query_chosen_chat": dict,
    "copy_text": dict,
    "callback_game": dict,
    "pay": bool,
}
TYPE_NAMES = {str: "String", dict: "Object", bool: "Boolean"}
NO_ACTION = "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
NO_TEXT = 'Can\'t find field "text"'
LONGEST_DATA = 64  # bytes
LONGEST_COPY = 256


def keyboard(params: dict[str, Any]) -> tuple[Markup | None, Markup | None]:
    """Return the keyboard that a message is to have, and the one that the phone is to show below the chat.

    :raise ApiError: it is none
    """
    markup = _read(params)
    if markup is None:
        return None, None
    if "inline_keyboard" in markup:
        return _inline(markup), None
    for row in _rows(markup, "keyboard"):
        for button in row:
            _check_reply_button(button)
    return None, markup if markup.keys() & set(REPLIES) else None


def inline_keyboard(params: dict[str, Any], *, pay: bool = False) -> Markup | None:
    """Return the inline keyboard that a message is to have.

    :param pay: whether its first button can ask for a payment, as an invoice's must
    :raise ApiError: it is none, or of another kind
    """
    markup = _read(params)
    if markup is not None and markup.keys() & set(REPLIES):
        raise bad_request("inline keyboard expected")
    return _inline(markup or {}, pay=pay)


def _read(params: dict[str, Any]) -> Markup | None:
    markup = params.get("reply_markup")
    if markup is None or markup == "":
        return None
    if isinstance(markup, str):
        raise bad_request("can't parse reply keyboard markup JSON object")
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    return markup


def _inline(markup: Markup, *, pay: bool = False) -> Markup | None:
    rows = [row for row in _rows(markup, "inline_keyboard") if row]
    for row in rows:
        for button in row:
            _check_inline_button(button, may_pay=pay and button is rows[0][0])
    if rows and pay and not rows[0][0].get("pay"):
        raise bad_request("REPLY_MARKUP_BUY_EMPTY")
    return {"inline_keyboard": rows} if rows else None


def _rows(markup: Markup, name: str) -> list[list[Any]]:
    rows = markup.get(name, [])
    if not isinstance(rows, list):
        raise bad_request(f'field "{name}" must be of type Array')
    if not all(isinstance(row, list) for row in rows):
        raise bad_request(f'field "{name}" must be an Array of Arrays')
    return rows


def _check_reply_button(button: Any) -> None:
    if isinstance(button, str):
        return
    if not isinstance(button, dict):
        raise bad_request("can't parse keyboard button: KeyboardButton must be an Object")
    if not isinstance(button.get("text"), str):
        raise bad_request(f"can't parse keyboard button: {NO_TEXT}")
    if "web_app" in button:
        _check_web_app(button, "keyboard button")


def _check_inline_button(button: Any, *, may_pay: bool) -> None:
    if not isinstance(button, dict):
        raise bad_request("can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    if not isinstance(button.get("text"), str):
        raise bad_request(f"can't parse inline keyboard button: {NO_TEXT}")
    action = next((name for name in ACTIONS if name in button), None)
    if action is None:
        raise bad_request(NO_ACTION)
    if not isinstance(button[action], ACTIONS[action]):
        wanted = TYPE_NAMES[ACTIONS[action]]
        raise bad_request(f'can\'t parse inline keyboard button: Field "{action}" must be of type {wanted}')
    _check_action(button, action, may_pay=may_pay)


def _check_action(button: Markup, action: str, *, may_pay: bool) -> None:
    if action == "callback_data" and not 1 <= len(button[action].encode()) <= LONGEST_DATA:
        raise bad_request("BUTTON_DATA_INVALID")
    if action == "copy_text" and not 1 <= len(str(button[action].get("text", ""))) <= LONGEST_COPY:
        raise bad_request("BUTTON_COPY_TEXT_INVALID")
    if action == "callback_game":
        raise bad_request("the sandbox plays no games")
    if action == "pay" and not may_pay:
        raise bad_request("BUTTON_TYPE_INVALID")
    if action == "web_app":
        _check_web_app(button, "inline keyboard button")
    if action in {"url", "login_url"}:
        link = button[action] if action == "url" else str(button[action].get("url", ""))
        if problem := link_problem(link):
            raise bad_request(f"inline keyboard button URL '{link}' is invalid: {problem}")


def _check_web_app(button: Markup, words: str) -> None:
    app = button["web_app"]
    link = str(app.get("url", "")) if isinstance(app, dict) else ""
    scheme = urlsplit(link).scheme.lower()
    if scheme != "https" and not (scheme == "http" and _is_near(link)):
        raise bad_request(f"{words} Web App URL '{link}' is invalid: Only HTTPS links are allowed")


def link_problem(link: str) -> str | None:
    """Return why Telegram does not take a link, or None."""
    parts = urlsplit(link if "://" in link or link.startswith(("tg:", "ton:")) else f"http://{link}")
    if parts.scheme in {"tg", "ton"}:
        return None
    if parts.scheme not in {"http", "https"}:
        return "Unsupported URL protocol"
    host = parts.hostname or ""
    # Telegram takes names with a dot alone; here a bot's own page is often on this machine.
    is_host = bool(host) and not any(one in host for one in " \t\n") and ("." in host or _is_near(link))
    return None if is_host else "Wrong HTTP URL"


def _is_near(link: str) -> bool:
    """Tell whether a link leads to this machine or its network, where https is seldom to be had."""
    host = urlsplit(link).hostname or ""
    return "://" in link and ("." not in host or host.replace(".", "").isdigit())
