"""Money: invoices, charges, subscriptions, and Telegram's statement of them."""

from dataclasses import asdict, replace
from typing import Any

from aiohttp import web

from sandbox.books import Invoice, Subscription
from sandbox.bot_api import BOX
from sandbox.control.requests import flag, only, read_body, text, whole
from sandbox.errors import ControlError
from sandbox.telegram import Telegram

routes = web.RouteTableDef()


@routes.get("/sandbox/invoices")
async def invoices(request: web.Request) -> web.Response:
    return web.json_response([asdict(one) for one in request.app[BOX].payments.books.invoices.values()])


@routes.get("/sandbox/invoices/{slug}")
async def invoice(request: web.Request) -> web.Response:
    return web.json_response(request.app[BOX].payments.invoice(request.match_info["slug"]).shown())


@routes.post("/sandbox/invoices/{slug}/pay")
async def pay(request: web.Request) -> web.Response:
    box = request.app[BOX]
    person = box.people.get((await read_body(request)).get("person"))
    result = await box.payments.pay(request.match_info["slug"], person)
    claim = box.troubles.now["client_status"]
    if claim and result["status"] == "paid":
        result = {**result, "status": claim, "error": None}
    return web.json_response(result)


@routes.get("/sandbox/charges")
async def charges(request: web.Request) -> web.Response:
    return web.json_response([asdict(one) for one in request.app[BOX].payments.books.charges.values()])


@routes.post("/sandbox/charges")
async def force(request: web.Request) -> web.Response:
    """Charge a person whatever the bot thinks of it, and for whatever it never asked."""
    box = request.app[BOX]
    body = await read_body(request)
    only(body, "person", "slug", "title", "amount", "payload", "currency", "silent")
    person = box.people.get(body.get("person"))
    invoice = _asked(box, body)
    if person.stars < invoice.stars:
        raise ControlError("BALANCE_TOO_LOW")
    currency, silent = text(body, "currency", "XTR"), flag(body, "silent")
    return web.json_response(asdict(box.payments.charge(invoice, person, currency=currency, silent=silent)))


@routes.post("/sandbox/charges/{id}/tell")
async def tell(request: web.Request) -> web.Response:
    payments = request.app[BOX].payments
    return web.json_response({"update_id": payments.tell(payments.find(request.match_info["id"]))})


@routes.post("/sandbox/charges/{id}/refund")
async def refund(request: web.Request) -> web.Response:
    charge = request.app[BOX].payments.refund(request.match_info["id"])
    return web.json_response({"id": charge.id, "stars": charge.stars})


@routes.post("/sandbox/charges/{id}/chargeback")
async def charge_back(request: web.Request) -> web.Response:
    body = await read_body(request)
    only(body, "silent", "return_stars")
    payments, charge_id = request.app[BOX].payments, request.match_info["id"]
    charge = payments.charge_back(charge_id, returned=flag(body, "return_stars"), silent=flag(body, "silent"))
    return web.json_response({"id": charge.id, "stars": charge.stars})


@routes.get("/sandbox/subscriptions")
async def subscriptions(request: web.Request) -> web.Response:
    return web.json_response(request.app[BOX].subscriptions.shown())


@routes.post("/sandbox/subscriptions/{id}/renew")
async def renew(request: web.Request) -> web.Response:
    box, subscription = _subscription(request)
    return web.json_response(await box.subscriptions.renew(subscription))


@routes.post("/sandbox/subscriptions/{id}/fail")
async def fail(request: web.Request) -> web.Response:
    box, subscription = _subscription(request)
    box.subscriptions.fail(subscription)
    return web.json_response(subscription.shown(box.clock.now()))


@routes.post("/sandbox/subscriptions/{id}/cancel")
async def cancel(request: web.Request) -> web.Response:
    box, subscription = _subscription(request)
    box.subscriptions.cancel(subscription)
    return web.json_response(subscription.shown(box.clock.now()))


@routes.post("/sandbox/subscriptions/{id}/resume")
async def resume(request: web.Request) -> web.Response:
    box, subscription = _subscription(request)
    box.subscriptions.resume(subscription)
    return web.json_response(subscription.shown(box.clock.now()))


@routes.get("/sandbox/statement")
async def statement(request: web.Request) -> web.Response:
    return web.json_response(request.app[BOX].payments.statement.rows)


@routes.post("/sandbox/statement")
async def book(request: web.Request) -> web.Response:
    box = request.app[BOX]
    row = box.payments.statement.add(await read_body(request))
    box.events.add("statement", row=row)
    return web.json_response(row)


def _asked(box: Telegram, body: dict[str, Any]) -> Invoice:
    """Return the invoice that a charge is for, with what the request would have different."""
    if "slug" in body:
        invoice = box.payments.invoice(text(body, "slug"))
    else:
        invoice = Invoice("", "A charge", "", text(body, "payload"), whole(body, "amount"))
    return replace(
        invoice,
        title=text(body, "title", invoice.title),
        payload=text(body, "payload", invoice.payload),
        stars=whole(body, "amount", invoice.stars),
    )


def _subscription(request: web.Request) -> tuple[Telegram, Subscription]:
    box = request.app[BOX]
    return box, box.subscriptions.get(request.match_info["id"])
