"""Every no and every failure, said in the place where the person tapped."""

import logging
import secrets

from flask import Flask, Response, current_app, jsonify, render_template
from htmx_flask import request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from webapp import errors
from webapp.config import WEBHOOK_PATH
from webapp.db.engine import db
from webapp.db.remedies import NOT_MIGRATED, is_unmigrated
from webapp.errors import N_, ShopError
from webapp.i18n.localize import gettext
from webapp.web import pages

log = logging.getLogger(__name__)

HTML = "text/html"
JSON = "application/json"
PROBLEM = "application/problem+json"
SENTENCES = {
    404: errors.NotFound.sentence,
    405: errors.BadRequest.sentence,
    413: N_("That's more than this page accepts."),
    415: errors.BadRequest.sentence,
}
BROKEN = N_("Something went wrong on our side. You weren't charged for this; please try again.")


def init_app(app: Flask) -> None:
    """Give each kind of error its answer."""
    app.register_error_handler(ShopError, _expected)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(DBAPIError, _database)
    app.register_error_handler(PoolTimeout, _database)
    app.register_error_handler(Exception, _unexpected)


def tell_unmigrated(app: Flask) -> None:
    """Say that the release has not run, once for each process that starts."""
    if not app.extensions.get("told_unmigrated"):
        app.extensions["told_unmigrated"] = True
        log.error(NOT_MIGRATED)


def _expected(error: ShopError) -> Response:
    log.info("refused", extra={"event": "refused", "error": error.code, "status": error.status})
    response = _answer(error.status, gettext(error.sentence), error.code)
    retry_after_seconds = error.facts.get("retry_after_seconds")
    if retry_after_seconds:
        response.headers["Retry-After"] = str(retry_after_seconds)
    return response


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    response = _answer(status, gettext(SENTENCES.get(status, errors.BadRequest.sentence)), "Http")
    # What the protocol asks for beside the sentence: Allow, Retry-After, Location.
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _database(error: DBAPIError | PoolTimeout) -> Response:
    incident = "" if _is_told(error) else _logged(error)
    response = _answer(503, gettext(errors.ShopUnavailable.sentence), "ShopUnavailable", incident)
    response.headers["Retry-After"] = "2"
    return response


def _is_told(error: DBAPIError | PoolTimeout) -> bool:
    """Tell whether tables are missing, which is no surprise: the log says so once."""
    if not is_unmigrated(error):
        return False
    db.session.rollback()
    tell_unmigrated(current_app)
    return True


def _unexpected(error: Exception) -> Response:
    incident = _logged(error)
    return _answer(500, gettext(BROKEN), "Broken", incident)


def _logged(error: Exception) -> str:
    incident = secrets.token_hex(4)
    db.session.rollback()
    current_app.logger.error("unexpected error", exc_info=error, extra={"incident": incident})
    return incident


def _answer(status: int, sentence: str, code: str, incident: str = "") -> Response:
    if request.path == WEBHOOK_PATH:
        return Response(status=status)  # Telegram could take a body for a call of the bot (views/telegram.py)
    if _wants_json():
        return _problem_document(status, sentence, code, incident)
    template = "_problem.html" if request.htmx else "problem.html"
    body = render_template(template, sentence=sentence, code=code, status=status, incident=incident)
    response = pages.sent_once(body)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["HX-Push-Url"] = "false"  # the address stays where the person is
    return response


def _wants_json() -> bool:
    """Tell whether a program asks: one that would rather have JSON, or that sends it."""
    if request.htmx:
        return False
    accepted = request.accept_mimetypes
    if request.mimetype == JSON and HTML not in list(accepted.values()):
        return True
    return accepted.best_match([HTML, JSON, PROBLEM]) in {JSON, PROBLEM}


def _problem_document(status: int, sentence: str, code: str, incident: str) -> Response:
    """Return the error as RFC 9457 has it; its code is what programs tell errors apart by."""
    facts = {"type": "about:blank", "title": HTTP_STATUS_CODES.get(status, "Error"), "status": status}
    facts |= {"detail": sentence, "code": code}
    response = jsonify(facts | ({"incident": incident} if incident else {}))
    response.status_code, response.mimetype = status, PROBLEM
    response.headers["Cache-Control"] = "no-store"
    return response
