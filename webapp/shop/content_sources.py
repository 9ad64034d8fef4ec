"""What an owner's own page may load besides what the shop's pages do: video, audio, embeds, web fonts."""

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])
# Of the Content Security Policy (Level 3, section 6.1): nothing that runs, and nothing that is sent.
DIRECTIVES = {"media": "media-src", "fonts": "font-src", "frames": "frame-src", "images": "img-src"}
SOURCE = re.compile(r"'self'|https://(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?")


def allow(**sources: str | Iterable[str]) -> Callable[[View], View]:
    """Let one view's page load from these sources; every other page goes on without them.

    ``@allow(media="'self'", frames="https://player.example.com")`` stands directly above the function. What
    can be allowed: media, fonts, frames, images; from ``'self'`` and from https origins.

    :raise ValueError: no such thing can be allowed, or this is no source
    """
    rules = dict(_rule(name, wanted) for name, wanted in sources.items())

    def mark(view: View) -> View:
        view.allowed_sources = rules  # type: ignore[attr-defined]
        return view

    return mark


def of(view: object) -> dict[str, str]:
    """Return what a view's page may load in addition, by directive."""
    allowed: dict[str, str] = getattr(view, "allowed_sources", {})
    return allowed


def _rule(name: str, wanted: str | Iterable[str]) -> tuple[str, str]:
    if name not in DIRECTIVES:
        raise ValueError(f"{name} cannot be allowed: choose of {', '.join(DIRECTIVES)}.")
    each = wanted.split() if isinstance(wanted, str) else list(wanted)
    for source in each:
        if not SOURCE.fullmatch(source):
            raise ValueError(f"{source} is not a source: write 'self' or https://name.")
    return DIRECTIVES[name], " ".join(each)
