"""Why something is open or is not, in plain words: the page and the shell say the same."""

from webapp.domain.access.explanations import Explanation, Step
from webapp.i18n.localize import gettext, moment, ngettext


def verdict(explained: Explanation) -> str:
    """Return what became of an entitlement, or of a payment that opens nothing, as a sentence."""
    if not explained.key:
        words: dict[str, str] = {
            "in_review": gettext("Opens nothing yet: the shop is looking into what it was for."),
            "suspended": gettext("Opens nothing: its Stars are on their way back."),
            "refunded": gettext("Opens nothing: its Stars went back."),
        }
        return words[explained.verdict]
    until = explained.access.until if explained.access else None
    ends = moment(until) if until else ""
    words = {
        "for_ever": gettext("Open for good."),
        "until": gettext("Open until %(moment)s.", moment=ends),
        "ended": gettext("Not open: it ended on %(moment)s.", moment=ends),
        "suspended": gettext("Not open while a refund is under way."),
        "refunded": gettext("Not open: what had opened it was given back."),
        "revoked": gettext("Not open: the shop took it back."),
    }
    return words[explained.verdict]


def entry(step: Step) -> str:
    """Return an entry of the ledger as a sentence: what happened, and what it does today."""
    stars = ngettext("%(num)s Star", "%(num)s Stars", abs(step.stars))
    what = step.title or gettext("A payment")
    happened = {
        "suspension": gettext("A refund was asked for, which closes it until Telegram answers."),
        "restoration": gettext("Telegram refused the refund: the payment counts again."),
        "refund": gettext("%(stars)s went back.", stars=stars),
        "revocation": gettext("The shop took it back."),
        "grant": gettext("%(what)s, given by the shop", what=what),
        "charge": gettext("%(what)s, paid with %(stars)s", what=what, stars=stars),
    }[step.kind]
    if step.kind == "grant" and step.cause != "owner" and step.charge_id:
        happened = gettext("%(what)s, its later end as Telegram told it", what=what)
    return f"{happened}: {_does(step)}" if step.kind in {"charge", "grant"} else happened


def _does(step: Step) -> str:
    """Return what an entry that gives something does today."""
    effects: dict[str, str] = {
        "opens": _opens(step),
        "ended": gettext("its time is over."),
        "revoked": gettext("it counted until the shop took it back."),
        "refunded": gettext("counts no more, since its Stars went back."),
        "suspended": gettext("does not count while its refund is under way."),
        "in_review": gettext("nobody knows yet what it was for."),
        "unclear": gettext("it was not clear at first what it was for."),
    }
    return effects[step.effect]


def _opens(step: Step) -> str:
    if step.paid_until is None and step.pass_days is None:
        return str(gettext("opens it for good."))
    if step.paid_until is None:
        return str(ngettext("gives %(num)s day.", "gives %(num)s days.", step.pass_days or 0))
    return str(gettext("opens it until %(moment)s", moment=moment(step.paid_until))) + _grace(step)


def _grace(step: Step) -> str:
    if not step.grace_days:
        return "."
    return str(
        ngettext(
            ", and %(num)s day longer while a renewal is late.",
            ", and %(num)s days longer while a renewal is late.",
            step.grace_days,
        )
    )
