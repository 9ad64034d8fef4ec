"""What the outbox tells buyers."""

from typing import Any

from flask_babel import gettext, ngettext

from webapp.domain.owner.broadcasts import FOOTER
from webapp.shop import openings
from webapp.shop.openings import Chat
from webapp.texts.facts import day_of, moment_of, stars_of
from webapp.texts.message import Message


def receipt(facts: dict[str, Any]) -> Message:
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
            gettext("Paid: %(stars)s", stars=stars_of(facts)),
            gettext("When: %(moment)s", moment=moment_of(facts["charged_at"])),
            gettext("Payment number: %(number)s", number=facts["charge_id"]),
        ]
    )
    return Message(text, *_way_in(facts))


def subscribed(facts: dict[str, Any]) -> Message:
    lines = [
        gettext("Thank you! %(title)s is unlocked.", title=facts["title"]),
        gettext(
            "It renews on %(day)s for %(stars)s, and each time after, until you cancel. You can cancel in "
            "the shop at any time, and keep what you have paid for.",
            day=day_of(facts["paid_until"]),
            stars=stars_of(facts),
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


def renewed(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "%(title)s is renewed until %(day)s. Paid: %(stars)s. Payment number: %(number)s",
            title=facts["title"],
            day=day_of(facts["paid_until"]),
            stars=stars_of(facts),
            number=facts["charge_id"],
        ),
        gettext("Manage it"),
        "/upgrades",
    )


def renewal_stopped(facts: dict[str, Any]) -> Message:
    day = day_of(facts["paid_until"])
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


def renewal_failed(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "Telegram could not renew %(title)s for %(stars)s, perhaps for want of Stars. It stays open "
            "until %(day)s. Telegram sells Stars in Settings, under My Stars; there you can renew it, too.",
            title=facts["title"],
            stars=stars_of(facts),
            day=day_of(facts["ends_at"]),
        ),
        gettext("My upgrades"),
        "/upgrades",
    )


def renews_soon(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "%(title)s renews on %(day)s for %(stars)s. If you would rather not, cancel before then.",
            title=facts["title"],
            day=day_of(facts["at"]),
            stars=stars_of(facts),
        ),
        gettext("Manage it"),
        "/upgrades",
    )


def plan_ends_soon(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "%(title)s is cancelled and ends on %(day)s. You can have it renewed until then.",
            title=facts["title"],
            day=day_of(facts["at"]),
        ),
        gettext("Manage it"),
        "/upgrades",
    )


def pass_ends_soon(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "%(title)s ends on %(day)s by itself. Buying it again before then adds to its end.",
            title=facts["title"],
            day=day_of(facts["at"]),
        ),
        gettext("Open the shop"),
    )


def sent_back(facts: dict[str, Any]) -> Message:
    why = {
        "AlreadyOwned": gettext("%(title)s was yours already.", title=facts["title"]),
        "AlreadySubscribed": gettext("%(title)s was paid for already.", title=facts["title"]),
        "TrialUsed": gettext("You had the trial of %(title)s before.", title=facts["title"]),
        "OffSale": gettext("%(title)s is no longer sold.", title=facts["title"]),
        "Banned": gettext("This shop does not sell to you at present."),
    }[facts["reason"]]
    goes_back = gettext(
        "So your payment of %(stars)s goes back to you by itself. There is nothing you need to do.",
        stars=stars_of(facts),
    )
    return Message(f"{why} {goes_back}", gettext("My purchases"), "/purchases")


def paid_twice(facts: dict[str, Any]) -> Message:
    # Written by the release before, and perhaps not sent yet.
    return sent_back({**facts, "reason": "AlreadyOwned"})


def in_review(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "We received %(stars)s from you, but could not tell what they were for. They are safe: somebody "
            "will look at it and either unlock it or send them back. Payment number: %(number)s",
            stars=stars_of(facts),
            number=facts["charge_id"],
        ),
        gettext("My purchases"),
        "/purchases",
    )


def refunded(facts: dict[str, Any]) -> Message:
    if facts.get("title"):
        text = gettext(
            "%(stars)s for %(title)s are back with you. What this payment had opened is closed again.",
            stars=stars_of(facts),
            title=facts["title"],
        )
    else:
        text = gettext("%(stars)s are back with you.", stars=stars_of(facts))
    if facts.get("reason"):
        text = f"{text} {gettext('The shop says why: %(reason)s', reason=facts['reason'])}"
    number = gettext("Payment number: %(number)s", number=facts["charge_id"])
    return Message(f"{text}\n\n{number}", gettext("My purchases"), "/purchases")


def refund_refused(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "Telegram did not give %(stars)s back. What you paid for is open again, and the shop's people "
            "have been told. Payment number: %(number)s",
            stars=stars_of(facts),
            number=facts["charge_id"],
        ),
        gettext("My purchases"),
        "/purchases",
    )


def refund_declined(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "The shop looked at your wish to give %(title)s back, and keeps the %(stars)s: %(reason)s. What "
            "you paid for stays open. If you think this is wrong, send /paysupport. "
            "Payment number: %(number)s",
            title=facts["title"],
            stars=stars_of(facts),
            reason=facts["problem"].rstrip("."),
            number=facts["charge_id"],
        ),
        gettext("My purchases"),
        "/purchases",
    )


def support_heard(_facts: dict[str, Any]) -> Message:
    return Message(gettext("This reached the shop's people. Their answer comes here, in this chat."))


def support_limited(facts: dict[str, Any]) -> Message:
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


def support_answer(facts: dict[str, Any]) -> Message:
    if facts["part"]:
        return Message(facts["text"])
    heading = gettext("The shop's people answer:")
    return Message(f"{heading}\n\n{facts['text']}" if facts["text"] else heading)


def news(facts: dict[str, Any]) -> Message:
    text = f"{facts['text']}\n\n{gettext(FOOTER)}"
    if "slug" not in facts:
        return Message(text)
    return Message(text, gettext("Show %(title)s", title=facts["title"]), f"/products/{facts['slug']}")
