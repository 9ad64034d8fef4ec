"""Where Telegram delivers updates in webhook mode."""

import hmac
import logging

from flask import Blueprint, Response, request
from sqlalchemy.exc import SQLAlchemyError

from webapp import clock
from webapp.config import WEBHOOK_PATH, Config, current
from webapp.db.engine import db
from webapp.db.transactions import transaction
from webapp.domain.people import retired_secrets
from webapp.errors import RateLimited
from webapp.usecases import context, receiving
from webapp.web import guards

bp = Blueprint("telegram", __name__)
log = logging.getLogger(__name__)

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - its name
LONGEST_SECRET = 256  # Bot API: setWebhook, secret_token


@bp.post(WEBHOOK_PATH)
def receive() -> Response:
    # An answer with a body could be carried out by Telegram as a call of the bot: always empty.
    try:
        if not _is_telegram(current(), request.headers.get(SECRET_HEADER, "")):
            return _refused()
        body = request.get_data(cache=False)
        receiving.receive(body, "webhook", context.current())
    except SQLAlchemyError as error:
        # Not kept, so not acknowledged: Telegram brings it again.
        log.error("update not kept: %s", type(error).__name__, extra={"event": "update_not_kept"})
        db.session.rollback()
        return Response(status=503, headers={"Retry-After": "2"})
    return Response(status=200)


def _is_telegram(config: Config, secret: str) -> bool:
    if not secret or len(secret) > LONGEST_SECRET:
        return False
    told = secret.encode("utf-8", "surrogateescape")
    # Both comparisons are made, so that the time taken tells nothing.
    is_current, is_previous = (
        bool(one) and hmac.compare_digest(told, one.encode())
        for one in (config.webhook_secret, config.previous_webhook_secret)
    )
    return is_current or (is_previous and _is_still_open(config.previous_webhook_secret))


def _is_still_open(secret: str) -> bool:
    now = clock.now()
    with transaction():
        retired_secrets.note(secret, now)
    return retired_secrets.is_open(secret, now)


def _refused() -> Response:
    try:
        guards.count_refusal("webhook")
    except RateLimited as limit:
        return Response(status=429, headers={"Retry-After": str(limit.retry_after_seconds)})
    except SQLAlchemyError:
        db.session.rollback()
    return Response(status=401)
