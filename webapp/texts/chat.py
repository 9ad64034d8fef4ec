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
        "Welcome to %(shop)s. Browse upgrades, pay with Telegram Stars, and use them right away.",
        shop=isolated(own(shop.name)),
    )


def is_invisible(letter: str) -> bool:
    """Tell whether a letter leaves no mark; Telegram lets people be called by such letters alone."""
    return letter in BLANKS or unicodedata.category(letter)[0] in "CZM"


def sign_in_code(code: str) -> Message:
    return Message(
        gettext(
            "Your code for the shop: %(code)s\n\nType it in the window that asked for it. It works once, "
            "within ten minutes. Don't give it to anyone: the shop never asks for it in a chat.",
            code=code,
        )
    )


def too_many_codes() -> Message:
    return Message(gettext("You've had three codes in ten minutes. Use the last one, or ask again later."))


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
            "/shop opens the shop\n/paysupport helps with a payment or refund\n/terms shows the "
            "terms\n/language changes the language\n/news_off stops news from the shop\n/support is for "
            "everything else"
        ),
        gettext("Open the shop"),
    )


def payment_support() -> Message:
    return Message(
        gettext(
            "Something wrong with a payment? Your purchases show every payment with its number, and whether "
            "it was refunded. If you paid and nothing unlocked, tap “Restore purchases” there: we check "
            "Telegram's own records right away."
        )
        + "\n\n"
        + gettext(
            "What you can refund yourself has a Refund button there, and you cancel a plan under My "
            "upgrades. For any other refund, tell us the payment number."
        )
        + f"\n\n{whom_to_write_to()}\n\n"
        + gettext("Telegram's own support doesn't handle purchases made in this bot."),
        gettext("My purchases"),
        "/purchases",
    )


def support() -> Message:
    return Message(whom_to_write_to(), gettext("Common questions"), "/support")


def whom_to_write_to() -> str:
    """Return how a person reaches the shop's people: by this chat, elsewhere, both, or not at all."""
    contact = brand.contact()
    if current().owner_chats:
        here = gettext(
            "Write it here: what you send to this chat now goes to the shop's team, and they answer here."
        )
        return f"{here} {gettext('Or write to %(contact)s.', contact=contact)}" if contact else here
    if contact:
        return str(gettext("Write to %(contact)s.", contact=contact))
    nobody = gettext(
        "This shop hasn't said yet who answers, so nobody reads what you write here. Your payments are on "
        "record either way."
    )
    return str(nobody)


def language() -> Message:
    return Message(
        gettext("Which language should the shop and this chat use?"),
        gettext("Choose your language"),
        "/settings",
    )


def news_chosen(*, wanted: bool) -> Message:
    if wanted:
        text = gettext("You get news from the shop again. /news_off stops it.")
    else:
        text = gettext(
            "You won't get news from the shop anymore. You still get messages about your purchases. "
            "/news_on turns news back on."
        )
    return Message(text, gettext("Settings"), "/settings")


def terms() -> Message:
    return Message(
        gettext(
            "Everything we sell is digital, paid with Telegram Stars and unlocked right away. The terms say "
            "the rest."
        ),
        gettext("Read the terms"),
        "/terms",
    )
