"""What the outbox tells buyers of payments: receipts, and Stars that go back."""

from typing import Any

from webapp.i18n.localize import gettext, ngettext
from webapp.shop import openings
from webapp.shop.destinations import Chat
from webapp.texts.facts import day_of, moment_of, stars_of
from webapp.texts.message import Message


def receipt(facts: dict[str, Any]) -> Message:
    days = facts.get("pass_days")
    lasts = gettext("Yours for good.")
    if days:
        lasts = ngettext(
            "For %(num)s day, no auto-renewal.",
            "For %(num)s days, no auto-renewal.",
            days,
        )
    text = "\n".join(
        [
            gettext("Thanks! %(title)s is unlocked.", title=facts["title"]) + " " + lasts,
            "",
            gettext("Paid: %(stars)s", stars=stars_of(facts)),
            gettext("Date: %(moment)s", moment=moment_of(facts["charged_at"])),
            gettext("Payment number: %(number)s", number=facts["charge_id"]),
        ]
    )
    return Message(text, *_way_in(facts))


def subscribed(facts: dict[str, Any]) -> Message:
    lines = [
        gettext("Thanks! %(title)s is unlocked.", title=facts["title"]),
        gettext(
            "It renews on %(day)s for %(stars)s, then every 30 days until you cancel. You can cancel in the "
            "shop anytime and keep what you've paid for.",
            day=day_of(facts["paid_until"]),
            stars=stars_of(facts),
        ),
    ]
    for title in facts.get("replaced") or []:
        lines.append(
            gettext("%(title)s won't renew. You keep it until the end of what you've paid for.", title=title)
        )
    lines += ["", gettext("Payment number: %(number)s", number=facts["charge_id"])]
    return Message("\n".join(lines), *_way_in(facts))


def _way_in(facts: dict[str, Any]) -> tuple[str, str]:
    """Return a button to what was bought, and where it leads: straight there, if it is one thing."""
    known = openings.current()
    opened = [known[key].destination for key in facts.get("keys") or [] if key in known]
    if len(opened) != 1 or len(facts["keys"]) != 1:
        return gettext("Open"), f"/products/{facts['slug']}" if facts.get("slug") else "/upgrades"
    if isinstance(opened[0], Chat):  # which is where this is read
        return gettext("My upgrades"), "/upgrades"
    return gettext("Open"), opened[0].href("")


def sent_back(facts: dict[str, Any]) -> Message:
    why = {
        "AlreadyOwned": gettext("%(title)s was already yours.", title=facts["title"]),
        "AlreadySubscribed": gettext("%(title)s was already paid for.", title=facts["title"]),
        "TrialUsed": gettext("You've already had the trial of %(title)s.", title=facts["title"]),
        "OffSale": gettext("%(title)s is no longer sold.", title=facts["title"]),
        "Banned": gettext("You can't buy in this shop right now."),
    }[facts["reason"]]
    goes_back = gettext(
        "Your payment of %(stars)s is refunded automatically. You don't need to do anything.",
        stars=stars_of(facts),
    )
    return Message(f"{why} {goes_back}", gettext("My purchases"), "/purchases")


def paid_twice(facts: dict[str, Any]) -> Message:
    # Written by the release before, and perhaps not sent yet.
    return sent_back({**facts, "reason": "AlreadyOwned"})


def in_review(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "We received %(stars)s from you but couldn't tell what for. Your payment is safe: someone will "
            "look at it and either unlock what it was for or refund it. Payment number: %(number)s",
            stars=stars_of(facts),
            number=facts["charge_id"],
        ),
        gettext("My purchases"),
        "/purchases",
    )


def refunded(facts: dict[str, Any]) -> Message:
    if facts.get("title"):
        text = gettext(
            "Refunded: %(stars)s for %(title)s. Access from this payment has ended.",
            stars=stars_of(facts),
            title=facts["title"],
        )
    else:
        text = gettext("Refunded: %(stars)s.", stars=stars_of(facts))
    if facts.get("reason"):
        text += " " + gettext("The shop's reason: %(reason)s", reason=facts["reason"])
    number = gettext("Payment number: %(number)s", number=facts["charge_id"])
    return Message(f"{text}\n\n{number}", gettext("My purchases"), "/purchases")


def refund_refused(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "Telegram refused to refund %(stars)s. You have what you paid for again, and the shop's team "
            "has been told. Payment number: %(number)s",
            stars=stars_of(facts),
            number=facts["charge_id"],
        ),
        gettext("My purchases"),
        "/purchases",
    )


def refund_declined(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "The shop looked at your refund request for %(title)s (%(stars)s) and declined it: %(reason)s. "
            "You keep what you paid for. If you think this is wrong, send /paysupport. Payment number: "
            "%(number)s",
            title=facts["title"],
            stars=stars_of(facts),
            reason=facts["problem"].rstrip("."),
            number=facts["charge_id"],
        ),
        gettext("My purchases"),
        "/purchases",
    )
