"""Support, terms, privacy, and the way into Telegram."""

import re
from collections.abc import Callable

from flask import Blueprint, Response, request

from webapp.config import current
from webapp.i18n import localize
from webapp.shop import brand, documents, markdown
from webapp.shop.documents import Document
from webapp.web import assets, pages

bp = Blueprint("help", __name__)

START_PARAMETER = re.compile(r"[A-Za-z0-9_-]{0,512}")  # Mini Apps: startapp


@bp.get("/support")
def support() -> Response:
    return _page("support", lambda: {"contact": brand.contact(), "is_answered": bool(current().owner_chats)})


@bp.get("/terms")
def terms() -> Response:
    agreed = documents.terms()
    return _page("terms", lambda: {"version": agreed.version, "own": _own(agreed)})


@bp.get("/privacy")
def privacy() -> Response:
    return _page(
        "privacy",
        lambda: {
            "own": _own(documents.privacy()),
            "days": current().keep_days,
            "is_answered": bool(current().owner_chats),
        },
    )


@bp.get("/open")
def open_in_telegram() -> Response:
    start = request.args.get("startapp", "")
    return pages.page("open.html", path="/open", start=start if START_PARAMETER.fullmatch(start) else "")


def _own(document: Document) -> dict[str, str] | None:
    """Return the title and the body of a document that the owner wrote, or None where ours stands."""
    text = document.text_in(localize.spoken())
    if text is None:
        return None
    title, body = markdown.split_title(text)
    return {"title": title, "body": markdown.render(body, assets.picture_file)}


def _page(name: str, facts: Callable[[], pages.Facts]) -> Response:
    # Asked for when it is known who reads, and so in which language.
    return pages.public(f"{name}.html", "", lambda: {"path": f"/{name}", "start": name, **facts()})
