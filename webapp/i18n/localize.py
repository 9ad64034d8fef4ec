"""What the shop says, in the language of whoever it talks to."""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from functools import lru_cache
from itertools import islice
from operator import index
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, has_app_context, has_request_context, request
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import escape
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from webapp.db.models import Product, User, Wording
from webapp.i18n import languages
from webapp.i18n.languages import Language
from webapp.shop import brand

# Within a block that speaks a language of its own choice; one context each, so that chats do not mix.
_forced: ContextVar[Language | None] = ContextVar("forced", default=None)

COOKIE = "language"  # a preference; it says nothing of who somebody is
MOST_TAGS = 10  # that a browser may ask for
MOST_HEADERS = 200  # remembered, each with what it asks for
FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"  # UAX #9
ONE_YEAR_SECONDS = 365 * 24 * 3600
# Telegram's web clients show the shop in a frame of theirs.
COOKIE_RULES: dict[str, Any] = {
    "path": "/",
    "secure": True,
    "httponly": True,
    "samesite": "None",
    "partitioned": True,
}


def init_app(app: Flask, owners: Path) -> None:
    """Have pages and messages speak, each in the language of whoever asks.

    :param owners: the folder of the owner's translations
    :raise webapp.i18n.languages.TranslationInvalid: a file of translations is broken
    """
    languages.init_app(app, owners)
    app.before_request(_forget)
    app.jinja_env.globals.update(_=_gettext, gettext=_gettext, ngettext=_ngettext)
    app.jinja_env.filters.update(
        worded=worded,
        own=own,
        isolated=isolated,
        number=number,
        digits=digits,
        dateformat=day,
        momentformat=moment,
    )


def spoken() -> Language:
    """Return the language that is spoken here and now."""
    forced = _forced.get()
    if forced or not has_app_context():
        return forced or languages.best([])
    if "language" not in g:
        g.language = _asked_for()
    language: Language = g.language
    return language


@contextmanager
def speaking(*tags: str | None) -> Iterator[None]:
    """Say everything inside the block in the first of these languages, or in the shop's own."""
    before = _forced.set(languages.best([*tags, brand.known().language]))
    try:
        yield
    finally:
        _forced.reset(before)


def gettext(sentence: str, /, **facts: Any) -> str:
    """Return a sentence in the language that is spoken, numbers in it as that language writes them."""
    text = spoken().say(sentence)
    return text % _shown(facts) if facts else text


def ngettext(singular: str, plural: str, num: int, /, **facts: Any) -> str:
    """Return the sentence for so many, in the language that is spoken.

    :raise TypeError: that is no number, as in facts that were written wrong
    """
    sentence = spoken().words.ungettext(singular, plural, index(num))
    return str(sentence % _shown({"num": num, **facts}))


def known_of(user: User) -> Language | None:
    """Return the language a person chose here, or else has in Telegram, if the shop speaks it."""
    return languages.find(user.language) or languages.find(user.language_code)


def remember(response: Response, language: Language) -> None:
    """Have the browser ask for this language from now on, before anybody knows whose it is."""
    response.set_cookie(COOKIE, language.code, max_age=ONE_YEAR_SECONDS, **COOKIE_RULES)


def worded(product: Product) -> Wording:
    """Return a product's texts in the language that is spoken."""
    return product.worded(spoken().code)


def number(value: float) -> str:
    return spoken().number(value)


def digits(text: str) -> str:
    return spoken().digits(text)


def own(text: str) -> str:
    """Return a text of the owner's in the language that is spoken, where somebody translated it."""
    return spoken().say(text) if text else ""


def isolated(text: str) -> str:
    """Return a text that keeps its direction, and the line's, where lines hold no elements."""
    is_rtl = spoken().direction == "rtl"
    others = ("L",) if is_rtl else ("R", "AL")
    mixes = any(unicodedata.bidirectional(letter) in others for letter in text)
    return f"{FIRST_STRONG_ISOLATE}{text}{POP_ISOLATE}" if mixes else text


def day(moment: datetime | date, form: str) -> str:
    """Return a day as CLDR's form has it; days are counted in UTC, as the ledger does."""
    return spoken().date(moment, form)


def moment(at: datetime, clock: str = "HH:mm") -> str:
    """Return a moment in UTC, as the ledger counts."""
    return f"{spoken().moment(at, clock)} UTC"


@pass_context
def _gettext(context: Context, sentence: str, /, **facts: Any) -> str:
    return _filled(context, spoken().words.ugettext(sentence), facts)


@pass_context
def _ngettext(context: Context, singular: str, plural: str, num: int, /, **facts: Any) -> str:
    sentence = spoken().words.ungettext(singular, plural, num)
    return _filled(context, sentence, {"num": num, **facts})


def _filled(context: Context, sentence: str, facts: dict[str, Any]) -> str:
    """Return a sentence with its facts; markup in a file of translations is text like all of it.

    Jinja's own gettext would take a sentence for markup, so that whoever translates could write any.
    """
    text = escape(sentence) if context.eval_ctx.autoescape else sentence
    return text % _shown(facts)


def _asked_for() -> Language:
    """Return the language of the person known, of the choice their browser kept, or of their browser."""
    user = g.get("user")
    tags = [user.language, user.language_code] if user else []
    if has_request_context():
        tags += [request.cookies.get(COOKIE), *_tags(request.headers.get("Accept-Language", ""))]
    return languages.best([*tags, brand.known().language])


@lru_cache(maxsize=MOST_HEADERS)
def _tags(accepted: str) -> tuple[str, ...]:
    """Return what an Accept-Language header asks for, the dearest first; browsers differ little in it."""
    asked = parse_accept_header(accepted, LanguageAccept)
    return tuple(islice((tag for tag, quality in asked if quality > 0), MOST_TAGS))


def _forget() -> None:
    # An application context that is held open, as in tests, outlives its requests.
    g.pop("language", None)


def _shown(facts: dict[str, Any]) -> dict[str, Any]:
    # What is no quantity, such as a person's id, is told as a text and stays as it is.
    return {name: number(fact) if type(fact) in {int, float} else fact for name, fact in facts.items()}
