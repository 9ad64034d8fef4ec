"""What every response carries, and which requests are not even looked at."""

from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import Forbidden, RequestEntityTooLarge, UnsupportedMediaType

from webapp import assets
from webapp.config import Config
from webapp.views import telegram

# Where Telegram's own web clients, and Telegram Desktop's shell on Linux, frame a Mini App.
TELEGRAM_FRAMES = ("https://web.telegram.org", "https://webk.telegram.org", "https://webz.telegram.org")
UNFRAMED = ("health.", "telegram.", "session.")
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
DEFAULT_BODY_BYTES = 64 * 1024
BODY_BYTES = {"session.create": 16 * 1024, "telegram.receive": telegram.LARGEST_UPDATE}
MOST_FORM_PARTS = 100
FORM = "application/x-www-form-urlencoded"
TWO_YEARS_SECONDS = 2 * 365 * 24 * 3600
UNUSED_FEATURES = ("camera", "microphone", "geolocation", "payment", "usb", "interest-cohort")


def init_app(app: Flask) -> None:
    """Guard every route of the application."""
    settings: Config = app.config["STARFRONT"]
    app.config["MAX_CONTENT_LENGTH"] = DEFAULT_BODY_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = DEFAULT_BODY_BYTES
    app.config["MAX_FORM_PARTS"] = MOST_FORM_PARTS
    policy = _content_policy(settings)
    app.before_request(lambda: _refuse_oversized())
    app.before_request(lambda: _refuse_foreign(settings.origin))
    app.after_request(lambda response: _protect(response, policy, settings))


def _refuse_oversized() -> None:
    limit = BODY_BYTES.get(request.endpoint or "", DEFAULT_BODY_BYTES)
    request.max_content_length = limit
    if request.content_length is not None and request.content_length > limit:
        raise RequestEntityTooLarge


def _refuse_foreign(origin: str) -> None:
    """Refuse a change that another site asks for; Telegram's own deliveries have no origin."""
    if request.method not in CHANGING or request.endpoint == "telegram.receive":
        return
    told = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise Forbidden
    if told is not None and told != origin:
        raise Forbidden
    takes_json = request.endpoint == "session.create"
    if request.content_length and not takes_json and request.mimetype != FORM:
        raise UnsupportedMediaType


def _content_policy(settings: Config) -> str:
    script = urlsplit(settings.telegram_js_url)
    frames = " ".join((*TELEGRAM_FRAMES, *settings.frame_ancestors))
    rules = {
        "default-src": "'none'",
        "script-src": f"'self' {script.scheme}://{script.netloc}{script.path}",
        "style-src": " ".join(("'self'", *assets.style_hashes())),
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "object-src": "'none'",
        "frame-ancestors": frames,
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _protect(response: Response, policy: str, settings: Config) -> Response:
    headers = response.headers
    unframed = (request.endpoint or "").startswith(UNFRAMED)
    headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'" if unframed else policy
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Permissions-Policy"] = ", ".join(f"{feature}=()" for feature in UNUSED_FEATURES)
    headers.setdefault("Cache-Control", "no-store")
    if settings.public_url.startswith("https://"):
        headers["Strict-Transport-Security"] = f"max-age={TWO_YEARS_SECONDS}; includeSubDomains"
    return response
