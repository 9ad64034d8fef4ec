"""What the outbox tells people in the owner's words, and of what they wrote to the owner."""

from typing import Any

from webapp.domain.owner.broadcasts import FOOTER
from webapp.i18n.localize import gettext, ngettext
from webapp.texts.message import Message


def support_heard(_facts: dict[str, Any]) -> Message:
    return Message(gettext("Your message reached the shop's team. They answer here, in this chat."))


def support_limited(facts: dict[str, Any]) -> Message:
    if facts["is_own"]:
        text = ngettext(
            "That's a lot for one hour, so this message didn't reach the shop's team. Write again in "
            "%(num)s minute.",
            "That's a lot for one hour, so this message didn't reach the shop's team. Write again in "
            "%(num)s minutes.",
            facts["minutes"],
        )
    else:
        text = ngettext(
            "The shop is getting more messages than it can handle, so this one didn't reach its team. Write "
            "again in %(num)s minute.",
            "The shop is getting more messages than it can handle, so this one didn't reach its team. Write "
            "again in %(num)s minutes.",
            facts["minutes"],
        )
    return Message(text)


def support_answer(facts: dict[str, Any]) -> Message:
    if facts["part"]:
        return Message(facts["text"])
    heading = gettext("The shop's answer:")
    return Message(f"{heading}\n\n{facts['text']}" if facts["text"] else heading)


def news(facts: dict[str, Any]) -> Message:
    text = f"{facts['text']}\n\n{gettext(FOOTER)}"
    if "slug" not in facts:
        return Message(text)
    return Message(text, gettext("Show %(title)s", title=facts["title"]), f"/products/{facts['slug']}")
