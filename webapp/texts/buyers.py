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
        text += " " + gettext("The shop's reason: %(reason)s", reason=facts["reason"])
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
