"""What the outbox tells owners."""

from collections import Counter
from typing import Any

from webapp.i18n.localize import gettext, ngettext
from webapp.texts.facts import day_of, deal_of, moment_of, name_of, payment_line, payment_number, stars_of
from webapp.texts.message import Message


def owner_in_review(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "A payment needs you: %(stars)s from user %(person)s (%(problem)s). Nothing was unlocked. "
            "Payment number: %(number)s",
            stars=stars_of(facts),
            person=str(facts["telegram_id"]),
            problem=facts["problem"],
            number=facts["charge_id"],
        )
    )


def owner_refund_refused(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "Telegram refused to refund %(stars)s to user %(person)s: %(problem)s. They have access again. "
            "flask --app webapp refunds list says what you can do. Payment number: %(number)s",
            stars=stars_of(facts),
            person=str(facts["telegram_id"]),
            problem=facts["problem"],
            number=facts["charge_id"],
        )
    )


def owner_foreign_refund(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "%(stars)s went back to user %(person)s without this shop asking for it: through Telegram's "
            "support, an app store, or someone who has the bot's token. Their access is revoked. If you see "
            "more of these, revoke the token with @BotFather. Payment number: %(number)s",
            stars=stars_of(facts),
            person=str(facts["telegram_id"]),
            number=facts["charge_id"],
        )
    )


def owner_set_aside(facts: dict[str, Any]) -> Message:
    return Message(
        ngettext(
            "%(num)s update from Telegram couldn't be handled in the last hour and is quarantined. Nothing "
            "is lost: flask --app webapp inbox list --quarantined shows it.",
            "%(num)s updates from Telegram couldn't be handled in the last hour and are quarantined. "
            "Nothing is lost: flask --app webapp inbox list --quarantined shows them.",
            facts["count"],
        )
    )


def owner_refunds_unknown(facts: dict[str, Any]) -> Message:
    return Message(
        ngettext(
            "Telegram hasn't confirmed %(num)s refund for more than an hour. The bot keeps asking; flask "
            "--app webapp doctor says what is in the way.",
            "Telegram hasn't confirmed %(num)s refunds for more than an hour. The bot keeps asking; flask "
            "--app webapp doctor says what is in the way.",
            facts["count"],
        )
    )


def owner_finding(facts: dict[str, Any]) -> Message:
    """Say what the doctor says, whose words are English."""
    return Message(facts["words"])


def owner_drift(facts: dict[str, Any]) -> Message:
    return Message(
        ngettext(
            "The shop's books and Telegram's statement differ by %(num)s Star. Find out why before you pay "
            "anything out: flask --app webapp reconcile --full compares them again.",
            "The shop's books and Telegram's statement differ by %(num)s Stars. Find out why before you pay "
            "anything out: flask --app webapp reconcile --full compares them again.",
            facts["count"],
        )
    )


def owner_support(facts: dict[str, Any]) -> Message:
    # What the person wrote comes last, so that nothing of it can pass for the shop's own words.
    lines = [gettext("%(name)s wrote to the shop.", name=name_of(facts))]
    for payment in facts.get("payments", ()):
        lines.append(f"• {payment_line(payment)}")
    if not facts["part"] and not facts["payments"]:
        lines.append(gettext("No payments yet."))
    if facts["media"]:
        lines.append(gettext("Their message follows: %(kind)s.", kind=facts["media"]))
    text = "\n".join(lines)
    text = f"{text}\n\n{facts['text']}" if facts["text"] else text
    return Message(text, gettext("Reply"), callback=f"answer:{facts['telegram_id']}")


def owner_support_prompt(facts: dict[str, Any]) -> Message:
    return Message(
        gettext("Reply to this message: what you write goes to %(name)s.", name=name_of(facts)),
        is_to_be_answered=True,
    )


def owner_unanswered(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "Your answer didn't reach %(name)s: they blocked the bot, or their account is gone. If they let "
            "the bot write to them within three days, they get it then.",
            name=name_of(facts),
        )
    )


def owner_no_addressee(_facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "Nobody got this: the message you replied to didn't come from a person. Reply to a message in "
            "which someone writes to the shop, or tap its button."
        )
    )


def owner_sale(facts: dict[str, Any]) -> Message:
    sentence = (
        gettext("Renewed: %(title)s by %(name)s, %(stars)s.", **deal_of(facts))
        if facts["what"] == "renewed"
        else gettext("Sold: %(title)s to %(name)s, %(stars)s.", **deal_of(facts))
    )
    return Message(f"{sentence}\n{payment_number(facts)}")


def owner_refunded(facts: dict[str, Any]) -> Message:
    sentence = gettext("Refunded: %(stars)s for %(title)s to %(name)s.", **deal_of(facts))
    return Message(f"{sentence}\n{payment_number(facts)}")


def owner_plan_stopped(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "Cancelled: %(title)s by %(name)s, %(stars)s every 30 days. They keep it until %(day)s.",
            **deal_of(facts),
            day=day_of(facts["paid_until"]),
        )
    )


def owner_renewal_failed(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "Not renewed: Telegram couldn't charge %(stars)s for %(title)s to %(name)s. They can still pay.",
            **deal_of(facts),
        )
    )


def owner_digest(facts: dict[str, Any]) -> Message:
    counts, stars = Counter(facts["counts"]), Counter(facts["sums"])
    sold = counts["receipt"] + counts["subscribed"]
    sold_for = {"stars": stars_of({"stars": stars["receipt"] + stars["subscribed"]})}
    renewed_for, refunded = ({"stars": stars_of({"stars": stars[kind]})} for kind in ("renewed", "refunded"))
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
    heading = gettext("Since %(moment)s:", moment=moment_of(facts["since"]))
    return Message("\n".join([heading, *(f"• {line}" for count, line in lines if count)]))


def owner_updates_stopped(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "No updates from Telegram since %(moment)s, so nobody can pay. %(problem)s",
            moment=moment_of(facts["since"]),
            problem=facts["problem"],
        )
    )


def owner_updates_again(_facts: dict[str, Any]) -> Message:
    return Message(gettext("Updates from Telegram arrive again. The bot checks what was paid meanwhile."))


def owner_updates_pile_up(facts: dict[str, Any]) -> Message:
    return Message(
        ngettext(
            "%(num)s update is waiting at Telegram, more at each look since %(moment)s. flask --app webapp "
            "doctor says what is in the way.",
            "%(num)s updates are waiting at Telegram, more at each look since %(moment)s. flask --app "
            "webapp doctor says what is in the way.",
            facts["count"],
            moment=moment_of(facts["since"]),
        )
    )


def owner_bot_dead(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "The bot hasn't run since %(moment)s: nobody can pay, and nobody gets an answer. Check that "
            "bot.py is running, and read its log.",
            moment=moment_of(facts["since"]),
        )
    )


def owner_bot_back(_facts: dict[str, Any]) -> Message:
    return Message(gettext("The bot is running again."))
