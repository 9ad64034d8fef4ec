"""A text with a button, as the bot sends it.

Plain text without a parse mode, so that nothing a person wrote can become markup.
"""

from dataclasses import dataclass
from typing import Any

from webapp.config import current


@dataclass(frozen=True)
class Message:
    """A text with a button, each as it will be shown.

    The button opens a page of the shop or, if ``path`` is an address, of somebody else's, or tells the bot
    ``callback``; ``is_to_be_answered`` has the
    person's client begin a reply.
    """

    text: str
    button: str = ""
    path: str = "/"
    callback: str = ""
    is_to_be_answered: bool = False

    def reply_markup(self) -> dict[str, Any] | None:
        """Return Telegram's keyboard for the button."""
        if self.is_to_be_answered:
            return {"force_reply": True}
        if not self.button:
            return None
        if self.callback:
            return {"inline_keyboard": [[{"text": self.button, "callback_data": self.callback}]]}
        if not self.path.startswith("/"):
            return {"inline_keyboard": [[{"text": self.button, "url": self.path}]]}
        page = {"url": f"{current().public_url}{self.path}"}
        return {"inline_keyboard": [[{"text": self.button, "web_app": page}]]}
