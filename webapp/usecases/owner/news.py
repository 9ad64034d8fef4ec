"""News to many people, begun and ended early."""

from datetime import datetime
from functools import partial

from webapp import clock
from webapp.db.transactions import run_in_transaction
from webapp.domain.owner import audit, broadcasts
from webapp.domain.owner.audit import Decision
from webapp.domain.owner.broadcasts import BroadcastError, News
from webapp.domain.owner.manual import NotDone


def start_broadcast(news: News, decision: Decision) -> bool:
    """Begin to write news to whom they are for; False when they were begun before.

    :raise NotDone: others went by this name, or nobody and nothing is called as they say
    """
    return run_in_transaction(partial(_start, news, decision, clock.now()))


def stop_broadcast(name: str, decision: Decision) -> None:
    """Let news reach nobody else, those included to whom they are written and not yet sent.

    :raise NotDone: there are none of this name, or they have ended
    """
    run_in_transaction(partial(_stop, name, decision, clock.now()))


def _start(news: News, decision: Decision, now: datetime) -> bool:
    try:
        is_new = broadcasts.start(news, now)
    except BroadcastError as error:
        raise NotDone(str(error)) from error
    if is_new:
        _record(decision, "send", news.name, {"to": news.segment}, now)
    return is_new


def _stop(name: str, decision: Decision, now: datetime) -> None:
    try:
        broadcasts.stop(name, now)
    except BroadcastError as error:
        raise NotDone(str(error)) from error
    _record(decision, "stop", name, {}, now)


def _record(decision: Decision, act: str, name: str, after: dict[str, str], now: datetime) -> None:
    audit.record(decision, act, f"broadcast:{name}", telegram_id=None, before={}, after=after, now=now)
