"""The owner's plug-in at work: its pages among the shop's, and what its views ask the shop for."""

import ast
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, redirect, request
from flask.typing import ResponseReturnValue
from jinja2 import TemplateSyntaxError

from webapp.config import ConfigError
from webapp.i18n import localize
from webapp.shop import content_sources, plugins
from webapp.shop.folder import Folder
from webapp.shop.plugins import faults
from webapp.shop.plugins.registered import Person, Plugin, Route, Web
from webapp.views import gated
from webapp.web import guards, pages

RENDERING = frozenset({"page", "gated_page"})


def init_app(app: Flask, folder: Folder, targets: Collection[str]) -> None:
    """Put the plug-in of a folder to work; it comes last, once everything of the shop's is there.

    :param targets: the start parameters that lead to the shop's own pages
    :raise webapp.config.ConfigError: it cannot be loaded, or wants what cannot be
    """
    app.extensions["plugin"] = plugin = plugins.load(folder)
    app.extensions["plugin_web"] = Web(_page, _gated_page, guards.require, _person)
    _check_targets(plugin, targets)
    _add_routes(app, plugin)
    _add_filters(app, plugin)
    _check_templates(app, folder)


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


def _check_targets(plugin: Plugin, targets: Collection[str]) -> None:
    for name, view in plugin.targets.items():
        if name in targets:
            raise ConfigError(f"{faults.place_of(view)}: the start target {name!r} is the shop's own.")


def _add_routes(app: Flask, plugin: Plugin) -> None:
    ours = {_first_part(rule.rule) for rule in app.url_map.iter_rules()} | {"static"}
    for route in plugin.routes:
        if _first_part(route.path) in ours:
            raise ConfigError(
                f"{faults.place_of(route.view)}: the shop has pages of its own under "
                f"/{_first_part(route.path)}; choose another path than {route.path}."
            )
        _add_route(app, route)


def _add_route(app: Flask, route: Route) -> None:
    try:
        app.add_url_rule(route.path, f"plugin.{route.name}", route.view, methods=sorted(route.methods))
    except (ValueError, LookupError) as error:
        raise ConfigError(f"{faults.place_of(route.view)}: {route.path} is no path ({error}).") from error


def _first_part(path: str) -> str:
    return path.split("/")[1]


def _add_filters(app: Flask, plugin: Plugin) -> None:
    for name, function in plugin.filters.items():
        if name in app.jinja_env.filters:
            raise ConfigError(f"{faults.place_of(function)}: there is a filter {name!r} already.")
        app.jinja_env.filters[name] = function


def _check_templates(app: Flask, folder: Folder) -> None:
    """Have the owner's templates compiled, and those be there that the plug-in renders."""
    for file in sorted(folder.templates.rglob("*.html")):
        name = file.relative_to(folder.templates).as_posix()
        try:
            app.jinja_env.get_template(name)
        except TemplateSyntaxError as error:
            raise ConfigError(f"templates/{name}, line {error.lineno}: {error.message}") from error
    known = set(app.jinja_env.list_templates())
    for place, name in _rendered(folder):
        if name not in known:
            raise ConfigError(f"{place}: there is no template {name!r}.")


def _rendered(folder: Folder) -> Iterator[tuple[str, str]]:
    """Yield each template that the owner's Python names, and where."""
    if not folder.plugin.is_file():
        return
    for file in sorted(folder.path.glob("*.py")):
        for node in _nodes(file):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in RENDERING:
                said = [str(one.value) for one in node.args if isinstance(one, ast.Constant)]
                yield from ((_place(file, node), one) for one in said if one.endswith(".html"))


def _nodes(file: Path) -> Iterator[ast.AST]:
    with suppress(SyntaxError):  # of a file that nothing imports
        yield from ast.walk(ast.parse(file.read_bytes()))


def _place(file: Path, node: ast.Call) -> str:
    return f"{faults.named(file)}, line {node.lineno}"


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
