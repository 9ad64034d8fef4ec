"""Who is in a chat. The sandbox has private chats: in one, there are the person and the bot.

Groups and channels belong here, and in ``sandbox.chats``, once the sandbox has them.
"""

from typing import TYPE_CHECKING, Any

from sandbox.errors import bad_request
from sandbox.methods.registry import METHODS, Method, Params, method
from sandbox.reading import needed, person_id

if TYPE_CHECKING:
    from sandbox.telegram import Telegram

FOR_GROUPS = "method is available for supergroup and channel chats only"
NO_INVITING = "can't invite members to a private chat"
NO_STATUS = "chat member status can't be changed in private chats"
# What Telegram says to each of these in a private chat.
REFUSALS = {
    "banChatMember": "can't ban members in private chats",
    "unbanChatMember": FOR_GROUPS,
    "restrictChatMember": FOR_GROUPS,
    "promoteChatMember": NO_STATUS,
    "leaveChat": NO_STATUS,
    "createChatInviteLink": NO_INVITING,
    "editChatInviteLink": NO_INVITING,
    "revokeChatInviteLink": NO_INVITING,
    "exportChatInviteLink": NO_INVITING,
    "createChatSubscriptionInviteLink": NO_INVITING,
    "getChatAdministrators": "there are no administrators in the private chat",
}


@method
async def getChatMember(box: "Telegram", params: Params) -> Any:  # noqa: N802 - Telegram's names
    person = box.chats.reachable(needed(params, "chat_id"))
    wanted = person_id(params)
    if wanted == box.bot["id"]:
        return {"user": box.chats.bot_as_user(), "status": "member"}
    if wanted != person.id:
        raise bad_request("user not found")
    return {"user": person.as_user(), "status": "member"}


@method
async def getChatMemberCount(box: "Telegram", params: Params) -> Any:  # noqa: N802
    box.chats.reachable(needed(params, "chat_id"))
    return 2


def _refused(words: str) -> Method:
    async def refuse(box: "Telegram", params: Params) -> Any:
        box.chats.reachable(needed(params, "chat_id"))
        raise bad_request(words)

    return refuse


for _name, _words in REFUSALS.items():
    METHODS[_name.lower()] = _refused(_words)
