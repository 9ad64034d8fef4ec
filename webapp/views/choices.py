"""The language that somebody chooses for the pages, for their invoices, and for what the bot writes."""

import json

from flask import Blueprint, Response, make_response, redirect
from htmx_flask import request

from webapp import languages, speech
from webapp.domain import users
from webapp.errors import BadRequest
from webapp.extensions import transaction
from webapp.views import guards, pages

bp = Blueprint("choices", __name__)


@bp.get("/language")
def show() -> Response:
    return _page()


@bp.post("/language")
def choose() -> Response:
    language = languages.find(request.form.get("code"))
    if language is None:
        raise BadRequest
    user = guards.current_user()
    if user:
        with transaction():
            users.choose_language(user.telegram_id, language.code)
    with speech.speaking(language.code):
        response = _page() if request.htmx else make_response(redirect("/", 303))
    response.headers["HX-Push-Url"] = "false"  # where it was chosen is where one is
    response.headers["HX-Trigger"] = json.dumps({"language:chosen": language.code})
    speech.remember(response, language)
    return response


def _page() -> Response:
    every = list(languages.all_().values())
    return pages.public(
        "language.html", "", lambda: {"path": "/language", "start": "language", "every": every}
    )
