"""Why something is open or is not, in plain words: the page and the shell say the same."""

from webapp.domain.access.explanations import Explanation, Step
from webapp.i18n.localize import gettext, moment, ngettext


def verdict(explained: Explanation) -> str:
    """Return what became of an entitlement, or of a payment that opens nothing, as a sentence."""
    if not explained.key:
        words: dict[str, str] = {
            "in_review": gettext("Unlocks nothing yet: the shop is checking what it was for."),
            "suspended": gettext("Unlocks nothing: it is being refunded."),
            "refunded": gettext("Unlocks nothing: it was refunded."),
        }
        return words[explained.verdict]
    until = explained.access.until if explained.access else None
    ends = moment(until) if until else ""
    words = {
        "for_ever": gettext("Unlocked for good."),
        "until": gettext("Unlocked until %(moment)s.", moment=ends),
        "ended": gettext("Locked: it ended on %(moment)s.", moment=ends),
        "suspended": gettext("Locked while a refund is in progress."),
        "refunded": gettext("Locked: what unlocked it was refunded."),
        "revoked": gettext("Locked: the shop revoked it."),
    }
    return words[explained.verdict]


def entry(step: Step) -> str:
    """Return an entry of the ledger as a sentence: what happened, and what it does today."""
    stars = ngettext("%(num)s Star", "%(num)s Stars", abs(step.stars))
    what = step.title or gettext("A payment")
    happened = {
        "suspension": gettext("Refund requested: locked until Telegram answers."),
        "restoration": gettext("Telegram refused the refund: the payment counts again."),
        "refund": gettext("Refunded: %(stars)s.", stars=stars),
        "revocation": gettext("The shop revoked it."),
        "grant": gettext("%(what)s, given by the shop", what=what),
        "charge": gettext("%(what)s, paid with %(stars)s", what=what, stars=stars),
    }[step.kind]
    if step.kind == "grant" and step.cause != "owner" and step.charge_id:
        happened = gettext("%(what)s, extended by Telegram", what=what)
    return f"{happened}: {_does(step)}" if step.kind in {"charge", "grant"} else happened


def _does(step: Step) -> str:
    """Return what an entry that gives something does today."""
    effects: dict[str, str] = {
        "opens": _opens(step),
        "ended": gettext("it has ended."),
        "revoked": gettext("it counted until the shop revoked it."),
        "refunded": gettext("no longer counts: it was refunded."),
        "suspended": gettext("doesn't count while its refund is in progress."),
        "in_review": gettext("we don't know yet what it was for."),
        "unclear": gettext("it wasn't clear at first what it was for."),
    }
    return effects[step.effect]


def _opens(step: Step) -> str:
    if step.paid_until is None and step.pass_days is None:
        return str(gettext("unlocks it for good."))
    if step.paid_until is None:
        return str(ngettext("gives %(num)s day.", "gives %(num)s days.", step.pass_days or 0))
    return str(gettext("unlocks it until %(moment)s", moment=moment(step.paid_until))) + _grace(step)


def _grace(step: Step) -> str:
    if not step.grace_days:
        return "."
    return str(
        ngettext(
            ", and %(num)s day longer if a renewal is late.",
            ", and %(num)s days longer if a renewal is late.",
            step.grace_days,
        )
    )
