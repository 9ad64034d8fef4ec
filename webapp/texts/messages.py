"""What the bot says: texts and buttons, the same words whoever sends them.

Plain text without a parse mode, so that nothing a person wrote can become markup.
"""

import unicodedata
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext, ngettext

from webapp.config import current
from webapp.domain.owner.broadcasts import FOOTER
from webapp.i18n.speech import day, isolated, moment, own, speaking
from webapp.shop import brand, openings
from webapp.shop.brand import Brand
from webapp.shop.openings import Chat

BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and symbols by name, and empty


@dataclass(frozen=True)
class Message:
    """A text with a button, each as it will be shown.

    The button opens a page of the shop or, if ``path`` is an address, of somebody else's, or tells the bot
    ``callback``; ``is_to_be_answered`` has the
    person's client begin a reply.
    """

    text: str
    button: str = ""
    path: str = "/"
    callback: str = ""
    is_to_be_answered: bool = False

    def reply_markup(self) -> dict[str, Any] | None:
        """Return Telegram's keyboard for the button."""
        if self.is_to_be_answered:
            return {"force_reply": True}
        if not self.button:
            return None
        if self.callback:
            return {"inline_keyboard": [[{"text": self.button, "callback_data": self.callback}]]}
        if not self.path.startswith("/"):
            return {"inline_keyboard": [[{"text": self.button, "url": self.path}]]}
        page = {"url": f"{current().public_url}{self.path}"}
        return {"inline_keyboard": [[{"text": self.button, "web_app": page}]]}


def told(kind: str, facts: dict[str, Any], language_code: str | None) -> Message:
    """Return the message for a fact of the outbox, in a person's language.

    :raise KeyError: no such kind of message
    """
    with speaking(language_code):
        return TOLD[kind](facts)


def sentence(text: str, language_code: str | None) -> str:
    """Return one of the shop's sentences in a person's language."""
    with speaking(language_code):
        return str(gettext(text))


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


def _receipt(facts: dict[str, Any]) -> Message:
    days = facts.get("pass_days")
    lasts = gettext("Yours for good.")
    if days:
        lasts = ngettext(
            "For %(num)s day; it does not renew itself.",
            "For %(num)s days; it does not renew itself.",
            days,
        )
    text = "\n".join(
        [
            gettext("Thank you! %(title)s is unlocked.", title=facts["title"]) + " " + lasts,
            "",
            gettext("Paid: %(stars)s", stars=_stars(facts)),
            gettext("When: %(moment)s", moment=_moment(facts["charged_at"])),
            gettext("Payment number: %(number)s", number=facts["charge_id"]),
        ]
    )
    return Message(text, *_way_in(facts))


def _subscribed(facts: dict[str, Any]) -> Message:
    lines = [
        gettext("Thank you! %(title)s is unlocked.", title=facts["title"]),
        gettext(
            "It renews on %(day)s for %(stars)s, and each time after, until you cancel. You can cancel in "
            "the shop at any time, and keep what you have paid for.",
            day=_day(facts["paid_until"]),
            stars=_stars(facts),
        ),
    ]
    for title in facts.get("replaced") or []:
        lines.append(gettext("%(title)s renews no more; it stays open until its paid end.", title=title))
    lines += ["", gettext("Payment number: %(number)s", number=facts["charge_id"])]
    return Message("\n".join(lines), *_way_in(facts))


def _way_in(facts: dict[str, Any]) -> tuple[str, str]:
    """Return a button to what was bought, and where it leads: straight there, if it is one thing."""
    known = openings.current()
    opened = [known[key].destination for key in facts.get("keys") or [] if key in known]
    if len(opened) != 1 or len(facts["keys"]) != 1:
        return gettext("Open it"), f"/products/{facts['slug']}" if facts.get("slug") else "/upgrades"
    if isinstance(opened[0], Chat):  # which is where this is read
        return gettext("My upgrades"), "/upgrades"
    return gettext("Open it"), opened[0].href("")


def _renewed(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "%(title)s is renewed until %(day)s. Paid: %(stars)s. Payment number: %(number)s",
            title=facts["title"],
            day=_day(facts["paid_until"]),
            stars=_stars(facts),
            number=facts["charge_id"],
        ),
        gettext("Manage it"),
        "/upgrades",
    )


def _renewal_stopped(facts: dict[str, Any]) -> Message:
    day = _day(facts["paid_until"])
    if facts.get("by") == "buyer":
        text = gettext(
            "%(title)s is cancelled. It stays open until %(day)s and nothing more is charged. Until then you "
            "can let it renew again.",
            title=facts["title"],
            day=day,
        )
    else:
        text = gettext(
            "%(title)s renews no more. It stays open until %(day)s and nothing more is charged.",
            title=facts["title"],
            day=day,
        )
    return Message(text, gettext("My upgrades"), "/upgrades")


def _renewal_failed(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "Telegram could not renew %(title)s for %(stars)s, perhaps for want of Stars. It stays open "
            "until %(day)s. Telegram sells Stars in Settings, under My Stars; there you can renew it, too.",
            title=facts["title"],
            stars=_stars(facts),
            day=_day(facts["ends_at"]),
        ),
        gettext("My upgrades"),
        "/upgrades",
    )


def _renews_soon(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "%(title)s renews on %(day)s for %(stars)s. If you would rather not, cancel before then.",
            title=facts["title"],
            day=_day(facts["at"]),
            stars=_stars(facts),
        ),
        gettext("Manage it"),
        "/upgrades",
    )


def _plan_ends_soon(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "%(title)s is cancelled and ends on %(day)s. You can have it renewed until then.",
            title=facts["title"],
            day=_day(facts["at"]),
        ),
        gettext("Manage it"),
        "/upgrades",
    )


def _pass_ends_soon(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "%(title)s ends on %(day)s by itself. Buying it again before then adds to its end.",
            title=facts["title"],
            day=_day(facts["at"]),
        ),
        gettext("Open the shop"),
    )


def _sent_back(facts: dict[str, Any]) -> Message:
    why = {
        "AlreadyOwned": gettext("%(title)s was yours already.", title=facts["title"]),
        "AlreadySubscribed": gettext("%(title)s was paid for already.", title=facts["title"]),
        "TrialUsed": gettext("You had the trial of %(title)s before.", title=facts["title"]),
        "OffSale": gettext("%(title)s is no longer sold.", title=facts["title"]),
        "Banned": gettext("This shop does not sell to you at present."),
    }[facts["reason"]]
    goes_back = gettext(
        "So your payment of %(stars)s goes back to you by itself. There is nothing you need to do.",
        stars=_stars(facts),
    )
    return Message(f"{why} {goes_back}", gettext("My purchases"), "/purchases")


def _paid_twice(facts: dict[str, Any]) -> Message:
    # Written by the release before, and perhaps not sent yet.
    return _sent_back({**facts, "reason": "AlreadyOwned"})


def _in_review(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "We received %(stars)s from you, but could not tell what they were for. They are safe: somebody "
            "will look at it and either unlock it or send them back. Payment number: %(number)s",
            stars=_stars(facts),
            number=facts["charge_id"],
        ),
        gettext("My purchases"),
        "/purchases",
    )


def _owner_in_review(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "A payment waits for you: %(stars)s from user %(person)s (%(problem)s). Nothing was unlocked. "
            "Payment number: %(number)s",
            stars=_stars(facts),
            person=str(facts["telegram_id"]),
            problem=facts["problem"],
            number=facts["charge_id"],
        )
    )


def _refunded(facts: dict[str, Any]) -> Message:
    if facts.get("title"):
        text = gettext(
            "%(stars)s for %(title)s are back with you. What this payment had opened is closed again.",
            stars=_stars(facts),
            title=facts["title"],
        )
    else:
        text = gettext("%(stars)s are back with you.", stars=_stars(facts))
    if facts.get("reason"):
        text = f"{text} {gettext('The shop says why: %(reason)s', reason=facts['reason'])}"
    number = gettext("Payment number: %(number)s", number=facts["charge_id"])
    return Message(f"{text}\n\n{number}", gettext("My purchases"), "/purchases")


def _refund_refused(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "Telegram did not give %(stars)s back. What you paid for is open again, and the shop's people "
            "have been told. Payment number: %(number)s",
            stars=_stars(facts),
            number=facts["charge_id"],
        ),
        gettext("My purchases"),
        "/purchases",
    )


def _refund_declined(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "The shop looked at your wish to give %(title)s back, and keeps the %(stars)s: %(reason)s. What "
            "you paid for stays open. If you think this is wrong, send /paysupport. "
            "Payment number: %(number)s",
            title=facts["title"],
            stars=_stars(facts),
            reason=facts["problem"].rstrip("."),
            number=facts["charge_id"],
        ),
        gettext("My purchases"),
        "/purchases",
    )


def _owner_refund_refused(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "Telegram refused to give %(stars)s back to user %(person)s: %(problem)s. Their access is "
            "restored. flask --app webapp refunds list says what you can do. Payment number: %(number)s",
            stars=_stars(facts),
            person=str(facts["telegram_id"]),
            problem=facts["problem"],
            number=facts["charge_id"],
        )
    )


def _owner_foreign_refund(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "%(stars)s went back to user %(person)s without this shop asking for it: by Telegram's support, "
            "by an app store, or by somebody who has the bot's token. Their access is taken back. If you see "
            "more of these, have @BotFather revoke the token. Payment number: %(number)s",
            stars=_stars(facts),
            person=str(facts["telegram_id"]),
            number=facts["charge_id"],
        )
    )


def _owner_set_aside(facts: dict[str, Any]) -> Message:
    return Message(
        ngettext(
            "%(num)s update from Telegram could not be handled within the last hour and is set aside. "
            "Nothing is lost: flask --app webapp inbox list --quarantined shows it.",
            "%(num)s updates from Telegram could not be handled within the last hour and are set aside. "
            "Nothing is lost: flask --app webapp inbox list --quarantined shows them.",
            facts["count"],
        )
    )


def _owner_refunds_unknown(facts: dict[str, Any]) -> Message:
    return Message(
        ngettext(
            "Of %(num)s refund nobody knows for more than an hour whether Telegram carried it out. The bot "
            "goes on asking; flask --app webapp doctor says what is in the way.",
            "Of %(num)s refunds nobody knows for more than an hour whether Telegram carried them out. "
            "The bot goes on asking; flask --app webapp doctor says what is in the way.",
            facts["count"],
        )
    )


def _owner_finding(facts: dict[str, Any]) -> Message:
    """Say what the doctor says, whose words are English."""
    return Message(facts["words"])


def _owner_drift(facts: dict[str, Any]) -> Message:
    return Message(
        ngettext(
            "The shop's books and Telegram's statement differ by %(num)s Star. Find out why before you pay "
            "anything out: flask --app webapp reconcile --full compares them again.",
            "The shop's books and Telegram's statement differ by %(num)s Stars. Find out why before you pay "
            "anything out: flask --app webapp reconcile --full compares them again.",
            facts["count"],
        )
    )


def _support_heard(_facts: dict[str, Any]) -> Message:
    return Message(gettext("This reached the shop's people. Their answer comes here, in this chat."))


def _support_limited(facts: dict[str, Any]) -> Message:
    if facts["is_own"]:
        text = ngettext(
            "That is a lot within one hour, so this message did not reach the shop's people. "
            "Write again in %(num)s minute.",
            "That is a lot within one hour, so this message did not reach the shop's people. "
            "Write again in %(num)s minutes.",
            facts["minutes"],
        )
    else:
        text = ngettext(
            "The shop gets more messages than it can take, so this one did not reach its people. "
            "Write again in %(num)s minute.",
            "The shop gets more messages than it can take, so this one did not reach its people. "
            "Write again in %(num)s minutes.",
            facts["minutes"],
        )
    return Message(text)


def _support_answer(facts: dict[str, Any]) -> Message:
    if facts["part"]:
        return Message(facts["text"])
    heading = gettext("The shop's people answer:")
    return Message(f"{heading}\n\n{facts['text']}" if facts["text"] else heading)


def _owner_support(facts: dict[str, Any]) -> Message:
    # What the person wrote comes last, so that nothing of it can pass for the shop's own words.
    lines = [gettext("%(name)s writes to the shop.", name=_who(facts))]
    for payment in facts.get("payments", ()):
        lines.append(f"• {_payment(payment)}")
    if not facts["part"] and not facts["payments"]:
        lines.append(gettext("No payments so far."))
    if facts["media"]:
        lines.append(gettext("What they sent follows: %(kind)s.", kind=facts["media"]))
    text = "\n".join(lines)
    text = f"{text}\n\n{facts['text']}" if facts["text"] else text
    return Message(text, gettext("Answer"), callback=f"answer:{facts['telegram_id']}")


def _owner_support_prompt(facts: dict[str, Any]) -> Message:
    return Message(
        gettext("Reply to this message: what you write goes to %(name)s.", name=_who(facts)),
        is_to_be_answered=True,
    )


def _owner_unanswered(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "Your answer did not reach %(name)s: they have blocked the bot, or their account is gone. If "
            "they let the bot write to them within three days, they get it then.",
            name=_who(facts),
        )
    )


def _owner_no_addressee(_facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "Nobody got this: what you replied to came from no person. Reply to a message in which "
            "somebody writes to the shop, or tap its button."
        )
    )


def _owner_sale(facts: dict[str, Any]) -> Message:
    sentence = (
        gettext("Renewed: %(title)s by %(name)s, %(stars)s.", **_deal(facts))
        if facts["what"] == "renewed"
        else gettext("Sold: %(title)s to %(name)s, %(stars)s.", **_deal(facts))
    )
    return Message(f"{sentence}\n{_number(facts)}")


def _owner_refunded(facts: dict[str, Any]) -> Message:
    sentence = gettext("Given back: %(stars)s for %(title)s to %(name)s.", **_deal(facts))
    return Message(f"{sentence}\n{_number(facts)}")


def _owner_plan_stopped(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "Cancelled: %(title)s of %(name)s, %(stars)s every 30 days. It stays open until %(day)s.",
            **_deal(facts),
            day=_day(facts["paid_until"]),
        )
    )


def _owner_renewal_failed(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "Not renewed: Telegram could not take %(stars)s for %(title)s from %(name)s. It can still be "
            "paid.",
            **_deal(facts),
        )
    )


def _owner_digest(facts: dict[str, Any]) -> Message:
    counts, stars = Counter(facts["counts"]), Counter(facts["sums"])
    sold = counts["receipt"] + counts["subscribed"]
    sold_for = {"stars": _stars({"stars": stars["receipt"] + stars["subscribed"]})}
    renewed_for, refunded = ({"stars": _stars({"stars": stars[kind]})} for kind in ("renewed", "refunded"))
    cancelled, failed = counts["renewal_stopped"] + counts["renewal_off"], counts["renewal_failed"]
    lines = (
        (sold, ngettext("%(num)s sale, %(stars)s", "%(num)s sales, %(stars)s", sold, **sold_for)),
        (
            counts["renewed"],
            ngettext(
                "%(num)s renewal, %(stars)s", "%(num)s renewals, %(stars)s", counts["renewed"], **renewed_for
            ),
        ),
        (
            counts["refunded"],
            ngettext(
                "%(num)s refund, %(stars)s", "%(num)s refunds, %(stars)s", counts["refunded"], **refunded
            ),
        ),
        (cancelled, ngettext("%(num)s plan cancelled", "%(num)s plans cancelled", cancelled)),
        (failed, ngettext("%(num)s renewal failed", "%(num)s renewals failed", failed)),
    )
    heading = gettext("Since %(moment)s:", moment=_moment(facts["since"]))
    return Message("\n".join([heading, *(f"• {line}" for count, line in lines if count)]))


def _owner_updates_stopped(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "Since %(moment)s no updates arrive from Telegram, so nobody can pay. %(problem)s",
            moment=_moment(facts["since"]),
            problem=facts["problem"],
        )
    )


def _owner_updates_again(_facts: dict[str, Any]) -> Message:
    return Message(gettext("Updates arrive from Telegram again. What was paid meanwhile is looked up."))


def _owner_updates_pile_up(facts: dict[str, Any]) -> Message:
    return Message(
        ngettext(
            "%(num)s update waits at Telegram, more at each look since %(moment)s. "
            "flask --app webapp doctor says what is in the way.",
            "%(num)s updates wait at Telegram, more at each look since %(moment)s. "
            "flask --app webapp doctor says what is in the way.",
            facts["count"],
            moment=_moment(facts["since"]),
        )
    )


def _owner_bot_dead(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "The bot has not been at work since %(moment)s: nobody can pay, and nobody gets an answer. See "
            "that bot.py runs, and read its log.",
            moment=_moment(facts["since"]),
        )
    )


def _owner_bot_back(_facts: dict[str, Any]) -> Message:
    return Message(gettext("The bot is at work again."))


def _news(facts: dict[str, Any]) -> Message:
    text = f"{facts['text']}\n\n{gettext(FOOTER)}"
    if "slug" not in facts:
        return Message(text)
    return Message(text, gettext("Show %(title)s", title=facts["title"]), f"/products/{facts['slug']}")


TOLD = {
    "owner_set_aside": _owner_set_aside,
    "owner_refunds_unknown": _owner_refunds_unknown,
    "owner_drift": _owner_drift,
    "owner_finding": _owner_finding,
    "news": _news,
    "support_heard": _support_heard,
    "support_limited": _support_limited,
    "support_answer": _support_answer,
    "owner_support": _owner_support,
    "owner_support_prompt": _owner_support_prompt,
    "owner_unanswered": _owner_unanswered,
    "owner_no_addressee": _owner_no_addressee,
    "owner_sale": _owner_sale,
    "owner_refunded": _owner_refunded,
    "owner_plan_stopped": _owner_plan_stopped,
    "owner_renewal_failed": _owner_renewal_failed,
    "owner_digest": _owner_digest,
    "owner_updates_stopped": _owner_updates_stopped,
    "owner_updates_again": _owner_updates_again,
    "owner_updates_pile_up": _owner_updates_pile_up,
    "owner_bot_dead": _owner_bot_dead,
    "owner_bot_back": _owner_bot_back,
    "receipt": _receipt,
    "subscribed": _subscribed,
    "renewed": _renewed,
    "renewal_stopped": _renewal_stopped,
    "renewal_failed": _renewal_failed,
    "renews_soon": _renews_soon,
    "plan_ends_soon": _plan_ends_soon,
    "pass_ends_soon": _pass_ends_soon,
    "sent_back": _sent_back,
    "paid_twice": _paid_twice,
    "refund_refused": _refund_refused,
    "refund_declined": _refund_declined,
    "owner_refund_refused": _owner_refund_refused,
    "owner_foreign_refund": _owner_foreign_refund,
    "in_review": _in_review,
    "owner_in_review": _owner_in_review,
    "refunded": _refunded,
}


def _stars(facts: dict[str, Any]) -> str:
    if facts.get("currency", "XTR") != "XTR":
        return f"{facts['stars']} {facts['currency']}"  # its smallest units, as on the receipt
    return str(ngettext("%(num)s Star", "%(num)s Stars", facts["stars"]))


def _who(facts: dict[str, Any]) -> str:
    """Return how an owner knows a person: a name, set apart from what surrounds it, and their id."""
    # Unicode's isolates: a name cannot turn round the words beside it.
    name = f"\u2068{facts['name']}\u2069 " if facts.get("name") else ""
    known = (f"@{facts['username']}" if facts.get("username") else "", str(facts["telegram_id"]))
    return f"{name}({', '.join(one for one in known if one)})"


def _deal(facts: dict[str, Any]) -> dict[str, str]:
    title = facts.get("title") or gettext("a payment")
    return {"title": title, "name": _who(facts), "stars": _stars(facts)}


def _number(facts: dict[str, Any]) -> str:
    return str(gettext("Payment number: %(number)s", number=facts["charge_id"]))


def _payment(facts: dict[str, Any]) -> str:
    sentence = (
        gettext("%(title)s, %(stars)s, %(moment)s, refunded. Payment number: %(number)s")
        if facts["is_refunded"]
        else gettext("%(title)s, %(stars)s, %(moment)s. Payment number: %(number)s")
    )
    return str(
        sentence
        % {
            "title": facts["title"],
            "stars": _stars(facts),
            "moment": _moment(facts["charged_at"]),
            "number": facts["charge_id"],
        }
    )


def _moment(told: str) -> str:
    return moment(datetime.fromisoformat(told))


def _day(told: str) -> str:
    return day(datetime.fromisoformat(told), "long")
