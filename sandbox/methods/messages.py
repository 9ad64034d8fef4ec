"""Messages that the bot sends, changes and takes away."""

from typing import TYPE_CHECKING, Any

from sandbox import replies
from sandbox.errors import bad_request
from sandbox.keyboards import inline_keyboard, keyboard
from sandbox.methods.registry import Params, method
from sandbox.people import Person
from sandbox.reading import flag, needed, number, person_id

if TYPE_CHECKING:
    from sandbox.telegram import Telegram


def send(box: "Telegram", person: Person, params: Params, **facts: Any) -> Any:
    """Have the bot send something, with the keyboard and the reply that every such call can ask for."""
    markup, below = keyboard(params)
    facts |= {"reply_markup": markup, "reply_keyboard": below, **replies.read(person, params)}
    return box.chats.as_message(person, box.chats.add(person, "bot", **facts))


@method
async def sendMessage(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person = box.chats.reachable(needed(params, "chat_id"))
    return send(box, person, params, **box.chats.text(params))


@method
async def editMessageText(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person, message = box.chats.find(needed(params, "chat_id"), number(params, "message_id", 0))
    told = box.chats.text(params)
    markup = inline_keyboard(params)
    if told["text"] == message.get("text") and markup == message.get("reply_markup"):
        raise bad_request(
            "message is not modified: specified new message content and reply markup are exactly the "
            "same as a current content and reply markup of the message"
        )
    message["edit_date"] = box.clock.seconds()
    for key, value in {**told, "reply_markup": markup}.items():
        message.pop(key, None)
        message.update({key: value} if value else {})
    box.events.add("message", person=person.id, message=message)
    return box.chats.as_message(person, message)


@method
async def editMessageReplyMarkup(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person, message = box.chats.find(needed(params, "chat_id"), number(params, "message_id", 0))
    message.pop("reply_markup", None)
    markup = inline_keyboard(params)
    message.update({"reply_markup": markup} if markup else {})
    box.events.add("message", person=person.id, message=message)
    return box.chats.as_message(person, message)


@method
async def deleteMessage(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person, message = box.chats.find(needed(params, "chat_id"), number(params, "message_id", 0))
    person.chat.remove(message)
    box.events.add("person", person=person.id)
    return True


@method
async def answerCallbackQuery(box: "Telegram", params: Params) -> Any:  # noqa: N802
    box.answer_callback(str(needed(params, "callback_query_id")), params)
    return True


@method
async def sendChatAction(box: "Telegram", params: Params) -> Any:  # noqa: N802
    box.chats.reachable(needed(params, "chat_id"))
    return True


@method
async def getChat(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person = box.chats.reachable(needed(params, "chat_id"))
    return {**person.as_chat(), "accent_color_id": 0, "max_reaction_count": 11}


@method
async def savePreparedInlineMessage(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person, result = person_id(params), params.get("result")
    if not isinstance(result, dict) or not result.get("type") or not result.get("id"):
        raise bad_request("can't parse inline query result")
    if not any(flag(params, f"allow_{kind}_chats") for kind in ("user", "bot", "group", "channel")):
        raise bad_request("PEER_TYPES_INVALID")
    return box.prepare(person, {**result, "reply_markup": inline_keyboard(result)})
