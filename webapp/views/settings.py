"""What somebody chooses: the shop's language, whether the owner's news reach them, and to be forgotten."""

import json
from contextlib import suppress

from flask import Blueprint, Response, g, make_response, redirect
from htmx_flask import request

from webapp import clock
from webapp.db.transactions import transaction
from webapp.domain.owner.audit import Decision
from webapp.domain.people import users
from webapp.errors import BadRequest
from webapp.i18n import languages, localize
from webapp.usecases import owner
from webapp.usecases.owner import NotDone
from webapp.web import guards, pages
from webapp.web.guards import signed_in

bp = Blueprint("settings", __name__)


@bp.get("/settings")
@bp.get("/language")  # where links of before lead
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
    with localize.speaking(language.code):
        response = _page() if request.htmx else make_response(redirect("/", 303))
    response.headers["HX-Push-Url"] = "false"  # where it was chosen is where one is
    response.headers["HX-Trigger"] = json.dumps({"language:chosen": language.code})
    localize.remember(response, language)
    return response


@bp.post("/settings/news")
@signed_in
def choose_news() -> Response:
    answer = request.form.get("wanted")
    if answer not in {"yes", "no"}:
        raise BadRequest
    with transaction():
        users.choose_news(g.user.telegram_id, clock.now(), wanted=answer == "yes")
    return pages.fragment("_news.html", wanted=answer == "yes")


@bp.get("/settings/forgetting")
@signed_in
def ask_before_forgetting() -> Response:
    return pages.fragment("_forgetting.html", is_sure="sure" in request.args)


@bp.delete("/me")
@signed_in
def forget() -> Response:
    with suppress(NotDone):  # tapped twice
        owner.forget(g.user.telegram_id, Decision(by="buyer", reason="Their own wish."))
    return guards.left(lambda: pages.page("forgotten.html", path="/open", tab=None))


def _page() -> Response:
    facts = {"path": "/settings", "start": "settings", "every": list(languages.all_().values())}
    user = guards.current_user() if request.htmx else None
    if user:
        wanted = user.news_declined_at is None
        return pages.page("settings.html", **facts, viewer=user.telegram_id, wanted=wanted)
    return pages.public("settings.html", "", lambda: facts)
