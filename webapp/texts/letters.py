"""What the outbox tells people in the owner's words, and of what they wrote to the owner."""

from typing import Any

from webapp.domain.owner.broadcasts import FOOTER
from webapp.i18n.localize import gettext, ngettext
from webapp.texts.message import Message


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
