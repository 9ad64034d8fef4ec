"""What others fetch unasked: previews of a link that somebody shared, a browser's icons, robots' rules."""

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from webapp.web import previews

bp = Blueprint("previews", __name__)

ONE_DAY_SECONDS = 24 * 3600
ONE_YEAR_SECONDS = 365 * ONE_DAY_SECONDS
ROBOTS = "User-agent: *\nAllow: /\n"  # what is personal says noindex, which they would not read if kept out


@bp.get("/previews/<stem>.<version>.png")
def card(stem: str, version: str) -> Response:
    found = previews.card(stem)
    if found is None:
        raise NotFound
    body, today = found
    # A link shared before the picture changed gets today's, and nobody keeps it under that name.
    lasting = f"public, max-age={ONE_YEAR_SECONDS}, immutable" if version == today else "no-cache"
    return _file(body, "image/png", lasting)


@bp.get("/favicon.ico")
def tab() -> Response:
    return _file(*previews.icon(previews.TAB_PIXELS))


@bp.get("/apple-touch-icon.png")
@bp.get("/apple-touch-icon-precomposed.png")
def home_screen() -> Response:
    return _file(*previews.icon(previews.TOUCH_PIXELS))


@bp.get("/robots.txt")
def robots() -> Response:
    return _file(ROBOTS.encode(), "text/plain; charset=utf-8")


def _file(body: bytes, media_type: str, lasting: str = f"public, max-age={ONE_DAY_SECONDS}") -> Response:
    return Response(body, content_type=media_type, headers={"Cache-Control": lasting})
