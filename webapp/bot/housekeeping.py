"""What is cleaned up, and what the owners hear of the shop's health, once a minute."""

import logging
from datetime import datetime

from webapp.bot_api.client import BotApiError
from webapp.config import HEALTH, Config
from webapp.db.transactions import transaction
from webapp.domain.owner import alarms, shops
from webapp.domain.people import logouts, rate_limits, retired_secrets, sign_in_codes
from webapp.domain.queue import outbox
from webapp.domain.sales import orders
from webapp.ops.doctor import database, telegram, work
from webapp.usecases.context import Context

log = logging.getLogger(__name__)


def clean_up(config: Config, now: datetime) -> None:
    """Close what has expired, and drop what nobody asks for any more."""
    with transaction():
        orders.close_expired(now)
        rate_limits.sweep(now)
        logouts.sweep(now)
        sign_in_codes.sweep(now)
        retired_secrets.note(config.previous_webhook_secret, now)


def look_after(context: Context, now: datetime) -> bool:
    """Tell the owners what is wrong, and return whether updates arrive again after they did not."""
    problem, pending = _deliveries(context, now)
    if problem:
        log.error("updates do not arrive: %s", problem)
    _mind_the_clock(context)
    with transaction():
        problem_before = _note_delivery(context.config, problem, pending, now)
        alarms.send_alarms(context.config.owner_chats, now)
        _warn(context.config, now)
    return bool(problem_before and not problem)


def _deliveries(context: Context, now: datetime) -> tuple[str | None, int | None]:
    """Return what is wrong with deliveries, and how many updates wait at Telegram."""
    # Asked while polling, too: a webhook that another program set keeps every poll away.
    try:
        info = context.client.call("getWebhookInfo")
    except BotApiError as error:
        return f"Telegram cannot be asked: {error.description}", None
    return telegram.delivery_problem(info, context.config, now), int(info.get("pending_update_count", 0))


def _mind_the_clock(context: Context) -> None:
    skew_seconds = context.client.clock_skew_seconds
    finding = telegram.clock(skew_seconds, context.config)
    if skew_seconds is not None and not finding.is_well:
        log.error("%s", finding.words, extra={"event": "clock_off"})


def _note_delivery(config: Config, problem: str | None, pending: int | None, now: datetime) -> str | None:
    """Remember how deliveries stand, tell the owners of it, and return what was wrong before."""
    _, problem_before = shops.delivery()
    failing_before = shops.failing_since()
    seen = shops.note_delivery(problem, now, pending=pending)
    if HEALTH in config.owner_notices:
        alarms.watch_delivery(config.owner_chats, failing_before, seen, now)
    return problem_before


def _warn(config: Config, now: datetime) -> None:
    """Tell the owners once a week, in the doctor's words, of what else nobody would see in time.

    Purchases may be lost with a disk, and a plug-in may have heard nothing for an hour.
    """
    for finding in (*database.lasting(config), *work.lasting(now)):
        facts, about = {"words": finding.words}, f"{finding.name}:{now:%G-W%V}"
        outbox.tell_owners(config.owner_chats, "owner_finding", facts, about=about, now=now)
