"""Whether the shop's work gets done."""

import random
from datetime import datetime, timedelta

from webapp.config import Config
from webapp.domain.access import entitlements, signals
from webapp.domain.owner import shops, statistics
from webapp.domain.people import retired_secrets
from webapp.domain.people.keys import KeyRing
from webapp.domain.queue import dead_letters, inbox, leases, outbox
from webapp.domain.sales import subscriptions
from webapp.ops.doctor.findings import Finding, ok, problem, warning

STATEMENT_PROBLEM = timedelta(minutes=15)
INBOX_WARNING_SECONDS = 60
INBOX_PROBLEM_SECONDS = 360  # one reconciliation and a little: whatever happened once is over by then
PEOPLE_SAMPLED = 100
LASTING = timedelta(hours=1)
# Kinds that no money hangs on.
HARMLESS = frozenset({"message", "callback_query", "my_chat_member", inbox.PRE_CHECKOUT, inbox.UNREADABLE})


def examine(config: Config, now: datetime) -> list[Finding]:
    """Return how the shop's work stands."""
    waiting = statistics.waiting(now)
    return [
        bot(now),
        _poller(config, now),
        _statement(now),
        _books(waiting["statement_drift_stars"]),
        _inbox(waiting["inbox_oldest_seconds"]),
        _set_aside(),
        _owners_chats(config),
        _quarantine(waiting["charges_quarantined"]),
        _plans(config, now),
        _webhook_secret(config, now),
        _refunds(waiting["refunds_unknown"]),
        _signals(now),
        _entitlements(),
    ]


def bot(now: datetime) -> Finding:
    """Tell whether a bot process is at work, by the duties it holds."""
    if leases.holders(now):
        return ok("bot", "A bot process is running.")
    return problem("bot", "No bot process is running.", "Start bot.py.")


def lasting(now: datetime) -> list[Finding]:
    """Return what is wrong with signals, if it has been for an hour: a hiccup is over by then."""
    since = signals.failing_since()
    return [_signals(now)] if since and since < now - LASTING else []


def delivery() -> Finding:
    """Tell whether updates arrive, as the bot process saw it last."""
    checked_at, told = shops.delivery()
    if not told or checked_at is None:
        return ok("delivery", "The bot process sees nothing blocking updates.")
    return problem("delivery", f"Updates don't arrive, the bot found at {checked_at:%H:%M} UTC.", told)


def _owners_chats(config: Config) -> Finding:
    refused = {chat: why for chat in config.owner_chats if (why := outbox.refusal(chat))}
    if not refused:
        return ok("owners' chats", "The bot can write to every owner.")
    told = ", ".join(f"{chat} ({why})" for chat, why in refused.items())
    return problem(
        "owners' chats",
        f"Telegram rejects the bot's messages to {told}.",
        "Ask that person to open the bot's chat and press Start, or add the bot to the group.",
    )


def _poller(config: Config, now: datetime) -> Finding:
    # A program elsewhere that polls with this token cannot be seen from here without cutting off its poll.
    if config.bot_mode != "polling" or not leases.holders(now):
        return ok("poller", "Nothing needs to poll.")
    if leases.is_held(leases.POLLING, now):
        return ok("poller", "One bot process polls; any others stand by.")
    return problem(
        "poller",
        "Bot processes are running, but none of them polls.",
        "Restart the bot: it runs an earlier release, or was started with another BOT_MODE.",
    )


def _statement(now: datetime) -> Finding:
    reconciled_at = shops.reconciled_at()
    if reconciled_at and now - reconciled_at <= STATEMENT_PROBLEM:
        return ok("statement", "It was compared with the ledger recently.")
    when = f"since {reconciled_at:%Y-%m-%d %H:%M} UTC" if reconciled_at else "yet"
    return problem(
        "statement",
        f"The ledger hasn't been compared with Telegram's statement {when}.",
        "Check that bot.py is running and read its log, or run flask --app webapp reconcile.",
    )


def _books(drift_stars: float) -> Finding:
    if not drift_stars:
        return ok("books", "They match the statement.")
    return problem(
        "books",
        f"They show {abs(drift_stars):.0f} Stars {'more' if drift_stars > 0 else 'less'} than the statement.",
        "Compare the charges with Telegram's list of transactions: one was made up or changed.",
    )


def _inbox(oldest_seconds: float) -> Finding:
    if oldest_seconds <= INBOX_WARNING_SECONDS:
        return ok("inbox", "Nothing waits long.")
    judged = problem if oldest_seconds > INBOX_PROBLEM_SECONDS else warning
    return judged(
        "inbox",
        f"The oldest update has waited for {oldest_seconds / 60:.0f} minutes.",
        "flask --app webapp inbox list shows it and what went wrong; check that bot.py is running.",
    )


def _set_aside() -> Finding:
    counts = dead_letters.kinds()
    if not counts:
        return ok("set aside", "No update is quarantined.")
    judged = warning if counts.keys() <= HARMLESS else problem
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    return judged(
        "set aside",
        f"Updates are quarantined ({kinds}).",
        "flask --app webapp inbox list --quarantined says why; fix that, then retry them with inbox replay.",
    )


def _quarantine(count: float) -> Finding:
    if not count:
        return ok("quarantine", "Every payment was understood, or is settled.")
    return problem(
        "quarantine",
        f"{count:.0f} payments were not understood and are waiting for you.",
        "flask --app webapp quarantine list shows them; grant gives what was paid for, refund returns it.",
    )


def _plans(config: Config, now: datetime) -> Finding:
    lost = subscriptions.unreadable(KeyRing.of(config.secret_key, config.previous_secret_keys), now)
    if not lost:
        return ok("plans", "Every plan that renews can be understood.")
    return problem(
        "plans",
        f"{lost} plans started under a SECRET_KEY that is gone: their renewals would be quarantined.",
        "Put the old key into SECRET_KEY_PREVIOUS, and leave it there as long as such a plan runs. It only "
        "opens invoice payloads: nobody can sign in with it, even if it leaked.",
    )


def _webhook_secret(config: Config, now: datetime) -> Finding:
    previous = config.previous_webhook_secret
    end = retired_secrets.ends_at(previous) if previous else None
    if end is None or now < end:
        return ok("webhook secret", "No replaced secret is left over.")
    return warning(
        "webhook secret",
        f"WEBHOOK_SECRET_PREVIOUS expired at {end:%Y-%m-%d %H:%M} UTC and no longer opens anything.",
        "Remove WEBHOOK_SECRET_PREVIOUS from the settings.",
    )


def _refunds(unknown: float) -> Finding:
    if not unknown:
        return ok("refunds", "Telegram has answered every refund.")
    return warning(
        "refunds",
        f"Refunds that Telegram hasn't confirmed yet: {unknown:.0f}.",
        "The bot keeps asking until it knows; access stays suspended. Check that bot.py is running.",
    )


def _signals(now: datetime) -> Finding:
    backlogs = signals.backlogs(now)
    if not backlogs:
        return ok("signals", "The plug-in has received every signal.")
    judged = problem if any(one.is_given_up for one in backlogs) else warning
    since = min(one.since for one in backlogs)
    return judged(
        "signals",
        f"The plug-in hasn't taken signals since {since:%Y-%m-%d %H:%M} UTC: "
        f"{', '.join(map(_backlog, backlogs))}.",
        "Fix plugin.py and restart the bot; then run flask --app webapp signals retry --all. signals list "
        "shows each one, and signals dismiss removes what the plug-in doesn't need to hear of.",
    )


def _backlog(backlog: signals.Backlog) -> str:
    if backlog.name not in signals.listened():
        why = "nothing receives it any more"
    else:
        why = backlog.error or "no bot process hands it over"
    given_up = ", given up" if backlog.is_given_up else ""
    return f"{backlog.count} {backlog.name} ({why}{given_up})"


def _entitlements() -> Finding:
    people = entitlements.sample(PEOPLE_SAMPLED, place=random.random())  # noqa: S311 - any will do
    wrong = entitlements.differences(people)
    # Somebody may have paid between the two looks.
    wrong = entitlements.differences({telegram_id for telegram_id, _key in wrong}) if wrong else []
    if not wrong:
        return ok("entitlements", f"They match the ledger ({len(people)} people checked).")
    return problem(
        "entitlements",
        f"{len(wrong)} entitlements don't match the ledger.",
        "flask --app webapp entitlements rebuild rewrites them; with --check it only names them.",
    )
