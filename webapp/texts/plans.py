"""What the outbox tells buyers of plans and passes that go on or end."""

from typing import Any

from webapp.i18n.localize import gettext
from webapp.texts.facts import day_of, stars_of
from webapp.texts.message import Message


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
