"""What the texts say of payments and people."""

from datetime import datetime
from typing import Any

from webapp.i18n.localize import day, gettext, moment, ngettext


def stars_of(facts: dict[str, Any]) -> str:
    if facts.get("currency", "XTR") != "XTR":
        return f"{facts['stars']} {facts['currency']}"  # its smallest units, as on the receipt
    return str(ngettext("%(num)s Star", "%(num)s Stars", facts["stars"]))


def name_of(facts: dict[str, Any]) -> str:
    """Return how an owner knows a person: a name, set apart from what surrounds it, and their id."""
    # Unicode's isolates: a name cannot turn round the words beside it.
    name = f"\u2068{facts['name']}\u2069 " if facts.get("name") else ""
    known = (f"@{facts['username']}" if facts.get("username") else "", str(facts["telegram_id"]))
    return f"{name}({', '.join(one for one in known if one)})"


def deal_of(facts: dict[str, Any]) -> dict[str, str]:
    title = facts.get("title") or gettext("a payment")
    return {"title": title, "name": name_of(facts), "stars": stars_of(facts)}


def payment_number(facts: dict[str, Any]) -> str:
    return str(gettext("Payment number: %(number)s", number=facts["charge_id"]))


def payment_line(facts: dict[str, Any]) -> str:
    sentence = (
        gettext("%(title)s, %(stars)s, %(moment)s, refunded. Payment number: %(number)s")
        if facts["is_refunded"]
        else gettext("%(title)s, %(stars)s, %(moment)s. Payment number: %(number)s")
    )
    return str(
        sentence
        % {
            "title": facts["title"],
            "stars": stars_of(facts),
            "moment": moment_of(facts["charged_at"]),
            "number": facts["charge_id"],
        }
    )


def moment_of(told: str) -> str:
    return moment(datetime.fromisoformat(told))


def day_of(told: str) -> str:
    return day(datetime.fromisoformat(told), "long")
