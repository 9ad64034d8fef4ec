"""Invoices, payments, refunds, subscriptions and the statement."""

from typing import TYPE_CHECKING, Any

from sandbox.errors import bad_request
from sandbox.keyboards import inline_keyboard
from sandbox.methods.registry import IN_TEST, Params, method
from sandbox.reading import flag, needed, number, person_id, text

if TYPE_CHECKING:
    from sandbox.telegram import Telegram

LONGEST_TITLE = 40  # documented: 32; as many were taken in Telegram's test environment
MOST_STARS = 100_000  # measured; not documented
MOST_SUBSCRIPTION_STARS = 10_000  # Bot API: createInvoiceLink, subscription_period
# Bot API: createInvoiceLink, subscription_period; in the test environment others, and only those.
PERIODS_SECONDS = {False: {2_592_000}, True: {60, 300}}


@method
async def createInvoiceLink(box: "Telegram", params: Params) -> Any:  # noqa: N802
    return f"https://t.me/${box.payments.make(_invoice(params, link=True)).slug}"


@method
async def sendInvoice(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person = box.chats.reachable(params.get("chat_id"))
    invoice = box.payments.make(_invoice(params, link=False))
    pay = {"inline_keyboard": [[{"text": f"Pay ⭐️{invoice.stars}", "pay": True}]]}
    told = {
        "title": invoice.title,
        "description": invoice.description,
        "start_parameter": text(params, "start_parameter"),
        "currency": "XTR",
        "total_amount": invoice.stars,
        "slug": invoice.slug,
    }
    message = box.chats.add(
        person, "bot", invoice=told, reply_markup=inline_keyboard(params, pay=True) or pay
    )
    return box.chats.as_message(person, message)


@method
async def answerPreCheckoutQuery(box: "Telegram", params: Params) -> Any:  # noqa: N802
    query_id = str(needed(params, "pre_checkout_query_id"))
    box.payments.answer(query_id, flag(params, "ok"), text(params, "error_message"))
    return True


@method
async def refundStarPayment(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person = person_id(params)
    charge_id = text(params, "telegram_payment_charge_id")
    if not charge_id:
        raise bad_request("CHARGE_ID_EMPTY")
    box.payments.refund(charge_id, person)
    return True


@method
async def editUserStarSubscription(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person = person_id(params)
    charge_id = text(params, "telegram_payment_charge_id")
    box.subscriptions.edit(person, charge_id, flag(params, "is_canceled"))
    return True


@method
async def getStarTransactions(box: "Telegram", params: Params) -> Any:  # noqa: N802
    offset = number(params, "offset", 0)
    limit = number(params, "limit", 100)
    if offset < 0 or not 1 <= limit <= 100:
        raise bad_request("limit must be in the range 1-100")
    return {"transactions": box.payments.statement.page(offset, limit)}


@method
async def getMyStarBalance(box: "Telegram", _params: Params) -> Any:  # noqa: N802
    return {"amount": box.payments.statement.balance}


def _invoice(params: Params, *, link: bool) -> Params:
    """Return what an invoice says, or refuse it in Telegram's words."""
    title, description = text(params, "title"), text(params, "description")
    payload = text(params, "payload")
    if not 1 <= len(title) <= LONGEST_TITLE:
        raise bad_request("INVOICE_TITLE_INVALID" if title else "message title is empty")
    if not 1 <= len(description) <= 255:
        raise bad_request("INVOICE_DESCRIPTION_INVALID" if description else "message description is empty")
    if not 1 <= len(payload.encode()) <= 128:
        raise bad_request("INVOICE_PAYLOAD_INVALID")
    if params.get("currency") != "XTR" or params.get("provider_token"):
        raise bad_request(
            "PAYMENT_PROVIDER_INVALID: the sandbox sells for Stars alone (currency XTR, no provider_token)"
        )
    if params.get("max_tip_amount") or params.get("suggested_tip_amounts"):
        raise bad_request("STARS_INVOICE_INVALID")
    period = number(params, "subscription_period", 0) or None
    if period and not link:
        period = None  # documented for links only, and ignored elsewhere
    return {
        "title": title,
        "description": description,
        "payload": payload,
        "stars": _price(params, period),
        "photo_url": params.get("photo_url"),
        "subscription_period": period,
    }


def _price(params: Params, period: int | None) -> int:
    prices = params.get("prices")
    if not isinstance(prices, list) or not all(isinstance(one, dict) for one in prices):
        raise bad_request("can't parse prices JSON object")
    if len(prices) != 1:
        raise bad_request("STARS_INVOICE_INVALID")
    stars = prices[0].get("amount")
    if not isinstance(stars, int) or isinstance(stars, bool) or not prices[0].get("label"):
        raise bad_request('can\'t parse labeled price: Field "amount" must be of type Number')
    if period and period not in PERIODS_SECONDS[IN_TEST.get()]:
        raise bad_request("SUBSCRIPTION_PERIOD_INVALID")
    if period and stars > MOST_SUBSCRIPTION_STARS:
        raise bad_request("SUBSCRIPTION_AMOUNT_INVALID")
    if stars < 1:
        raise bad_request("total price must be positive")
    if stars > MOST_STARS:
        raise bad_request("CURRENCY_TOTAL_AMOUNT_INVALID")
    return stars
