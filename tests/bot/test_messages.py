from string import Formatter
from typing import Any

import pytest

from tests.kit.factories import make_config
from tests.kit.wordings import CHARGE, FACTS
from webapp import create_app, errors
from webapp.config import Config
from webapp.shop.destinations import Address, Chat
from webapp.shop.openings import Opening
from webapp.texts import chat, notifications
from webapp.texts.message import Message

HOSTILE = "<b>%(x)s {y} *_`[a](tg://user?id=1) \u202e"
NAMELESS = {
    *("owner_set_aside", "owner_refunds_unknown", "owner_drift", "owner_finding", "news"),
    *("support_heard", "support_limited", "support_answer"),
    *("owner_support", "owner_support_prompt", "owner_unanswered", "owner_no_addressee"),
    *("owner_digest", "owner_updates_stopped", "owner_updates_again", "owner_updates_pile_up"),
    *("owner_bot_dead", "owner_bot_back"),
}
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def config(database_url: str) -> Config:
    return make_config(database_url=database_url)


def told(kind: str, language: str | None = "en", **changes: Any) -> Message:
    return notifications.told(kind, {**FACTS, **changes}, language)


def page(message: Message) -> str:
    return message.reply_markup()["inline_keyboard"][0][0]["web_app"]["url"]


def test_a_receipt_says_what_how_much_when_and_under_which_number(app):
    text = told("receipt").text
    for word in ("Deep Sky Atlas is unlocked", "250 Stars", "1 May 2026, 12:00 UTC", CHARGE, "for good"):
        assert word in text
    assert page(told("receipt", keys=None)) == "https://shop.test/products/deep-sky-atlas"
    assert page(told("receipt", keys=None, slug=None)) == "https://shop.test/upgrades"


@pytest.mark.parametrize("kind", ["receipt", "subscribed"])
def test_what_was_bought_is_one_tap_away(app, kind):
    assert page(told(kind, keys=["atlas"])) == "https://shop.test/pages/atlas"
    assert page(told(kind, keys=["atlas", "tonight"])) == "https://shop.test/products/deep-sky-atlas"
    assert page(told(kind, keys=["unknown"])) == "https://shop.test/products/deep-sky-atlas"
    club = Opening("club", "Club", "hero.svg", Address("https://club.example/in"))
    app.extensions["openings"] = {"club": club, "talk": Opening("talk", "Talk", "hero.svg", Chat())}
    [[button]] = told(kind, keys=["club"]).reply_markup()["inline_keyboard"]
    assert button == {"text": "Open", "url": "https://club.example/in"}
    assert page(told(kind, keys=["talk"])) == "https://shop.test/upgrades"


@pytest.mark.parametrize(
    ("days", "words"),
    [(1, "For 1 day, no auto-renewal."), (7, "For 7 days, no"), (None, "Yours for good.")],
)
def test_a_receipt_says_how_long_it_lasts(app, days, words):
    assert words in told("receipt", pass_days=days).text


def test_one_star_is_one_star(app):
    assert "Paid: 1 Star\n" in told("receipt", stars=1).text


def test_somebody_who_paid_twice_has_nothing_to_do(app):
    text = told("paid_twice").text
    assert "payment of 250 Stars is refunded automatically" in text
    assert "You don't need to do anything" in text


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("AlreadyOwned", "was already yours"),
        ("AlreadySubscribed", "was already paid for"),
        ("TrialUsed", "had the trial"),
        ("OffSale", "no longer sold"),
        ("Banned", "can't buy in this shop"),
    ],
)
def test_what_goes_back_by_itself_says_why(app, reason, words):
    assert words in told("sent_back", reason=reason).text


def test_a_plan_says_when_and_for_how_much_it_renews_and_what_it_replaced(app):
    text = told("subscribed").text
    for word in (
        "renews on 31 May 2026 for 250 Stars",
        "cancel in the shop",
        "Small Plan won't renew",
        CHARGE,
    ):
        assert word in text


def test_a_cancelled_plan_says_until_when_it_stays_open(app):
    assert "is cancelled. You keep it until 31 May 2026" in told("renewal_stopped").text
    assert "won't renew" in told("renewal_stopped", by="shop").text


def test_a_failed_renewal_says_what_to_do_and_until_when(app):
    text = told("renewal_failed").text
    for word in ("couldn't renew", "250 Stars", "1 June 2026", "My Stars"):
        assert word in text


def test_the_owner_hears_of_a_refund_that_nobody_here_asked_for(app):
    text = told("owner_foreign_refund").text
    for word in ("without this shop asking", "1001", "token", CHARGE):
        assert word in text


def test_a_payment_in_review_is_safe(app):
    assert "Your payment is safe" in told("in_review").text
    assert CHARGE in told("in_review").text


def test_27_a_refund_says_why_if_the_owner_said_it(app):
    assert "The shop's reason: the atlas was blank" in told("refunded", reason="the atlas was blank").text
    assert "why" not in told("refunded", reason=None).text
    assert "why" not in notifications.told("refunded", {"charge_id": CHARGE, "stars": 5}, None).text


def test_22_a_declined_refund_says_why_and_what_to_do(app):
    text = told("refund_declined", problem="it was downloaded.").text
    for word in (
        "(250 Stars) and declined it: it was downloaded. You keep what",
        "/paysupport",
        CHARGE,
    ):
        assert word in text


@pytest.mark.parametrize("kind", ["in_review", "owner_in_review"])
def test_21_dollars_are_not_called_stars(app, kind):
    text = told(kind, stars=999, currency="USD").text
    assert "999 USD" in text
    assert "999 Stars" not in text


def test_the_owner_hears_who_and_why(app):
    message = told("owner_in_review")
    for word in ("250 Stars", "1001", "WrongAmount", CHARGE):
        assert word in message.text
    assert message.reply_markup() is None


@pytest.mark.parametrize(
    ("title", "words"),
    [("Deep Sky Atlas", "Refunded: 250 Stars for Deep Sky Atlas."), ("", "Refunded: 250 Stars.")],
)
def test_a_refund_says_what_came_back(app, title, words):
    assert words in told("refunded", title=title).text
    assert CHARGE in told("refunded", title=title).text


def test_a_refund_does_not_claim_that_anything_is_locked(app):
    """A second payment that went back had opened nothing."""
    assert "locked" not in told("refunded").text


def test_news_are_the_owners_words_and_how_to_have_no_more_of_them(app):
    message = told("news", text=HOSTILE)
    assert message.text == f"{HOSTILE}\n\nTo stop news from the shop: /news_off"
    assert (message.button, message.path) == ("Show Deep Sky Atlas", "/products/deep-sky-atlas")
    assert told("news", "ru").text == "A comet is coming.\n\nБольше не присылать новости магазина: /news_off"


def test_news_about_no_product_have_no_button(app):
    assert notifications.told("news", {"broadcast": "comet", "text": "Hello"}, "en").reply_markup() is None


@pytest.mark.parametrize("kind", notifications.TOLD)
@pytest.mark.parametrize("language", [None, "", "en", "en-GB", "ru", "fa", "xx", "zh-hans", "e" * 35])
def test_every_message_can_be_said_to_everybody(app, kind, language):
    text = told(kind, language).text
    assert 0 < len(text) <= 4096
    assert "%(" not in text


def test_a_plan_says_how_often_it_is_paid(app):
    once, plan = (chat.product("Sky", "Stars.", 60, "sky", is_plan=is_plan) for is_plan in (False, True))
    assert once.text.startswith("Sky · 60 Stars\n")
    assert plan.text.startswith("Sky · 60 Stars every 30 days\n")


@pytest.mark.proves("S58")
@pytest.mark.parametrize("kind", notifications.TOLD)
def test_names_are_only_names(app, kind):
    text = told(kind, title=HOSTILE, charge_id=HOSTILE).text
    assert (HOSTILE in text) == (kind not in NAMELESS)


def test_an_unknown_kind_of_message_is_an_error(app):
    with pytest.raises(KeyError):
        told("poetry")


@pytest.mark.parametrize(
    "words", ["greeting", "product", "shop", "help_", "payment_support", "support", "terms", "language"]
)
def test_every_command_has_words_and_a_page_of_the_shop(app, words):
    arguments = {"greeting": (HOSTILE,), "product": (HOSTILE, HOSTILE, 1, "atlas")}.get(words, ())
    message = getattr(chat, words)(*arguments)
    assert 0 < len(message.text) <= 4096
    assert page(message).startswith("https://shop.test/")
    assert page(message).removeprefix("https://shop.test") == message.path
    assert message.button


def test_help_for_payments_says_who_helps_and_that_telegram_does_not(app):
    """Telegram's terms for Stars ask for it: /paysupport, and a word on who is responsible."""
    text = chat.payment_support().text
    assert "refund" in text
    assert "Telegram's own support doesn't handle purchases" in text


def test_a_contact_is_named_wherever_help_is_promised(database_url):
    app = create_app(make_config(database_url=database_url, support_contact="@night_sky"))
    with app.app_context():
        assert "Write to @night_sky." in chat.payment_support().text
        assert "Write to @night_sky" in chat.support().text


@pytest.mark.parametrize(
    "error", [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, Exception)]
)
def test_every_refusal_has_a_sentence_for_the_chat(app, error):
    """Telegram shows it as it is: plain words, no gap left to fill."""
    words = notifications.sentence(error.sentence, "en")
    assert words.endswith(".")
    assert len(words) <= 200
    assert [name for _, name, _, _ in Formatter().parse(words) if name] == []
