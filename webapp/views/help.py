"""Support, terms, privacy, and the way into Telegram."""

import re

from flask import Blueprint, Response, request

from webapp.config import current
from webapp.domain import terms as agreed
from webapp.views import pages

bp = Blueprint("help", __name__)

START_PARAMETER = re.compile(r"[A-Za-z0-9_-]{0,512}")  # Mini Apps: startapp


@bp.get("/support")
def support() -> Response:
    return _page("support", contact=current().support_contact, is_answered=bool(current().owner_chats))


@bp.get("/terms")
def terms() -> Response:
    return _page("terms", version=agreed.VERSION)


@bp.get("/privacy")
def privacy() -> Response:
    return _page("privacy", days=current().keep_days, is_answered=bool(current().owner_chats))


@bp.get("/open")
def open_in_telegram() -> Response:
    start = request.args.get("startapp", "")
    return pages.page("open.html", path="/open", start=start if START_PARAMETER.fullmatch(start) else "")


def _page(name: str, **facts: object) -> Response:
    return pages.public(f"{name}.html", "", lambda: {"path": f"/{name}", "start": name, **facts})
