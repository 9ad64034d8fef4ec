"""Messages that the bot sends, changes and takes away."""

from typing import TYPE_CHECKING, Any

from sandbox import replies
from sandbox.errors import bad_request
from sandbox.keyboards import inline_keyboard, keyboard
from sandbox.methods.registry import Params, method
from sandbox.people import Person
from sandbox.reading import flag, needed, number, person_id, text

if TYPE_CHECKING:
    from sandbox.telegram import Telegram

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a "
    "current content and reply markup of the message"
)
DELETABLE_SECONDS = 48 * 3600  # Bot API: deleteMessage
ACTIONS = {"typing", "record_video", "upload_video", "record_voice", "upload_voice", "upload_photo",
           "upload_document", "choose_sticker", "find_location", "record_video_note", "upload_video_note",
           "record_audio", "upload_audio"}  # fmt: skip


def send(box: "Telegram", person: Person, params: Params, **facts: Any) -> Any:
    """Have the bot send something, with the keyboard and the reply that every such call can ask for."""
    markup, below = keyboard(params)
    facts |= {"reply_markup": markup, "reply_keyboard": below, **replies.read(person, params)}
    return box.chats.as_message(person, box.chats.add(person, "bot", **facts))


@method
async def sendMessage(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person = box.chats.reachable(needed(params, "chat_id"))
    return send(box, person, params, **box.chats.text(params))


def change(box: "Telegram", person: Person, message: dict[str, Any], told: dict[str, Any]) -> Any:
    """Have a message of the bot say something else; what is None it no longer has.

    :raise ApiError: it says that already
    """
    if all(message.get(name) == value for name, value in told.items()):
        raise bad_request(NOT_MODIFIED)
    message["edit_date"] = box.clock.seconds()
    for name, value in told.items():
        message.pop(name, None)
        message.update({name: value} if value is not None else {})
    box.events.add("message", person=person.id, message=message)
    return box.chats.as_message(person, message)


@method
async def editMessageText(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person, message = box.chats.find(needed(params, "chat_id"), number(params, "message_id", 0))
    told = box.chats.text(params)
    if "text" not in message:
        raise bad_request("there is no text in the message to edit")
    return change(box, person, message, {**told, "reply_markup": inline_keyboard(params)})


@method
async def editMessageReplyMarkup(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person, message = box.chats.find(needed(params, "chat_id"), number(params, "message_id", 0))
    return change(box, person, message, {"reply_markup": inline_keyboard(params)})


@method
async def deleteMessage(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person = box.chats.reachable(needed(params, "chat_id"))
    message = person.find(number(params, "message_id", 0))
    if message is None:
        raise bad_request("message to delete not found")
    _delete(box, person, message)
    return True


@method
async def deleteMessages(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person = box.chats.reachable(needed(params, "chat_id"))
    ids = params.get("message_ids")
    if not isinstance(ids, list) or not ids:
        raise bad_request("message identifiers are not specified")
    # Those that are not there are skipped (Bot API: deleteMessages).
    for message in [one for one in person.chat if one["message_id"] in ids]:
        _delete(box, person, message)
    return True


def _delete(box: "Telegram", person: Person, message: dict[str, Any]) -> None:
    """Take a message away, whoever of the two sent it (Bot API: deleteMessage)."""
    if box.clock.seconds() - message["date"] > DELETABLE_SECONDS:
        raise bad_request("message can't be deleted for everyone")
    person.chat.remove(message)
    box.events.add("person", person=person.id)


@method
async def sendLocation(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person = box.chats.reachable(needed(params, "chat_id"))
    place = {name: _degrees(params, name, most) for name, most in (("latitude", 90), ("longitude", 180))}
    return send(box, person, params, location=place)


@method
async def sendContact(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person = box.chats.reachable(needed(params, "chat_id"))
    names = ("phone_number", "first_name", "last_name")
    contact = {name: text(params, name) for name in names if text(params, name)}
    for name in names[:2]:
        if name not in contact:
            raise bad_request(f'parameter "{name}" is required')
    return send(box, person, params, contact=contact)


def _degrees(params: Params, name: str, most: float) -> float:
    try:
        value = float(text(params, name))
    except ValueError:
        raise bad_request(f"there is no {name} in the request") from None
    if not -most <= value <= most:
        raise bad_request("wrong location specified")
    return value


@method
async def answerCallbackQuery(box: "Telegram", params: Params) -> Any:  # noqa: N802
    box.answer_callback(str(needed(params, "callback_query_id")), params)
    return True


@method
async def sendChatAction(box: "Telegram", params: Params) -> Any:  # noqa: N802
    box.chats.reachable(needed(params, "chat_id"))
    if text(params, "action") not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    return True


@method
async def setMessageReaction(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person = box.chats.reachable(needed(params, "chat_id"))
    message = person.find(number(params, "message_id", 0))
    if message is None:
        raise bad_request("message to react not found")
    reaction = params.get("reaction") or []
    if not isinstance(reaction, list) or not all(isinstance(one, dict) for one in reaction):
        raise bad_request("can't parse reaction types JSON object")
    if any(one.get("type") != "emoji" or not one.get("emoji") for one in reaction):
        raise bad_request("REACTION_INVALID")
    message["reactions"] = [one["emoji"] for one in reaction[:1]]
    box.events.add("message", person=person.id, message=message)
    return True


@method
async def getUserProfilePhotos(box: "Telegram", params: Params) -> Any:  # noqa: N802
    if person_id(params) not in box.people.by_id:
        raise bad_request("user not found")
    return {"total_count": 0, "photos": []}


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
