"""Where entitlements lead: each kind is a class here and a reader of its own."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult, parse_qs, urlsplit

from webapp.domain.catalogue import toml_files
from webapp.host import addresses
from webapp.host.addresses import AddressInvalid
from webapp.shop import owners_pages
from webapp.shop.folder import Folder
from webapp.shop.markdown import TextInvalid
from webapp.shop.owners_pages import OwnersPage

LONGEST_ADDRESS = 2048


class Destination(Protocol):
    """Where an entitlement leads; each kind is a class here and a reader of its own in KINDS."""

    @property
    def word(self) -> str:
        """What the catalogue says for it."""

    @property
    def identity(self) -> object:
        """What is the same for two that open the same thing; None where that is no mistake."""

    def href(self, bot_username: str) -> str:
        """Return the address that links lead to: a path of the shop's, or an address outside of it."""


@dataclass(frozen=True)
class Page:
    """A Markdown page of the owner's, shown by the shop."""

    page: OwnersPage

    @property
    def word(self) -> str:
        return f"page:{self.page.name}.md"

    identity = word

    def href(self, _bot_username: str) -> str:
        return f"/pages/{self.page.name}"


@dataclass(frozen=True)
class Route:
    """A page that the owner's plug-in makes."""

    name: str
    path: str

    @property
    def word(self) -> str:
        return f"route:{self.name}"

    identity = word

    def href(self, _bot_username: str) -> str:
        return self.path


@dataclass(frozen=True)
class Address:
    """A page outside the shop, opened beside it."""

    url: str

    @property
    def word(self) -> str:
        return f"url:{self.url}"

    @property
    def identity(self) -> object:
        parts = urlsplit(self.url)
        return parts.netloc.lower(), parts.path.rstrip("/"), parts.query, parts.fragment

    def href(self, _bot_username: str) -> str:
        return self.url


@dataclass(frozen=True)
class Chat:
    """The chat with the bot, where something else of the owner's goes on."""

    word = "bot"
    identity = None

    def href(self, bot_username: str) -> str:
        return f"https://t.me/{bot_username}" if bot_username else "/"


@dataclass(frozen=True)
class Surroundings:
    """What the tables are read against."""

    folder: Folder
    routes: Mapping[str, str]  # the plug-in's pages by their names: their paths
    picture_problem: Callable[[str], str]
    public_url: str = ""  # the shop's own origin, where it is known


def read(opens: str, around: Surroundings, refuse: toml_files.Refuse) -> Destination:
    kind, _, what = opens.partition(":")
    if kind not in KINDS:
        raise refuse("opens", f"must be {', '.join(EXAMPLES[:-1])} or {EXAMPLES[-1]}")
    try:
        return KINDS[kind](what, around)
    except ValueError as error:
        raise refuse("opens", str(error)) from error


def _read_page(what: str, around: Surroundings) -> Page:
    try:
        return Page(owners_pages.read(around.folder, what))
    except TextInvalid as error:
        raise ValueError(str(error)) from error


def _read_address(what: str, around: Surroundings) -> Address:
    parts = _parts(what)
    if parts is None or parts.scheme.lower() != "https" or not parts.hostname or re.search(r"[\s\\]", what):
        raise ValueError(f"{what!r} is no https address, which Telegram opens and nobody reads on its way")
    if parts.username is not None:
        raise ValueError("an address with a name or password in it shows them to every buyer")
    if _is_shop(parts, around.public_url):
        raise ValueError(
            f"{what!r} leads back to this shop, where nobody is signed in outside of Telegram; write page:, "
            "route: or bot"
        )
    return Address(what)


def _parts(address: str) -> SplitResult | None:
    try:
        return urlsplit(address)
    except ValueError:
        return None


def _is_shop(parts: SplitResult, public_url: str) -> bool:
    """Tell whether an address is one of the shop's pages; its files under /static/ are for everyone."""
    try:
        is_here = bool(public_url) and addresses.origin(f"https://{parts.netloc}") == public_url
    except AddressInvalid:
        return False
    return is_here and not parts.path.startswith("/static/")


def _read_route(what: str, around: Surroundings) -> Route:
    if what not in around.routes:
        known = f"there are {', '.join(sorted(around.routes))}" if around.routes else "there is none"
        raise ValueError(f"no plug-in registers a route {what!r}; {known}")
    return Route(what, around.routes[what])


def _read_chat(what: str, _around: Surroundings) -> Chat:
    if what:
        raise ValueError("bot stands alone: it leads back to the chat")
    return Chat()


# How each kind is read: what follows its name and a colon.
KINDS: dict[str, Callable[[str, Surroundings], Destination]] = {
    "page": _read_page,
    "url": _read_address,
    "route": _read_route,
    "bot": _read_chat,
}
EXAMPLES = ('"page:guide.md"', '"url:https://…"', '"route:name"', '"bot"')


def led_back_to(destination: Destination) -> set[str]:
    """Return the start parameters of a link back into Telegram."""
    parts = urlsplit(destination.url) if isinstance(destination, Address) else None
    if parts is None or (parts.hostname or "").removeprefix("www.") not in ("t.me", "telegram.me"):
        return set()
    return set(parse_qs(parts.query).get("startapp", []))
