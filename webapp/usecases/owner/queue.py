"""Updates and signals that wait: tried afresh, or dismissed."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial

from webapp import clock
from webapp.db.transactions import run_in_transaction
from webapp.domain.access import signals
from webapp.domain.access.signals import SignalError
from webapp.domain.owner import audit
from webapp.domain.owner.audit import Decision
from webapp.domain.owner.manual import NotDone
from webapp.domain.queue import dead_letters
from webapp.domain.queue.dead_letters import InboxError


def replay_updates(ids: Sequence[int], decision: Decision) -> None:
    """Try items of the inbox afresh at once, all of them or none.

    :raise NotDone: one is done, was never an update, is named twice, or is not there
    """
    run_in_transaction(partial(_replay, ids, decision, clock.now()))


def dismiss_updates(ids: Sequence[int], decision: Decision) -> None:
    """Be done with items of the inbox that nothing can come of, all of them or none.

    :raise NotDone: one was not set aside, is named twice, or is not there
    """
    run_in_transaction(partial(_dismiss_updates, ids, decision, clock.now()))


def retry_signals(ids: Collection[int] | None, decision: Decision) -> int:
    """Hand signals over again at once, all of them or none, and return how many they are.

    :param ids: None for all there are
    :raise NotDone: one of them does not wait
    """
    return run_in_transaction(partial(_retry, ids, decision, clock.now()))


def dismiss_signals(ids: Collection[int], decision: Decision) -> int:
    """Decide that the plug-in never hears of these signals, all of them or none; return how many they are.

    :raise NotDone: one of them does not wait
    """
    return run_in_transaction(partial(_dismiss_signals, ids, decision, clock.now()))


def _replay(ids: Sequence[int], decision: Decision, now: datetime) -> None:
    try:
        dead_letters.replay(ids, now)
    except InboxError as error:
        raise NotDone(str(error)) from error
    _record_updates("replay", ids, decision, now)


def _dismiss_updates(ids: Sequence[int], decision: Decision, now: datetime) -> None:
    try:
        dead_letters.dismiss(ids, decision.reason.strip(), now)
    except InboxError as error:
        raise NotDone(str(error)) from error
    _record_updates("dismiss", ids, decision, now)


def _record_updates(act: str, ids: Sequence[int], decision: Decision, now: datetime) -> None:
    for item_id in ids:
        person = dead_letters.get(item_id).telegram_id
        audit.record(decision, act, f"update:{item_id}", telegram_id=person, before={}, after={}, now=now)


def _retry(ids: Collection[int] | None, decision: Decision, now: datetime) -> int:
    try:
        count = signals.retry(ids, now)
    except SignalError as error:
        raise NotDone(str(error)) from error
    if count:
        after = {"count": count}
        audit.record(decision, "retry", "signals", telegram_id=None, before={}, after=after, now=now)
    return count


def _dismiss_signals(ids: Collection[int], decision: Decision, now: datetime) -> int:
    try:
        dismissed = signals.dismiss(ids)
    except SignalError as error:
        raise NotDone(str(error)) from error
    for signal in dismissed:
        target = f"signal:{signal.dedupe_key}"[: audit.LONGEST_TARGET]
        person = signal.telegram_id
        audit.record(decision, "dismiss", target, telegram_id=person, before={}, after={}, now=now)
    return len(dismissed)
