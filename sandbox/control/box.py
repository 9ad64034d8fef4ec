"""The whole box: its state, what happens in it, its clock, its troubles, and updates on their way."""

import asyncio
import contextlib
import json

from aiohttp import web

from sandbox.bot_api import BOX, SCRIPT
from sandbox.clock import offset_of
from sandbox.control.requests import read_body

routes = web.RouteTableDef()


@routes.get("/sandbox/state")
async def state(request: web.Request) -> web.Response:
    box, script = request.app[BOX], request.app[SCRIPT]
    return web.json_response(
        {
            "bot": box.bot_shown(),
            "web_app": box.web_app,
            "ed25519_public_key": box.signer.public_key,
            "people": box.people_shown(),
            "balance": box.payments.statement.balance,
            "subscriptions": box.subscriptions.shown(),
            "webhook": box.webhook.info() if box.webhook.url else None,
            "pending": [one.body for one in box.updates.pending()],
            "polling": box.updates.is_polled(),
            "drops": box.updates.drops,
            "troubles": box.troubles.now,
            "clock": box.clock.shown(),
            "client_script": {
                "said": script.said,
                "is_stand_in": script.now.is_stand_in,
                "is_settled": script.is_settled,
            },
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
        while True:
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


@routes.get("/sandbox/clock")
async def clock(request: web.Request) -> web.Response:
    return web.json_response(request.app[BOX].clock.shown())


@routes.post("/sandbox/clock")
async def jump(request: web.Request) -> web.Response:
    box = request.app[BOX]
    await box.jump(offset_of(await read_body(request), box.clock))
    return web.json_response(box.clock.shown())


@routes.get("/sandbox/troubles")
async def troubles(request: web.Request) -> web.Response:
    return web.json_response(request.app[BOX].troubles.now)


@routes.put("/sandbox/troubles")
async def make_trouble(request: web.Request) -> web.Response:
    box = request.app[BOX]
    box.troubles.set(await read_body(request))
    box.events.add("troubles")
    return web.json_response(box.troubles.now)


@routes.get("/sandbox/updates")
async def updates(request: web.Request) -> web.Response:
    box = request.app[BOX]
    box.updates.pending()  # what is too old by now is noted as such
    return web.json_response(list(box.updates.history.values()))


@routes.post("/sandbox/updates")
async def inject(request: web.Request) -> web.Response:
    update_id = request.app[BOX].updates.add(await read_body(request))
    return web.json_response({"update_id": update_id})


@routes.post(r"/sandbox/updates/{update_id:\d+}/again")
async def deliver_again(request: web.Request) -> web.Response:
    update_id = int(request.match_info["update_id"])
    request.app[BOX].updates.again(update_id)
    return web.json_response({"update_id": update_id})


@routes.get("/sandbox/calls")
async def calls(request: web.Request) -> web.Response:
    wanted = request.query.get("method")
    kept = [one for one in request.app[BOX].calls if wanted in (None, one["method"])]
    return web.Response(text=json.dumps(kept, default=str), content_type="application/json")
