"""Fragments that ask for themselves while they wait for something, and rest once nothing changes any more."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask, Response, request

from webapp.web import pages


@dataclass(frozen=True)
class Pace:
    """How often a page looks at what it waits for: quickly at first, then slowly or not at all."""

    first_seconds: int
    later_seconds: int | None
    soon: timedelta  # how long the first pace lasts

    def after(self, waited: timedelta) -> int | None:
        """Return how many seconds pass until the next look."""
        return self.first_seconds if waited < self.soon else self.later_seconds


def init_app(app: Flask) -> None:
    """Let fragments ask for themselves: ``{{ polls(address, seen, pace_seconds) | xmlattr }}``."""
    app.jinja_env.globals["polls"] = _attributes


def mark(state: str, pace_seconds: int | None) -> str:
    """Return what a page that shows a state repeats when it asks again."""
    return f"{state}-{pace_seconds}"


def state_seen() -> str:
    """Return the state that the asking page says it shows."""
    return request.values.get("seen", "").partition("-")[0]


def fragment(template: str, seen: str, facts: Callable[[], pages.Facts]) -> Response:
    """Return a fragment, or nothing (204) to a page that shows just that.

    :param seen: the mark of what is to be shown
    :param facts: gives what the template needs beside it, and is asked only if something changed
    """
    if request.values.get("seen") == seen:
        return Response(status=204)
    return pages.fragment(template, seen=seen, **facts())


def _attributes(
    address: str, seen: str, pace_seconds: int | None, *, on_return: bool = True
) -> dict[str, str]:
    """Return what htmx needs: it asks every so often, and when the person comes back to the page."""
    triggers = [f"every {pace_seconds}s"] if pace_seconds else []
    triggers += ["order:ask from:body"] if on_return else []
    return {
        "hx-get": f"{address}?seen={seen}",
        "hx-trigger": ", ".join(triggers),
        "hx-target": "this",
        "hx-swap": "outerHTML",
        "hx-sync": "this:drop",
    }
