"""Pages rendered: the document for a person, its <main> for htmx; the public ones kept as bytes."""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from flask import Flask, Response, current_app, render_template
from htmx_flask import request

from webapp.config import current
from webapp.domain.catalogue import catalogue
from webapp.domain.owner import shops
from webapp.errors import SignInNeeded
from webapp.i18n import localize
from webapp.shop import brand
from webapp.texts import explanations
from webapp.web import assets, guards, previews
from webapp.web.encoded import Encoded

HTMX_CONFIG = {
    "includeIndicatorStyles": False,  # an inline style, which our content policy refuses
    "allowEval": False,
    "allowScriptTags": False,
    "selfRequestsOnly": True,
    "disableInheritance": True,  # a link in a part that asks for itself still leads to a whole page
    "historyCacheSize": 0,  # nothing personal is left in the browser's storage
    "timeout": 15_000,  # milliseconds; longer than the server waits for Telegram
    "responseHandling": [
        {"code": "204", "swap": False},
        {"code": "[23]..", "swap": True},
        {"code": "[45]..", "swap": True, "error": True, "target": "#problem", "swapOverride": "innerHTML"},
    ],
}
HTML = "text/html; charset=utf-8"
MOST_KEPT = 1000
PACKET_BYTES = 1400  # what a packet takes of a body; less need not be compressed
Facts = dict[str, Any]


def init_app(app: Flask) -> None:
    """Give templates what every page needs."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        by_section=by_section,
        verdict=explanations.verdict,
        entry=explanations.entry,
    )
    app.extensions["kept_pages"] = {}
    app.context_processor(_common)


def by_section(products: Iterable[Any]) -> list[tuple[str, list[Any]]]:
    """Return products under their headings, in the order in which headings first appear."""
    sections: dict[str, list[Any]] = {}
    for product in products:
        sections.setdefault(product.section, []).append(product)
    return [(_heading(section, items), items) for section, items in sections.items()]


def _heading(section: str, products: Iterable[Any]) -> str:
    """Return a section's name in the language spoken; to tell it with one of its products is enough."""
    told = (localize.worded(product).section for product in products)
    return next((name for name in told if name != section), section)


def page(template: str, **facts: Any) -> Response:
    """Return a page about the person who asks."""
    _recognise()
    rendered = render_template(template, **_names(), **facts)
    response = sent_once(rendered)
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def public(template: str, name: str, facts: Callable[[], Facts]) -> Response:
    """Return a page that is the same for everyone of one language, rendered once per catalogue.

    :param name: tells pages of the same template apart
    """
    _recognise()
    version = catalogue.version()
    kept: dict[Any, Encoded] = current_app.extensions["kept_pages"]
    key = (version, localize.spoken().code, template, name, bool(request.htmx))
    if key not in kept:
        told = _names()
        told = {"preview": told["brand"].hero, **told, **facts()}
        rendered = render_template(template, **told)
        if len(kept) >= MOST_KEPT or any(known[0] != version for known in list(kept)):
            kept.clear()
        kept[key] = Encoded(rendered.encode())
    return _response(kept[key])


def fragment(template: str, **facts: Any) -> Response:
    """Return one fragment, to be swapped into a page."""
    return sent_once(render_template(template, **facts))


def sent_once(text: str) -> Response:
    """Return HTML for one person, compressed where that saves a packet."""
    body = text.encode()
    if len(body) <= PACKET_BYTES:
        return Response(body, content_type=HTML)
    return _response(Encoded(body, is_kept=False))


def _recognise() -> None:
    """Know the person for their language; a session that is over is no reason not to show the page."""
    if "Authorization" in request.headers:
        with suppress(SignInNeeded):
            guards.current_user()


def _common() -> Facts:
    language = localize.spoken()
    return {
        "fragment": bool(request.htmx),
        "language": language,
        "htmx_config": json.dumps(HTMX_CONFIG, separators=(",", ":")),
        "telegram_js_url": current().telegram_js_url,
        "picture_url": assets.picture,
        "preview_url": previews.absolute_url,
        "preview": None,  # the picture of a page that may be shared; only what is public has one
        "path": request.path,
        "start": "",
        "tab": "",
        "viewer": "",
        # Without the database: a page about a broken one must not ask it for anything.
        "brand": brand.known(),
        "bot_username": "",
    }


def _names() -> Facts:
    return {"brand": brand.current(), "bot_username": bot_username()}


def bot_username() -> str:
    """Return the bot's name, or nothing before the first release."""
    known = current_app.extensions.get("bot_username") or shops.bot_username()
    current_app.extensions["bot_username"] = known
    return str(known)


def _response(encoded: Encoded) -> Response:
    encoding, body = encoded.best(request.headers.get("Accept-Encoding", ""))
    response = Response(body, content_type=HTML, headers={"Vary": "Accept-Encoding"})
    if encoding:
        response.content_encoding = encoding
    return response
