"""What every response carries, and which requests are not even looked at."""

import logging
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import BadRequest, Forbidden, RequestEntityTooLarge, UnsupportedMediaType

from webapp.config import Config
from webapp.serving.refusals import GUARDS, UNFRAMED_POLICY
from webapp.shop import content_sources
from webapp.web import assets

log = logging.getLogger(__name__)

# Where Telegram's own web clients, and Telegram Desktop's shell on Linux, frame a Mini App.
TELEGRAM_FRAMES = ("https://web.telegram.org", "https://webk.telegram.org", "https://webz.telegram.org")
UNFRAMED = ("health.", "telegram.", "session.")
READING = frozenset({"GET", "HEAD", "OPTIONS"})
DEFAULT_BODY_BYTES = 64 * 1024
LARGEST_UPDATE = 1024 * 1024  # bytes
BODY_BYTES = {"session.create": 32 * 1024, "telegram.receive": LARGEST_UPDATE}
MOST_PARTS = 100  # of a form or of a query
# The hash of an empty text: Telegram's script adds an empty <style> when it finds itself in a frame.
NOTHING = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
NUL = b"%00"  # what a database of texts takes for an error (PostgreSQL's manual, 8.3)
FORM = "application/x-www-form-urlencoded"
TWO_YEARS_SECONDS = 2 * 365 * 24 * 3600
UNUSED_FEATURES = (
    "browsing-topics",
    "camera",
    "display-capture",
    "geolocation",
    "microphone",
    "midi",
    "payment",
    "publickey-credentials-get",
    "usb",
)


def init_app(app: Flask) -> None:
    """Guard every route of the application."""
    settings: Config = app.config["STARFRONT"]
    style = app.extensions["brand"].style
    app.config["MAX_CONTENT_LENGTH"] = DEFAULT_BODY_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = DEFAULT_BODY_BYTES
    app.config["MAX_FORM_PARTS"] = MOST_PARTS
    rules = _content_rules(settings, style)
    policy = _written(rules)
    app.before_request(_refuse_oversized)
    app.before_request(lambda: _refuse_foreign(settings.public_url))
    app.before_request(_refuse_unreadable)
    app.before_request(_open_whole)
    headers = _headers(settings)
    app.after_request(lambda response: _protect(response, rules, policy, headers))


def _refuse_oversized() -> None:
    limit = BODY_BYTES.get(request.endpoint or "", DEFAULT_BODY_BYTES)
    request.max_content_length = limit
    length = request.content_length
    if length is None and "Transfer-Encoding" in request.headers:
        # Such a body would be cut off at the limit without a word.
        length = len(request.get_data()) + 1
    if length is not None and length > limit:
        raise RequestEntityTooLarge


def _refuse_foreign(origin: str) -> None:
    """Refuse a change that another site asks for."""
    if not _is_change():
        return
    told = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise Forbidden
    if told is not None and told != origin:
        log.info("foreign origin", extra={"event": "foreign_origin", "origin": told[:100]})
        raise Forbidden


def _refuse_unreadable() -> None:
    """Refuse a body of a type that no page of ours sends, and forms and addresses that none would."""
    if request.query_string.count(b"&") >= MOST_PARTS or "\0" in request.path or NUL in request.query_string:
        raise BadRequest
    if not _is_change() or not (request.content_length or "Transfer-Encoding" in request.headers):
        return
    if request.mimetype == FORM:
        # Looked at before anything takes it apart, which is what costs time.
        body = request.get_data()
        if body.count(b"&") >= MOST_PARTS:
            raise RequestEntityTooLarge
        if NUL in body or b"\0" in body:
            raise BadRequest
    elif request.endpoint != "session.create" and not _reads_json():
        raise UnsupportedMediaType


def _reads_json() -> bool:
    """Tell whether an owner's own route is asked in JSON, which no page of another site can send unasked."""
    view = current_app.view_functions.get(str(request.endpoint))
    room = str(view.__module__) if view else "webapp"
    return request.mimetype == "application/json" and room.partition(".")[0] != "webapp"


def _open_whole() -> Response | None:
    """Have a page that may load more opened as a document: what one may load never changes."""
    if "HX-Request" not in request.headers or request.method != "GET" or not _allowed():
        return None
    return Response(status=204, headers={"HX-Redirect": request.full_path.removesuffix("?")})


def _allowed() -> dict[str, str]:
    return content_sources.of(current_app.view_functions.get(request.endpoint or ""))


def _is_change() -> bool:
    # Telegram's own deliveries come from no page and hold what they hold.
    return request.method not in READING and request.endpoint != "telegram.receive"


def _content_rules(settings: Config, style: str) -> dict[str, str]:
    script = urlsplit(settings.telegram_js_url)
    frames = " ".join((*TELEGRAM_FRAMES, *settings.frame_ancestors))
    return {
        "default-src": "'none'",
        "script-src": f"'self' {script.scheme}://{script.netloc}{script.path}",
        "style-src": " ".join(("'self'", NOTHING, *assets.style_hashes(style))),
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "object-src": "'none'",
        "frame-ancestors": frames,
    }


def _written(rules: dict[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _headers(settings: Config) -> list[tuple[str, str]]:
    """Return what every response carries, the policy for its content apart."""
    headers = [
        *GUARDS,
        ("Permissions-Policy", ", ".join(f"{feature}=()" for feature in UNUSED_FEATURES)),
    ]
    if settings.public_url.startswith("https://"):
        headers.append(("Strict-Transport-Security", f"max-age={TWO_YEARS_SECONDS}; includeSubDomains"))
    return headers


def _protect(
    response: Response, rules: dict[str, str], policy: str, headers: list[tuple[str, str]]
) -> Response:
    unframed = (request.endpoint or "").startswith(UNFRAMED)
    if allowed := _allowed():
        more = {name: f"{rules.get(name, '')} {sources}".strip() for name, sources in allowed.items()}
        policy = _written({**rules, **more})
    response.headers["Content-Security-Policy"] = UNFRAMED_POLICY if unframed else policy
    for name, value in headers:
        response.headers[name] = value
    if response.location:
        response.headers["Location"] = _without_own_host(response.location)
    if not response.headers.getlist("Cache-Control"):  # setdefault raises inside, which takes longer
        response.headers["Cache-Control"] = "no-store"
    return response


def _without_own_host(location: str) -> str:
    """Return where a redirect leads; the host that was asked for, which anybody can make up, is left out."""
    parts = urlsplit(location)
    if parts.netloc.lower() != request.host.lower():
        return location
    return urlunsplit(("", "", f"/{parts.path.lstrip('/')}", parts.query, parts.fragment))
