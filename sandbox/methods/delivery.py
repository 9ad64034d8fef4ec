"""Updates on their way, and who the bot is."""

import re
from typing import TYPE_CHECKING, Any

from sandbox.errors import bad_request, conflict, too_many_requests
from sandbox.methods.registry import Params, method
from sandbox.reading import flag, number, text, texts
from sandbox.updates import WEBHOOK_ACTIVE, WEBHOOK_SET

if TYPE_CHECKING:
    from sandbox.telegram import Telegram

SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


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
        "has_main_web_app": bool(box.web_app),
    }


@method
async def getUpdates(box: "Telegram", params: Params) -> Any:  # noqa: N802
    if box.webhook.url:
        raise conflict(WEBHOOK_ACTIVE)
    if "allowed_updates" in params:
        box.updates.allowed = texts(params, "allowed_updates") or None
    limit = min(100, max(1, number(params, "limit", 100)))
    offset = number(params, "offset", 0) or None
    return await box.updates.poll(offset, limit, number(params, "timeout", 0))


@method
async def setWebhook(box: "Telegram", params: Params) -> Any:  # noqa: N802
    url = text(params, "url")
    if url and box.clock.elapsed() - box.webhook.set_at < 1:
        raise too_many_requests(1)
    if url and not box.webhook.accepts(url):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    secret = text(params, "secret_token")
    if secret and not SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    connections = number(params, "max_connections", 40)
    if not 1 <= connections <= 100:
        raise bad_request("max_connections must be in the range 1-100")
    if "allowed_updates" in params:
        box.updates.allowed = texts(params, "allowed_updates") or None
    if url:
        box.updates.end_poll(WEBHOOK_SET)
    if flag(params, "drop_pending_updates"):
        box.updates.drop("setWebhook")
    box.webhook.set(url, secret, connections)
    return True


@method
async def deleteWebhook(box: "Telegram", params: Params) -> Any:  # noqa: N802
    if flag(params, "drop_pending_updates"):
        box.updates.drop("deleteWebhook")
    box.webhook.set("", "", 40)
    return True


@method
async def getWebhookInfo(box: "Telegram", _params: Params) -> Any:  # noqa: N802
    return box.webhook.info()


@method
async def logOut(_box: "Telegram", _params: Params) -> Any:  # noqa: N802
    return True


@method
async def close(_box: "Telegram", _params: Params) -> Any:
    return True
