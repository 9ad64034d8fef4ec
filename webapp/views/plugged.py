"""The owner's plug-in at work: its pages among the shop's, and what its views ask the shop for."""

from typing import Any

from flask import Flask, Response, g, redirect, request
from flask.typing import ResponseReturnValue

from webapp.config import ConfigError
from webapp.i18n import localize
from webapp.shop import content_sources, plugins
from webapp.shop.folder import Folder
from webapp.shop.plugins.registered import Person, Web
from webapp.views import gated
from webapp.web import guards, pages, templates


def init_app(app: Flask, folder: Folder) -> None:
    """Put the plug-in of a folder to work; it comes last, once everything of the shop's is there.

    :raise webapp.config.ConfigError: it cannot be loaded, or wants what cannot be
    """
    app.extensions["plugin"] = plugin = plugins.load(folder)
    app.extensions["plugin_web"] = Web(_page, _gated_page, guards.require, _person)
    for route in plugin.routes:
        app.add_url_rule(route.path, f"plugin.{route.name}", route.view, methods=sorted(route.methods))
    templates.add_filters(app.jinja_env, plugin)
    if wrong := list(templates.problems_in(app.jinja_env, folder)):
        raise ConfigError(*wrong)


def open_target(name: str) -> ResponseReturnValue:
    """Return the page of the plug-in that a start parameter leads to."""
    plugin = plugins.current()
    view, path = plugin.targets[name], plugin.path_of(plugin.targets[name])
    if content_sources.of(view):
        return redirect(path)  # what a page may load goes by its own address
    g.start_target = path
    try:
        answer: ResponseReturnValue = view()
        return answer
    finally:
        del g.start_target


def _page(template: str, **facts: object) -> Response:
    user = guards.current_user()
    return pages.page(template, **(_usual() | {"viewer": user.telegram_id if user else ""} | facts))


def _usual() -> dict[str, str]:
    path = g.get("start_target", request.path)
    return {"path": path, "start": plugins.current().target_of(path)}


def _gated_page(key: str, template: str, **facts: Any) -> Response:
    return gated.page(key, template, **(_usual() | facts))


def _person() -> Person | None:
    user = guards.current_user()
    return Person(user.telegram_id, user.first_name, localize.spoken().code) if user else None
