"""The control API: what the phone and the tests do in Telegram's place."""

import asyncio
import contextlib
import json
from typing import Any

from aiohttp import web

from sandbox import launches
from sandbox.bot_api import BOX
from sandbox.errors import ApiError, ControlError
from sandbox.people import Person
from sandbox.telegram import Telegram

CHANGEABLE = {
    "blocked": bool,
    "started": bool,
    "write_access": bool,
    "first_name": str,
    "last_name": str,
    "language_code": str,
    "stars": int,
    "is_premium": bool,
}
routes = web.RouteTableDef()


@web.middleware
async def in_words(request: web.Request, handler: Any) -> web.StreamResponse:
    """Answer what makes no sense with a sentence."""
    try:
        response: web.StreamResponse = await handler(request)
        return response
    except ControlError as error:
        return web.json_response({"error": str(error)}, status=error.status)
    except ApiError as error:
        return web.json_response({"error": error.description}, status=error.code)


@routes.get("/sandbox/state")
async def state(request: web.Request) -> web.Response:
    box = request.app[BOX]
    return web.json_response(
        {
            "bot": box.bot,
            "web_app": box.web_app,
            "ed25519_public_key": box.signer.public_key,
            "people": [person.shown() for person in box.people.by_id.values()],
            "balance": box.payments.balance,
            "webhook": box.webhook.info() if box.webhook.url else None,
            "pending": [one.body for one in box.updates.pending()],
            "troubles": box.troubles.now,
            "clock_offset_seconds": box.clock.offset_seconds,
            "seq": box.events.seq,
        }
    )


@routes.get("/sandbox/events")
async def events(request: web.Request) -> web.StreamResponse:
    box = request.app[BOX]
    told = request.headers.get("Last-Event-ID") or request.query.get("since", "0")
    seq = int(told) if told.isdigit() else 0
    stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await stream.prepare(request)
    seq = min(seq, box.events.seq)
    # Whoever followed may close the page at any moment.
    with contextlib.suppress(ConnectionResetError):
        while not request.app.get("closing"):
            changed = box.events.changed
            for event in box.events.after(seq) if seq < box.events.seq else []:
                seq = event["seq"]
                await stream.write(f"id: {seq}\ndata: {json.dumps(event, default=str)}\n\n".encode())
            try:
                await asyncio.wait_for(changed.wait(), 15)
            except TimeoutError:
                await stream.write(b": still here\n\n")
    return stream


@routes.post("/sandbox/reset")
async def reset(request: web.Request) -> web.Response:
    request.app[BOX].reset()
    return web.json_response({})


@routes.post("/sandbox/people")
async def add_person(request: web.Request) -> web.Response:
    box = request.app[BOX]
    person = box.people.add(await _body(request))
    box.events.add("person", person=person.id)
    return web.json_response(person.shown())


@routes.patch("/sandbox/people/{id}")
async def change_person(request: web.Request) -> web.Response:
    box, person = _person(request)
    for name, value in (await _body(request)).items():
        if name not in CHANGEABLE or type(value) is not CHANGEABLE[name]:
            raise ControlError(f"{name} cannot be changed to that")
        setattr(person, name, value)
    if person.blocked:
        box.updates.add({"my_chat_member": _membership(box, person, "kicked")})
    box.events.add("person", person=person.id)
    return web.json_response(person.shown())


@routes.post("/sandbox/people/{id}/top-up")
async def top_up(request: web.Request) -> web.Response:
    box, person = _person(request)
    stars = (await _body(request)).get("stars")
    if not isinstance(stars, int) or isinstance(stars, bool) or not 0 < stars <= 1_000_000:
        raise ControlError("stars must be a whole number from 1 to 1000000")
    person.stars += stars
    box.events.add("balance", person=person.id, stars=person.stars)
    return web.json_response(person.shown())


@routes.get("/sandbox/people/{id}/chat")
async def chat(request: web.Request) -> web.Response:
    return web.json_response(_person(request)[1].chat)


@routes.post("/sandbox/people/{id}/messages")
async def write(request: web.Request) -> web.Response:
    box, person = _person(request)
    text = (await _body(request)).get("text")
    if not isinstance(text, str) or not text.strip() or len(text) > 4096:
        raise ControlError("text must have 1 to 4096 characters")
    message = box.chats.write(person, text)
    box.updates.add({"message": box.chats.as_message(person, message)})
    return web.json_response(message)


@routes.post("/sandbox/people/{id}/callback")
async def press(request: web.Request) -> web.Response:
    box, person = _person(request)
    body = await _body(request)
    return web.json_response(
        await box.press(person, int(body.get("message_id") or 0), str(body.get("data") or ""))
    )


@routes.post("/sandbox/people/{id}/launch")
async def launch(request: web.Request) -> web.Response:
    box, person = _person(request)
    options = await _body(request)
    data = launches.init_data(box.signer, person, options, box.clock.seconds())
    return web.json_response({"url": launches.url(box.web_app, data, options), "init_data": data})


@routes.get("/sandbox/invoices/{slug}")
async def invoice(request: web.Request) -> web.Response:
    return web.json_response(request.app[BOX].payments.invoice(request.match_info["slug"]).shown())


@routes.post("/sandbox/invoices/{slug}/pay")
async def pay(request: web.Request) -> web.Response:
    box = request.app[BOX]
    person = box.people.get((await _body(request)).get("person"))
    result = await box.payments.pay(request.match_info["slug"], person)
    claim = box.troubles.now["client_status"]
    if claim and result["status"] == "paid":
        result = {**result, "status": claim, "error": None}
    return web.json_response(result)


@routes.post("/sandbox/charges/{id}/refund")
async def refund(request: web.Request) -> web.Response:
    charge = request.app[BOX].payments.refund(request.match_info["id"])
    return web.json_response({"id": charge.id, "stars": charge.stars})


@routes.get("/sandbox/troubles")
async def troubles(request: web.Request) -> web.Response:
    return web.json_response(request.app[BOX].troubles.now)


@routes.put("/sandbox/troubles")
async def make_trouble(request: web.Request) -> web.Response:
    box = request.app[BOX]
    box.troubles.set(await _body(request))
    box.events.add("troubles")
    return web.json_response(box.troubles.now)


@routes.post("/sandbox/updates")
async def inject(request: web.Request) -> web.Response:
    update_id = request.app[BOX].updates.add(await _body(request))
    return web.json_response({"update_id": update_id})


@routes.get("/sandbox/calls")
async def calls(request: web.Request) -> web.Response:
    wanted = request.query.get("method")
    kept = [one for one in request.app[BOX].calls if wanted in (None, one["method"])]
    return web.Response(text=json.dumps(kept, default=str), content_type="application/json")


@routes.get("/sandbox/statement")
async def statement(request: web.Request) -> web.Response:
    return web.json_response(request.app[BOX].payments.books.statement)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json() if request.can_read_body else {}
    except (ValueError, UnicodeDecodeError):
        raise ControlError("the body is not JSON") from None
    if not isinstance(body, dict):
        raise ControlError("the body must be a JSON object")
    return body


def _person(request: web.Request) -> tuple[Telegram, Person]:
    box = request.app[BOX]
    return box, box.people.get(request.match_info["id"])


def _membership(box: Telegram, person: Person, status: str) -> dict[str, Any]:
    bot = {"id": box.bot["id"], "is_bot": True, "first_name": box.bot["name"]}
    return {
        "chat": person.as_chat(),
        "from": person.as_user(),
        "date": box.clock.seconds(),
        "old_chat_member": {"user": bot, "status": "member"},
        "new_chat_member": {"user": bot, "status": status},
    }
