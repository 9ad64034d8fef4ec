"""What the bot answers in the chat."""

import unicodedata

from webapp.config import current
from webapp.i18n.localize import gettext, isolated, ngettext, own
from webapp.shop import brand
from webapp.shop.brand import Brand
from webapp.texts.message import Message

BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and symbols by name, and empty


def greeting(first_name: str) -> Message:
    """Return the answer to /start: a greeting, and then the shop's own words or ours."""
    name = first_name.strip()
    is_nameless = all(is_invisible(letter) for letter in name)
    hello = gettext("Hello!") if is_nameless else gettext("Hello, %(name)s!", name=isolated(name))
    return Message(f"{hello} {_welcome(brand.current())}", gettext("Open the shop"))


def _welcome(shop: Brand) -> str:
    return own(shop.welcome) or gettext(
        "This is %(shop)s. You pay with Telegram Stars, and what you buy is unlocked at once. "
        "Open the shop to look around.",
        shop=isolated(own(shop.name)),
    )


def is_invisible(letter: str) -> bool:
    """Tell whether a letter leaves no mark; Telegram lets people be called by such letters alone."""
    return letter in BLANKS or unicodedata.category(letter)[0] in "CZM"


def sign_in_code(code: str) -> Message:
    return Message(
        gettext(
            "Your code for the shop: %(code)s\n\nType it in the window that asked for it. It works once, "
            "within ten minutes. Give it to nobody: the shop never asks for it in a chat.",
            code=code,
        )
    )


def too_many_codes() -> Message:
    return Message(gettext("You had three codes within ten minutes. Use the last one, or ask again later."))


def product(title: str, description: str, stars: int, slug: str, *, is_plan: bool = False) -> Message:
    price = ngettext("%(num)s Star", "%(num)s Stars", stars)
    if is_plan:
        price = gettext("%(stars)s every 30 days", stars=price)
    return Message(
        f"{title} · {price}\n\n{description}", gettext("Show %(title)s", title=title), f"/products/{slug}"
    )


def shop() -> Message:
    return Message(gettext("Everything we sell is one tap away."), gettext("Open the shop"))


def help_() -> Message:
    return Message(
        gettext(
            "/shop opens the shop\n"
            "/paysupport helps with a payment or a refund\n"
            "/terms shows the terms\n"
            "/language changes the language\n"
            "/news_off ends news from the shop\n"
            "/support is for everything else"
        ),
        gettext("Open the shop"),
    )


def payment_support() -> Message:
    return Message(
        gettext(
            "Something wrong with a payment? Your purchases show every payment with its number, and whether "
            "it was refunded. If you paid and nothing opened, tap “Restore purchases” there: we compare with "
            "Telegram's own records at once."
        )
        + "\n\n"
        + gettext(
            "What can be given back has a button for it there, and a plan is cancelled under My upgrades. "
            "For any other refund, tell us the payment number."
        )
        + f"\n\n{whom_to_write_to()}\n\n"
        + gettext("Telegram's own support does not handle purchases made in this bot."),
        gettext("My purchases"),
        "/purchases",
    )


def support() -> Message:
    return Message(whom_to_write_to(), gettext("What people ask most"), "/support")


def whom_to_write_to() -> str:
    """Return how a person reaches the shop's people: by this chat, elsewhere, both, or not at all."""
    contact = brand.contact()
    if current().owner_chats:
        here = gettext(
            "Write it here: what you send to this chat now goes to the shop's people, and their answer "
            "comes back here."
        )
        return f"{here} {gettext('Or write to %(contact)s.', contact=contact)}" if contact else here
    if contact:
        return str(gettext("Write to %(contact)s.", contact=contact))
    nobody = gettext(
        "This shop has not said yet who answers, so nobody reads what you write here. Your payments stay on "
        "record in any case."
    )
    return str(nobody)


def language() -> Message:
    return Message(
        gettext("In which language shall the shop and this chat talk to you?"),
        gettext("Choose the language"),
        "/settings",
    )


def news_chosen(*, wanted: bool) -> Message:
    if wanted:
        text = gettext("You get news from the shop again. /news_off ends them.")
    else:
        text = gettext(
            "You get no more news from the shop. Messages about what you buy still come. /news_on brings "
            "the news back."
        )
    return Message(text, gettext("Settings"), "/settings")


def terms() -> Message:
    return Message(
        gettext(
            "What you buy is digital, paid in Telegram Stars and unlocked at once. The terms say the rest."
        ),
        gettext("Read the terms"),
        "/terms",
    )
