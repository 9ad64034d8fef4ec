"""The methods of the Bot API, each strict about its parameters and in Telegram's words."""

import re
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from sandbox.chats import formatted
from sandbox.errors import ApiError, bad_request, conflict, too_many_requests
from sandbox.updates import WEBHOOK_ACTIVE, WEBHOOK_SET

if TYPE_CHECKING:
    from sandbox.telegram import Telegram

Params = dict[str, Any]
Method = Callable[["Telegram", Params], Awaitable[Any]]

MOST_STARS = 100_000  # measured; not documented
MOST_SUBSCRIPTION_STARS = 10_000  # Bot API: createInvoiceLink, subscription_period
# Bot API: createInvoiceLink, subscription_period; in the test environment others, and only those.
PERIODS_SECONDS = {False: {2_592_000}, True: {60, 300}}
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
COMMAND = re.compile(r"[a-z0-9_]{1,32}")
PORTS = {443, 80, 88, 8443}

METHODS: dict[str, Method] = {}
IN_TEST = ContextVar("IN_TEST", default=False)  # whether the call is to the test environment


def method(work: Method) -> Method:
    """Offer a function as the method of the same name."""
    METHODS[work.__name__.lower()] = work
    return work


@method
async def getMe(box: "Telegram", _params: Params) -> Any:  # noqa: N802 - Telegram's names
    return {
        "id": box.bot["id"],
        "is_bot": True,
        "first_name": box.bot["name"],
        "username": box.bot["username"],
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": True,
    }


@method
async def getUpdates(box: "Telegram", params: Params) -> Any:  # noqa: N802
    if box.webhook.url:
        raise conflict(WEBHOOK_ACTIVE)
    if "allowed_updates" in params:
        box.updates.allowed = _texts(params, "allowed_updates") or None
    limit = min(100, max(1, _number(params, "limit", 100)))
    offset = _number(params, "offset", 0) or None
    return await box.updates.poll(offset, limit, _number(params, "timeout", 0))


@method
async def setWebhook(box: "Telegram", params: Params) -> Any:  # noqa: N802
    url = str(params.get("url") or "")
    if url and box.clock.elapsed() - box.webhook.set_at < 1:
        raise too_many_requests(1)
    if url and not box.webhook.accepts(url):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    secret = str(params.get("secret_token") or "")
    if secret and not SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    connections = _number(params, "max_connections", 40)
    if not 1 <= connections <= 100:
        raise bad_request("max_connections must be in the range 1-100")
    if "allowed_updates" in params:
        box.updates.allowed = _texts(params, "allowed_updates") or None
    if url:
        box.updates.end_poll(WEBHOOK_SET)
    if _flag(params, "drop_pending_updates"):
        box.updates.drop("setWebhook")
    box.webhook.set(url, secret, connections)
    return True


@method
async def deleteWebhook(box: "Telegram", params: Params) -> Any:  # noqa: N802
    if _flag(params, "drop_pending_updates"):
        box.updates.drop("deleteWebhook")
    box.webhook.set("", "", 40)
    return True


@method
async def getWebhookInfo(box: "Telegram", _params: Params) -> Any:  # noqa: N802
    return box.webhook.info()


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
        "start_parameter": str(params.get("start_parameter") or ""),
        "currency": "XTR",
        "total_amount": invoice.stars,
        "slug": invoice.slug,
    }
    message = box.chats.add(person, "bot", invoice=told, reply_markup=_keyboard(params) or pay)
    return box.chats.as_message(person, message)


@method
async def answerPreCheckoutQuery(box: "Telegram", params: Params) -> Any:  # noqa: N802
    query_id = str(_needed(params, "pre_checkout_query_id"))
    box.payments.answer(query_id, _flag(params, "ok"), str(params.get("error_message") or ""))
    return True


@method
async def refundStarPayment(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person = _person(params)
    charge_id = str(params.get("telegram_payment_charge_id") or "")
    if not charge_id:
        raise bad_request("CHARGE_ID_EMPTY")
    box.payments.refund(charge_id, person)
    return True


@method
async def editUserStarSubscription(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person = _person(params)
    charge_id = str(params.get("telegram_payment_charge_id") or "")
    box.subscriptions.edit(person, charge_id, _flag(params, "is_canceled"))
    return True


@method
async def getStarTransactions(box: "Telegram", params: Params) -> Any:  # noqa: N802
    offset = _number(params, "offset", 0)
    limit = _number(params, "limit", 100)
    if offset < 0 or not 1 <= limit <= 100:
        raise bad_request("limit must be in the range 1-100")
    return {"transactions": box.payments.statement.page(offset, limit)}


@method
async def getMyStarBalance(box: "Telegram", _params: Params) -> Any:  # noqa: N802
    return {"amount": box.payments.statement.balance}


@method
async def sendMessage(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person = box.chats.reachable(_needed(params, "chat_id"))
    text, entities = formatted(params.get("text"), params.get("parse_mode"), params.get("entities"))
    message = box.chats.add(person, "bot", text=text, entities=entities, reply_markup=_keyboard(params))
    return box.chats.as_message(person, message)


@method
async def editMessageText(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person, message = box.chats.find(_needed(params, "chat_id"), _number(params, "message_id", 0))
    text, entities = formatted(params.get("text"), params.get("parse_mode"), params.get("entities"))
    markup = _keyboard(params)
    if text == message.get("text") and markup == message.get("reply_markup"):
        raise bad_request(
            "message is not modified: specified new message content and reply markup are exactly the "
            "same as a current content and reply markup of the message"
        )
    message.update(text=text, edit_date=box.clock.seconds())
    for key, value in (("entities", entities), ("reply_markup", markup)):
        message.pop(key, None)
        message.update({key: value} if value else {})
    box.events.add("message", person=person.id, message=message)
    return box.chats.as_message(person, message)


@method
async def editMessageReplyMarkup(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person, message = box.chats.find(_needed(params, "chat_id"), _number(params, "message_id", 0))
    message["reply_markup"] = _keyboard(params) or {"inline_keyboard": []}
    box.events.add("message", person=person.id, message=message)
    return box.chats.as_message(person, message)


@method
async def deleteMessage(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person, message = box.chats.find(_needed(params, "chat_id"), _number(params, "message_id", 0))
    person.chat.remove(message)
    box.events.add("person", person=person.id)
    return True


@method
async def answerCallbackQuery(box: "Telegram", params: Params) -> Any:  # noqa: N802
    box.answer_callback(str(_needed(params, "callback_query_id")), params)
    return True


@method
async def sendChatAction(box: "Telegram", params: Params) -> Any:  # noqa: N802
    box.chats.reachable(_needed(params, "chat_id"))
    return True


@method
async def getChat(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person = box.chats.reachable(_needed(params, "chat_id"))
    return {**person.as_chat(), "accent_color_id": 0, "max_reaction_count": 11}


@method
async def setMyCommands(box: "Telegram", params: Params) -> Any:  # noqa: N802
    commands = params.get("commands")
    if not isinstance(commands, list):
        raise bad_request("can't parse commands JSON object")
    for one in commands:
        name, text = str(one.get("command", "")), str(one.get("description", ""))
        if not COMMAND.fullmatch(name.removeprefix("/")):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(text) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    _face(box, params)["commands"] = commands
    return True


@method
async def getMyCommands(box: "Telegram", params: Params) -> Any:  # noqa: N802
    return _face(box, params).get("commands", [])


@method
async def deleteMyCommands(box: "Telegram", params: Params) -> Any:  # noqa: N802
    _face(box, params)["commands"] = []
    return True


def _face(box: "Telegram", params: Params) -> dict[str, Any]:
    """Return the texts of the bot for people of a language, or for everybody else."""
    code = str(params.get("language_code") or "")
    if not code:
        return box.bot
    if not re.fullmatch("[a-z]{2}", code):
        raise bad_request("LANG_CODE_INVALID")
    face: dict[str, Any] = box.bot["faces"].setdefault(code, {})
    return face


def _described(key: str, longest: int) -> tuple[Method, Method]:
    async def write(box: "Telegram", params: Params) -> Any:
        text = str(params.get(key) or "")
        if len(text) > longest:
            raise bad_request(f"bot {key.replace('_', ' ')} is too long")
        _face(box, params)[key] = text
        return True

    async def read(box: "Telegram", params: Params) -> Any:
        return {key: _face(box, params).get(key, "")}

    return write, read


for _key, _longest in (("name", 64), ("description", 512), ("short_description", 120)):
    _write, _read = _described(_key, _longest)
    METHODS[f"setmy{_key.replace('_', '')}"] = _write
    METHODS[f"getmy{_key.replace('_', '')}"] = _read


@method
async def setChatMenuButton(box: "Telegram", params: Params) -> Any:  # noqa: N802
    button = params.get("menu_button") or {"type": "default"}
    if not isinstance(button, dict) or button.get("type") not in {"default", "commands", "web_app"}:
        raise bad_request("can't parse menu button: Unsupported button type specified")
    if button["type"] == "web_app" and not (button.get("web_app") or {}).get("url"):
        raise bad_request("can't parse menu button: Can't find field \"web_app\"")
    if params.get("chat_id"):
        box.bot["buttons"][str(box.chats.reachable(params["chat_id"]).id)] = button
    else:
        box.bot["menu_button"] = button
    return True


@method
async def getChatMenuButton(box: "Telegram", params: Params) -> Any:  # noqa: N802
    return box.bot["buttons"].get(str(params.get("chat_id")), box.bot["menu_button"])


@method
async def savePreparedInlineMessage(box: "Telegram", params: Params) -> Any:  # noqa: N802
    person, result = _person(params), params.get("result")
    if not isinstance(result, dict) or not result.get("type") or not result.get("id"):
        raise bad_request("can't parse inline query result")
    if not any(_flag(params, f"allow_{kind}_chats") for kind in ("user", "bot", "group", "channel")):
        raise bad_request("PEER_TYPES_INVALID")
    return box.prepare(person, {**result, "reply_markup": _keyboard(result)})


@method
async def logOut(_box: "Telegram", _params: Params) -> Any:  # noqa: N802
    return True


@method
async def close(_box: "Telegram", _params: Params) -> Any:
    return True


def _invoice(params: Params, *, link: bool) -> Params:
    """Return what an invoice says, or refuse it in Telegram's words."""
    title, description = str(params.get("title") or ""), str(params.get("description") or "")
    payload = str(params.get("payload") or "")
    if not 1 <= len(title) <= 32:
        raise bad_request("INVOICE_TITLE_INVALID" if title else "message title is empty")
    if not 1 <= len(description) <= 255:
        raise bad_request("INVOICE_DESCRIPTION_INVALID" if description else "message description is empty")
    if not 1 <= len(payload.encode()) <= 128:
        raise bad_request("INVOICE_PAYLOAD_INVALID")
    if params.get("currency") != "XTR" or params.get("provider_token"):
        raise bad_request("PAYMENT_PROVIDER_INVALID")
    if params.get("max_tip_amount") or params.get("suggested_tip_amounts"):
        raise bad_request("STARS_INVOICE_INVALID")
    period = _number(params, "subscription_period", 0) or None
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
        raise bad_request("Can't parse prices JSON object")
    if len(prices) != 1:
        raise bad_request("STARS_INVOICE_INVALID")
    stars = prices[0].get("amount")
    if not isinstance(stars, int) or isinstance(stars, bool) or not prices[0].get("label"):
        raise bad_request('Can\'t parse labeled price: Field "amount" must be of type Number')
    if period and period not in PERIODS_SECONDS[IN_TEST.get()]:
        raise bad_request("SUBSCRIPTION_PERIOD_INVALID")
    if period and stars > MOST_SUBSCRIPTION_STARS:
        raise bad_request("SUBSCRIPTION_AMOUNT_INVALID")
    if not 1 <= stars <= MOST_STARS:
        raise bad_request("CURRENCY_TOTAL_AMOUNT_INVALID")
    return stars


def _keyboard(params: Params) -> Params | None:
    markup = params.get("reply_markup")
    if not markup:
        return None
    if not isinstance(markup, dict):
        raise bad_request("can't parse reply keyboard markup JSON object")
    for button in (one for row in markup.get("inline_keyboard") or [] for one in row):
        if not button.get("text"):
            raise bad_request(
                "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
            )
        if not button.keys() & {"url", "callback_data", "web_app", "pay", "login_url", "switch_inline_query"}:
            raise bad_request(
                "inline keyboard button type is invalid: Text buttons are unallowed in the inline keyboard"
            )
        if len(str(button.get("callback_data", "")).encode()) > 64:
            raise bad_request("BUTTON_DATA_INVALID")
    return markup


def _needed(params: Params, name: str) -> Any:
    if params.get(name) in (None, ""):
        raise bad_request("chat_id is empty" if name == "chat_id" else f'parameter "{name}" is required')
    return params[name]


def _person(params: Params) -> int:
    person = _number(params, "user_id", 0)
    if person <= 0:
        raise bad_request("invalid user_id specified")
    return person


def _number(params: Params, name: str, default: int) -> int:
    value = params.get(name)
    if value is None or value == "":
        return default
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ApiError(400, f'Bad Request: parameter "{name}" must be of type Integer') from None


def _flag(params: Params, name: str) -> bool:
    return str(params.get(name, "")).lower() in {"true", "1", "yes"}


def _texts(params: Params, name: str) -> list[str]:
    value = params.get(name)
    if not isinstance(value, list):
        raise bad_request(f"can't parse {name}: expected an Array of String")
    return [str(one) for one in value]
