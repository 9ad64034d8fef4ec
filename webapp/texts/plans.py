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
        gettext("Manage plan"),
        "/upgrades",
    )


def renewal_stopped(facts: dict[str, Any]) -> Message:
    day = day_of(facts["paid_until"])
    if facts.get("by") == "buyer":
        text = gettext(
            "%(title)s is cancelled. You keep it until %(day)s and won't be charged again. Until then you "
            "can turn renewal back on.",
            title=facts["title"],
            day=day,
        )
    else:
        text = gettext(
            "%(title)s won't renew. You keep it until %(day)s and won't be charged again.",
            title=facts["title"],
            day=day,
        )
    return Message(text, gettext("My upgrades"), "/upgrades")


def renewal_failed(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "Telegram couldn't renew %(title)s for %(stars)s; you might be short of Stars. You keep it "
            "until %(day)s. Get Stars in Telegram under Settings, My Stars; you can renew it there, too.",
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
            "%(title)s renews on %(day)s for %(stars)s. If you don't want that, cancel before then.",
            title=facts["title"],
            day=day_of(facts["at"]),
            stars=stars_of(facts),
        ),
        gettext("Manage plan"),
        "/upgrades",
    )


def plan_ends_soon(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "%(title)s is cancelled and ends on %(day)s. Until then you can turn renewal back on.",
            title=facts["title"],
            day=day_of(facts["at"]),
        ),
        gettext("Manage plan"),
        "/upgrades",
    )


def pass_ends_soon(facts: dict[str, Any]) -> Message:
    return Message(
        gettext(
            "%(title)s ends on %(day)s and doesn't renew. Buy it again before then to add more time.",
            title=facts["title"],
            day=day_of(facts["at"]),
        ),
        gettext("Open the shop"),
    )
