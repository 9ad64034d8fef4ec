"""The owner's plugin.py: loaded once when a process starts, and what it adds to the shop.

``register(shop)`` gets a :class:`Shop`, which notes what is wanted; :mod:`webapp.views.plugged` puts it to
work. So a plug-in can be looked at where there is no shop, as ``catalog check`` does.
"""

import hashlib
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, wraps
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from blinker import ANY, Signal
from flask import Response, current_app
from sqlalchemy.orm import Session

from webapp import clock
from webapp.config import ConfigError
from webapp.db import extensions
from webapp.shop import content_sources
from webapp.shop.folder import Folder

View = TypeVar("View", bound=Callable[..., Any])
SIGNALS = {
    "purchase_granted": "Somebody paid, and what it opens is open.",
    "access_extended": "What was open stays open for longer.",
    "access_revoked": "Something closed before its time.",
    "refunded": "Stars went back.",
}
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
# The first part is fixed, so that no page of the shop's can be meant by it.
PATH = re.compile(r"/[A-Za-z0-9][A-Za-z0-9._~-]*(/[^\s?#]*)?")
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # Mini Apps: startapp; the bot's own links take no more
KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_REASON = 300  # characters of somebody else's exception


class Refused(ValueError):
    """The shop does not take what is registered; the sentence says why."""


class KeptSignal(Signal):
    """A signal whose receivers stay, also those that are written inside ``register``."""

    def connect(self, receiver: Any, sender: Any = ANY, weak: bool = False) -> Any:
        # Weakly, as blinker would have it, a function inside register is gone when register ends.
        return super().connect(receiver, sender, weak)


@dataclass(frozen=True)
class Person:
    """Who asks for a page."""

    telegram_id: int
    first_name: str
    language: str  # the code of what is spoken with them, such as pt-BR


@dataclass(frozen=True)
class Route:
    """A page or an answer of the plug-in's."""

    path: str
    name: str
    view: Callable[..., Any]
    methods: frozenset[str]

    @property
    def shape(self) -> str:
        """The path as far as requests can tell it from others."""
        return re.sub(r"<[^>]*>", "<>", self.path)


@dataclass(frozen=True)
class Web:
    """What a plug-in's views ask of the web: :mod:`webapp.views.plugged` has it."""

    page: Callable[..., Response]
    gated_page: Callable[..., Response]
    require: Callable[[str], None]
    person: Callable[[], Person | None]


@dataclass(frozen=True)
class Plugin:
    """What a plug-in registered; of a folder without one, nothing."""

    folder: Folder
    module: ModuleType | None = None
    routes: list[Route] = field(default_factory=list)
    targets: dict[str, Callable[..., Any]] = field(default_factory=dict)
    filters: dict[str, Callable[..., Any]] = field(default_factory=dict)
    signals: dict[str, Signal] = field(
        default_factory=lambda: {name: KeptSignal(doc) for name, doc in SIGNALS.items()}
    )

    @property
    def paths(self) -> dict[str, str]:
        """Where each page is that has one address, by the name of its function: a_guide, as a-guide."""
        fixed = [route for route in self.routes if "GET" in route.methods and "<" not in route.path]
        return {route.name.replace("_", "-"): route.path for route in fixed}

    def path_of(self, view: object) -> str:
        """Return the one address of a view."""
        return next(one.path for one in self.routes if one.view is view and one.path in self.paths.values())

    def target_of(self, path: str) -> str:
        """Return the start parameter that leads to a path, or nothing."""
        return next((name for name, view in self.targets.items() if self.path_of(view) == path), "")


class Shop:
    """What an owner's plug-in may use of the shop: this, and nothing by import."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin
        self.purchase_granted = plugin.signals["purchase_granted"]
        self.access_extended = plugin.signals["access_extended"]
        self.access_revoked = plugin.signals["access_revoked"]
        self.refunded = plugin.signals["refunded"]

    def route(self, path: str, *, methods: Collection[str] = ("GET",)) -> Callable[[View], View]:
        """Answer at this path with the function below, as Flask's ``route`` does."""
        wanted = frozenset((methods,) if isinstance(methods, str) else methods)
        if not PATH.fullmatch(path):
            raise Refused(f"{path!r} is not a path: write one such as '/today' or '/lessons/<int:number>'.")
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
        return extensions.own_session()

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


def current() -> Plugin:
    """Return the plug-in of the shop at work; where there is none, one that registered nothing."""
    plugin: Plugin = current_app.extensions["plugin"]
    return plugin


@lru_cache
def load(folder: Folder) -> Plugin:
    """Return what the plug-in of a folder registers, or nothing where there is none.

    A process loads each folder's once.

    :raise webapp.config.ConfigError: it cannot be loaded or asks for what cannot be
    """
    if not folder.plugin.is_file():
        return Plugin(folder)
    name = f"starfront_shop_{hashlib.sha256(str(folder.path).encode()).hexdigest()[:12]}"
    try:
        plugin = Plugin(folder, _imported(name, folder))
        _register(plugin)
    except (Exception, SystemExit) as error:
        _forget(name)
        raise ConfigError(_told(error, folder)) from error
    return plugin


def place_of(view: Callable[..., Any]) -> str:
    """Return where a function of a plug-in is written; of one that is not, the plug-in."""
    code = getattr(inspect.unwrap(view), "__code__", None)
    return "plugin.py" if code is None else f"{named(Path(code.co_filename))}, line {code.co_firstlineno}"


def fault_in(error: BaseException, folder: Path) -> str:
    """Return one sentence: the file and line in a folder where it went wrong, and why; or nothing."""
    frames = [
        (Path(one.filename), one.lineno)
        for one in traceback.extract_tb(error.__traceback__)
        if Path(one.filename).is_relative_to(folder)
    ]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((Path(error.filename), error.lineno))
    if not frames:
        return ""
    file, line = frames[-1]
    return f"{file.name if file.parent.name == 'migrations' else named(file)}, line {line}: {_reason(error)}"


def _imported(name: str, folder: Folder) -> ModuleType:
    """Import plugin.py as a package, so that it finds its neighbours: ``from . import dates``."""
    spec = util.spec_from_file_location(name, folder.plugin, submodule_search_locations=[str(folder.path)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder.plugin} is no module")
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _register(plugin: Plugin) -> None:
    register = getattr(plugin.module, "register", None)
    if not callable(register):
        raise Refused("there is no function register(shop).")
    register(Shop(plugin))


def _forget(name: str) -> None:
    for known in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
        del sys.modules[known]


def _told(error: BaseException, folder: Folder) -> str:
    return fault_in(error, folder.path) or f"plugin.py: {_reason(error)}"


def _reason(error: BaseException) -> str:
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, SystemExit):
        return "it ends the process (SystemExit)."
    words = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())
    return f"{type(error).__name__}: {words}"[:LONGEST_REASON].rstrip(": ")


def named(file: Path) -> str:
    """Return how sentences call a file of the plug-in's."""
    return file.name if file.name == "plugin.py" else f"plugin.py, by way of {file.name}"


def _web() -> Web:
    web: Web = current_app.extensions["plugin_web"]
    return web


def _check_key(key: str) -> None:
    if not KEY.fullmatch(key):
        raise Refused(f"{key!r} cannot be an entitlement: small letters, digits and single hyphens.")
