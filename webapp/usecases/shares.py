"""Messages about a product that a person may send to anybody."""

from typing import Any

from webapp import clock
from webapp.db.models import User
from webapp.db.transactions import transaction
from webapp.domain.people import rate_limits
from webapp.usecases import calls
from webapp.usecases.context import Context

SHARES_A_MINUTE = 10
SHARED_WITH = ("allow_user_chats", "allow_group_chats", "allow_channel_chats")  # savePreparedInlineMessage


def prepare_share(context: Context, sender: User, message: dict[str, Any]) -> str:
    """Return the id under which a person may send a message to chats of their choice.

    :param message: an InlineQueryResult (Bot API)
    :raise TelegramBusy: Telegram did not answer in time, or too many wait for it already
    :raise TelegramRefused: Telegram will not keep this message
    :raise RateLimited: more than ten within a minute
    """
    with transaction():
        rate_limits.hit(f"share:{sender.telegram_id}", SHARES_A_MINUTE, 60, clock.now())
    params = {"user_id": sender.telegram_id, "result": message, **{chat: True for chat in SHARED_WITH}}
    prepared = calls.ask_for_person(context, "savePreparedInlineMessage", params)
    return str(prepared["id"])
