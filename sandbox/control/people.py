"""People: their Stars, their chats with the bot, and opening the Mini App."""

from typing import Any
from urllib.parse import quote

from aiohttp import web

from sandbox import launches
from sandbox.bot_api import BOX
from sandbox.control.requests import base64_of, degrees, only, person_of, read_body, text, whole
from sandbox.errors import ControlError
from sandbox.parameters import Upload
from sandbox.people import Person
from sandbox.telegram import Telegram

CHANGEABLE = {
    "blocked": bool,
    "started": bool,
    "write_access": bool,
    "home_screen": bool,
    "first_name": str,
    "last_name": str,
    "language_code": str,
    "stars": int,
    "is_premium": bool,
}
PICTURES = {"image/jpeg", "image/png", "image/gif", "image/webp"}
routes = web.RouteTableDef()


@routes.post("/sandbox/people")
async def add_person(request: web.Request) -> web.Response:
    box = request.app[BOX]
    person = box.people.add(await read_body(request))
    box.events.add("person", person=person.id)
    return web.json_response(person.shown())


@routes.patch("/sandbox/people/{id}")
async def change_person(request: web.Request) -> web.Response:
    box, person = person_of(request)
    wanted = await read_body(request)
    for name, value in wanted.items():
        if type(value) is not CHANGEABLE.get(name) or (name == "stars" and value < 0):
            raise ControlError(f"{name} cannot be changed to that")
    was_blocked, could_be_written_to = person.blocked, person.write_access
    for name, value in wanted.items():
        setattr(person, name, value)
    if person.blocked != was_blocked:
        box.updates.add({"my_chat_member": _membership(box, person)})
    if person.write_access and not could_be_written_to:
        allowed = box.chats.add(person, "person", write_access_allowed={"from_request": True})
        box.updates.add({"message": box.chats.as_message(person, allowed)})
    await box.subscriptions.settle()
    box.events.add("person", person=person.id)
    return web.json_response(person.shown())


@routes.post("/sandbox/people/{id}/top-up")
async def top_up(request: web.Request) -> web.Response:
    box, person = person_of(request)
    stars = (await read_body(request)).get("stars")
    if not isinstance(stars, int) or isinstance(stars, bool) or not 0 < stars <= 1_000_000:
        raise ControlError("stars must be a whole number from 1 to 1000000")
    person.stars += stars
    box.events.add("balance", person=person.id, stars=person.stars)
    await box.subscriptions.settle()
    return web.json_response(person.shown())


@routes.get("/sandbox/people/{id}/chat")
async def chat(request: web.Request) -> web.Response:
    return web.json_response(person_of(request)[1].chat)


@routes.post("/sandbox/people/{id}/messages")
async def write(request: web.Request) -> web.Response:
    box, person = person_of(request)
    body = await read_body(request)
    words = body.get("text")
    if not isinstance(words, str) or not words.strip() or len(words) > 4096:
        raise ControlError("text must have 1 to 4096 characters")
    return _said(box, person, body, **box.chats.words(words))


@routes.post("/sandbox/people/{id}/contacts")
async def share_contact(request: web.Request) -> web.Response:
    """Have a person share a contact; their own, unless another is told."""
    box, person = person_of(request)
    body = await read_body(request)
    only(body, "phone_number", "first_name", "last_name", "user_id", "reply_to_message_id")
    own = {"phone_number": person.phone_number, "first_name": person.first_name, "user_id": person.id}
    told: dict[str, Any] = {
        name: text(body, name) for name in ("phone_number", "first_name", "last_name") if name in body
    }
    told |= {"user_id": whole(body, "user_id")} if "user_id" in body else {}
    if told and not {"phone_number", "first_name"} <= told.keys():
        raise ControlError("a contact needs a phone_number and a first_name")
    return _said(box, person, body, contact=told or own)


@routes.post("/sandbox/people/{id}/locations")
async def share_location(request: web.Request) -> web.Response:
    box, person = person_of(request)
    body = await read_body(request)
    only(body, "latitude", "longitude", "reply_to_message_id")
    place = {"latitude": degrees(body, "latitude", 90), "longitude": degrees(body, "longitude", 180)}
    return _said(box, person, body, location=place)


@routes.post("/sandbox/people/{id}/photos")
async def send_photo(request: web.Request) -> web.Response:
    return await _sent(request, "photo")


@routes.post("/sandbox/people/{id}/documents")
async def send_document(request: web.Request) -> web.Response:
    return await _sent(request, "document")


async def _sent(request: web.Request, kind: str) -> web.Response:
    """Have a person send a file, which a body of JSON carries in base64."""
    box, person = person_of(request)
    body = await read_body(request)
    only(body, "name", "type", "content", "caption", "reply_to_message_id")
    caption = box.chats.words(text(body, "caption")) if body.get("caption") else {}
    upload = Upload(text(body, "name", "file"), str(body.get("type") or ""), base64_of(body, "content"))
    facts = box.files.add(kind, upload).as_message()
    facts |= {"caption": caption.get("text"), "caption_entities": caption.get("entities")}
    return _said(box, person, body, **facts)


@routes.get("/sandbox/files/{file}")
async def show_file(request: web.Request) -> web.Response:
    """Show a picture, or hand out a document; a page that somebody sent must not become one of ours."""
    files = request.app[BOX].files
    stored = files.by_id.get(request.match_info["file"])
    if stored is None:
        raise ControlError("there is no such file", 404)
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
    kind = "image/jpeg" if stored.kind == "photo" else stored.type
    if kind not in PICTURES:
        kind = "application/octet-stream"
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(stored.name)}"
    return web.Response(body=files.content(stored), content_type=kind, headers=headers)


@routes.post("/sandbox/people/{id}/callback")
async def press(request: web.Request) -> web.Response:
    box, person = person_of(request)
    body = await read_body(request)
    return web.json_response(await box.press(person, whole(body, "message_id"), str(body.get("data") or "")))


@routes.get("/sandbox/people/{id}/prepared/{message}")
async def prepared(request: web.Request) -> web.Response:
    box, person = person_of(request)
    kept = box.prepared.get(request.match_info["message"])
    if not kept or kept["person"] != person.id or kept["expires"] <= box.clock.seconds():
        raise ControlError("there is no such message", status=404)
    return web.json_response(kept["result"])


@routes.post("/sandbox/people/{id}/launch")
async def launch(request: web.Request) -> web.Response:
    box, person = person_of(request)
    options = await read_body(request)
    if not (options.get("url") or box.web_app):
        raise ControlError("this bot has no Mini App; start the sandbox with --web-app and its address")
    data = launches.init_data(box.signer, person, options, box.clock.seconds())
    return web.json_response({"url": launches.url(box.web_app, data, options), "init_data": data})


def _said(box: Telegram, person: Person, body: dict[str, Any], **facts: Any) -> web.Response:
    """Have a person send a message, in answer to another if one is named, and the bot hear of it."""
    if "reply_to_message_id" in body:
        facts["reply_to_message_id"] = whole(body, "reply_to_message_id")
        if person.find(facts["reply_to_message_id"]) is None:
            raise ControlError("there is no message to reply to", 404)
    message = box.chats.write(person, **facts)
    box.updates.add({"message": box.chats.as_message(person, message)})
    return web.json_response(message)


def _membership(box: Telegram, person: Person) -> dict[str, Any]:
    """Return what the bot is told of a person who has just blocked it, or let it in again."""
    bot = {"id": box.bot["id"], "is_bot": True, "first_name": box.bot["name"]}
    before, after = ("member", "kicked") if person.blocked else ("kicked", "member")
    return {
        "chat": person.as_chat(),
        "from": person.as_user(),
        "date": box.clock.seconds(),
        "old_chat_member": {"user": bot, "status": before},
        "new_chat_member": {"user": bot, "status": after},
    }
