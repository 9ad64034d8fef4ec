"""Photos and documents: sent, changed, and downloaded again."""

from typing import TYPE_CHECKING, Any

from sandbox.errors import bad_request
from sandbox.files import LARGEST_DOWNLOAD
from sandbox.keyboards import inline_keyboard
from sandbox.methods.messages import change, send
from sandbox.methods.registry import Params, method
from sandbox.reading import fields, flag, needed, number, text

if TYPE_CHECKING:
    from sandbox.telegram import Telegram

MEDIA = ("photo", "document")
COPIED = ("text", "entities", "photo", "document", "caption", "caption_entities", "location", "contact")
CAPTION = ("caption", "caption_entities", "show_caption_above_media", "has_media_spoiler")


@method
async def sendPhoto(box: "Telegram", params: Params) -> Any:  # noqa: N802 - Telegram's names
    return await _send(box, params, "photo")


@method
async def sendDocument(box: "Telegram", params: Params) -> Any:  # noqa: N802
    return await _send(box, params, "document")


@method
async def copyMessage(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person = box.chats.reachable(needed(params, "chat_id"))
    source = box.chats.reachable(needed(params, "from_chat_id"))
    message = source.find(number(params, "message_id", 0))
    if message is None:
        raise bad_request("message to copy not found")
    told = {name: message[name] for name in COPIED if name in message}
    if not told:
        raise bad_request("message can't be copied")
    if "caption" in params and "text" not in told:
        told |= box.chats.caption(params)
    return {"message_id": send(box, person, params, **told)["message_id"]}


@method
async def editMessageCaption(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person, message = box.chats.find(needed(params, "chat_id"), number(params, "message_id", 0))
    if not message.keys() & set(MEDIA):
        raise bad_request("there is no caption in the message to edit")
    return change(box, person, message, {**_caption(box, params), "reply_markup": inline_keyboard(params)})


@method
async def editMessageMedia(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person, message = box.chats.find(needed(params, "chat_id"), number(params, "message_id", 0))
    media = fields(params, "media", "input media")
    if media is None:
        raise bad_request('can\'t find field "media"')
    kind = str(media.get("type"))
    if kind not in MEDIA:
        raise bad_request(f"the sandbox plays photos and documents alone, and no media of type {kind}")
    # What is attached came beside the description, not in it.
    stored = await box.files.read({**params, "media": media.get("media")}, "media", kind)
    told = dict.fromkeys((*MEDIA, "text", "entities")) | stored.as_message() | _caption(box, media)
    return change(box, person, message, {**told, "reply_markup": inline_keyboard(params)})


@method
async def getFile(box: "Telegram", params: Params) -> Any:  # noqa: N802
    stored = box.files.by_id.get(text(params, "file_id"))
    if stored is None:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    if stored.size > LARGEST_DOWNLOAD:
        raise bad_request("file is too big")
    return stored.as_file()


async def _send(box: "Telegram", params: Params, kind: str) -> Any:
    person = box.chats.reachable(needed(params, "chat_id"))
    caption = _caption(box, params)
    stored = await box.files.read(params, kind)
    return send(box, person, params, **stored.as_message(), **caption)


def _caption(box: "Telegram", params: Params) -> dict[str, Any]:
    flags = {name: True if flag(params, name) else None for name in CAPTION[2:]}
    return {**box.chats.caption(params), **flags}
