"""What a plug-in registers, as the shop keeps it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from blinker import ANY, Signal
from flask import Response

from webapp.shop.folder import Folder

SIGNALS = {
    "purchase_granted": "Somebody paid, and what it opens is open.",
    "access_extended": "What was open stays open for longer.",
    "access_revoked": "Something closed before its time.",
    "refunded": "Stars went back.",
    "person_forgotten": "What is kept of a person has to be erased.",
}


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
