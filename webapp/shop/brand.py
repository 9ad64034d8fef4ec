"""What the shop at work is called and how it looks."""

from dataclasses import dataclass, replace

from flask import Flask, current_app
from markupsafe import Markup

from webapp import config
from webapp.domain.owner import shops
from webapp.i18n import languages

UNNAMED = "Shop"  # before the first release, which learns the bot's name


@dataclass(frozen=True)
class Link:
    """A way out of the shop, in its footer."""

    label: str
    address: str


@dataclass(frozen=True)
class Brand:
    """A shop's own words and looks; what is empty was left to us."""

    name: str = ""
    tagline: str = ""
    welcome: str = ""  # what the bot says to /start after its greeting
    seller: str = ""
    contact: str = ""
    hero: str = ""  # a file in pictures, like the icon
    icon: str = ""
    language: str = languages.ENGLISH.code  # for those whose own the shop does not speak
    accent: str = ""
    on_accent: str = ""
    link: str = ""
    links: tuple[Link, ...] = ()

    @property
    def answers(self) -> str:
        """Who answers for what is sold."""
        return self.seller or self.name

    @property
    def style(self) -> Markup:
        """The stylesheet that gives a page the shop's colours, or nothing."""
        told = {"--accent": self.accent, "--on-accent": self.on_accent, "--link": self.link}
        rules = ";".join(f"{name}:{colour}" for name, colour in told.items() if colour)
        return Markup(f":root{{{rules}}}" if rules else "")  # noqa: S704 - colours, checked for their form


def init_app(app: Flask, brand: Brand) -> None:
    """Give a shop its brand."""
    app.extensions["brand"] = brand


def current() -> Brand:
    """Return the brand of the shop at work; it is called as its bot is, unless its owner named it."""
    brand: Brand = current_app.extensions["brand"]
    return known() if brand.name else replace(brand, name=_bots_name() or UNNAMED)


def known() -> Brand:
    """Return the brand as far as it can be told without the database."""
    brand: Brand = current_app.extensions["brand"]
    return brand if brand.name else replace(brand, name=current_app.extensions.get("bot_name") or UNNAMED)


def contact() -> str:
    """Return how people reach the shop's people outside of the bot, or nothing."""
    return config.current().support_contact or known().contact


def _bots_name() -> str:
    # Looked up once, like the bot's username: a shop without a name would ask for it at every page.
    known = current_app.extensions.get("bot_name") or shops.bot_name()
    current_app.extensions["bot_name"] = known
    return str(known)
