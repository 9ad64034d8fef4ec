"""What an owner's plug-in may use of the shop, written down in docs/extending.md."""

import inspect
import re
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

from flask import Response, current_app
from sqlalchemy.orm import Session
from werkzeug.routing import Map, Rule

from webapp import clock
from webapp.db import own
from webapp.shop import content_sources, reserved
from webapp.shop.plugins.faults import Refused
from webapp.shop.plugins.registered import Person, Plugin, Route, Web

View = TypeVar("View", bound=Callable[..., Any])
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
# The first part is fixed, so that no page of the shop's can be meant by it.
PATH = re.compile(r"/[A-Za-z0-9][A-Za-z0-9._~-]*(/[^\s?#]*)?")
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # Mini Apps: startapp; the bot's own links take no more
KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Shop:
    """What an owner's plug-in may use of the shop: this, and nothing by import."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin
        self.purchase_granted = plugin.signals["purchase_granted"]
        self.access_extended = plugin.signals["access_extended"]
        self.access_revoked = plugin.signals["access_revoked"]
        self.refunded = plugin.signals["refunded"]
        self.person_forgotten = plugin.signals["person_forgotten"]

    def route(self, path: str, *, methods: Collection[str] = ("GET",)) -> Callable[[View], View]:
        """Answer at this path with the function below, as Flask's ``route`` does."""
        wanted = frozenset((methods,) if isinstance(methods, str) else methods)
        if not PATH.fullmatch(path):
            raise Refused(f"{path!r} is not a path: write one such as '/today' or '/lessons/<int:number>'.")
        _check_is_free(path)
        if not wanted or not wanted <= METHODS:
            raise Refused(f"{path}: methods must be some of {', '.join(sorted(METHODS))}.")

        def add(view: View) -> View:
            self._add(Route(path, getattr(view, "__name__", ""), view, wanted))
            return view

        return add

    def entitled(self, key: str) -> Callable[[View], View]:
        """Let only people in who hold this entitlement; others are told no. It stands below ``route``."""
        _check_key(key)

        def guard(view: View) -> View:
            self._check_is_below(view, "entitled")

            @wraps(view)
            def guarded(*args: Any, **kwargs: Any) -> Any:
                _web().require(key)
                return view(*args, **kwargs)

            return guarded  # type: ignore[return-value]

        return guard

    def allow(self, **sources: str | Collection[str]) -> Callable[[View], View]:
        """Let this one page load media, fonts, frames or images from ``'self'`` or https origins."""
        mark = content_sources.allow(**sources)

        def allowed(view: View) -> View:
            self._check_is_below(view, "allow")
            return mark(view)

        return allowed

    def start_target(self, name: str, view: Callable[..., Any]) -> None:
        """Lead from ``t.me/bot?startapp=name`` to a page of this plug-in."""
        if not NAME.fullmatch(name):
            raise Refused(f"{name!r} cannot be a start target: 1 to 64 letters, digits, - and _.")
        if name in reserved.START_TARGETS:
            raise Refused(f"the start target {name!r} is the shop's own.")
        if name in self._plugin.targets:
            raise Refused(f"the start target {name!r} is there twice.")
        if not any(
            one.view is view and one.path in self._plugin.paths.values() for one in self._plugin.routes
        ):
            raise Refused(f"the start target {name!r} needs a page of this plug-in that has one address.")
        self._plugin.targets[name] = view

    def filter(self, name: str) -> Callable[[View], View]:
        """Give templates the function below as a filter."""
        if not name.isidentifier():
            raise Refused(f"{name!r} cannot be the name of a filter.")

        def add(function: View) -> View:
            if self._plugin.filters.setdefault(name, function) is not function:
                raise Refused(f"the filter {name!r} is there twice.")
            return function

        return add

    def page(self, template: str, **facts: Any) -> Response:
        """Return a page in the shop's layout, for everyone."""
        return _web().page(template, **facts)

    def gated_page(self, key: str, template: str, **facts: Any) -> Response:
        """Return a page that shows less, or an offer, while ``is_open`` is false."""
        return _web().gated_page(key, template, **facts)

    def user(self) -> Person | None:
        """Return who asks, if they are signed in."""
        return _web().person()

    def now(self) -> datetime:
        """Return the moment by the shop's clock, in UTC."""
        return clock.now()

    def db(self) -> AbstractContextManager[Session]:
        """Open a session for tables of this plug-in's own; its end commits, an exception undoes."""
        return own.own_session()

    def _add(self, route: Route) -> None:
        if not route.name.isidentifier() or inspect.iscoroutinefunction(route.view):
            raise Refused(f"{route.path} needs a plain function with a name (def).")
        for other in self._plugin.routes:
            if other.shape == route.shape and other.methods & route.methods:
                raise Refused(f"the route {route.path} is there twice.")
            if other.name == route.name and other.view is not route.view:
                raise Refused(f"two functions of routes are called {route.name}.")
        self._plugin.routes.append(route)

    def _check_is_below(self, view: object, decorator: str) -> None:
        # Above, it would guard a function that nobody calls.
        if any(route.view is view for route in self._plugin.routes):
            raise Refused(f"@shop.{decorator} has to stand below @shop.route.")


def _check_is_free(path: str) -> None:
    first = path.split("/")[1]
    if first in reserved.PATHS:
        raise Refused(f"the shop has pages of its own under /{first}; choose another path than {path}.")
    try:
        Map([Rule(path)])
    except (ValueError, LookupError) as error:
        raise Refused(f"{path} is no path ({error}).") from error


def _web() -> Web:
    web: Web = current_app.extensions["plugin_web"]
    return web


def _check_key(key: str) -> None:
    if not KEY.fullmatch(key):
        raise Refused(f"{key!r} cannot be an entitlement: small letters, digits and single hyphens.")
