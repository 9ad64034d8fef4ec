"""The one door for what an owner decides: it is carried out and its audit row is written, or neither is.

The shell comes through here, and so will whatever else an owner acts by. What stays true whoever asks,
the domain decides; here stands what every decision has in common.
"""

from collections.abc import Collection
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

from webapp import clock
from webapp.db.models import Refund, User
from webapp.db.transactions import run_in_transaction
from webapp.domain.access import entitlements, signals
from webapp.domain.access.signals import SignalError
from webapp.domain.owner import audit, forgetting, manual, withdrawals
from webapp.domain.owner.audit import Decision
from webapp.domain.owner.manual import NotDone
from webapp.domain.people import users
from webapp.domain.sales import charges, refunds, rejected_refunds
from webapp.domain.sales.rejected_refunds import NotRejected
from webapp.usecases.context import Context
from webapp.usecases.refunds import carry_out


def ban(telegram_id: int, decision: Decision) -> None:
    """Close the shop to a person: what they bought stays theirs on the ledger, and their plans end.

    :raise NotDone: nobody of this id was ever here, or they are banned already
    """
    run_in_transaction(partial(_ban, telegram_id, decision, clock.now()))


def unban(telegram_id: int, decision: Decision) -> None:
    """Let a person in again, to all that they have; plans that were stopped stay stopped.

    :raise NotDone: nobody of this id was ever here, or they are not banned
    """
    run_in_transaction(partial(_unban, telegram_id, decision, clock.now()))


def grant(telegram_id: int, key: str, days: int | None, decision: Decision) -> datetime | None:
    """Give a person what a key opens, and return until when it is open; None: for good.

    :raise NotDone: no product ever gave this key
    """
    return run_in_transaction(partial(_give, "grant", telegram_id, key, days, decision, clock.now()))


def extend(telegram_id: int, key: str, days: int, decision: Decision) -> datetime | None:
    """Add days to the end of what is open to a person, and return the new end.

    :raise NotDone: it is not open, or it has no end
    """
    return run_in_transaction(partial(_give, "extend", telegram_id, key, days, decision, clock.now()))


def revoke(telegram_id: int, key: str, decision: Decision) -> list[str]:
    """Take what a key opens from a person, and return the charges and grants that gave it.

    No Stars go back by this: see :func:`refund`.

    :raise NotDone: nothing gives it to them
    """
    return run_in_transaction(partial(_revoke, telegram_id, key, decision, clock.now()))


def refund(context: Context, charge_id: str, decision: Decision) -> Refund:
    """Give a charge back at Telegram, or write down that it has to be asked again.

    :return: the refund; its status is done, refused or unknown
    :raise ChargeNotFound: Telegram never told us of such a charge
    """
    wanted = run_in_transaction(partial(_want_back, charge_id, decision, clock.now()))
    return wanted if wanted.done_at else carry_out(context, wanted)


def decline_refund(charge_id: str, decision: Decision) -> Refund:
    """Keep what Telegram refused to give back, for good; the buyer is told why.

    :raise NotDone: Telegram refused no refund of this charge, or it is decided already
    """
    return run_in_transaction(partial(_decline, charge_id, decision, clock.now()))


def dismiss_signals(ids: Collection[int], decision: Decision) -> int:
    """Decide that the plug-in never hears of these signals, all of them or none; return how many they are.

    :raise NotDone: one of them does not wait
    """
    return run_in_transaction(partial(_dismiss, ids, decision, clock.now()))


def forget(telegram_id: int, decision: Decision) -> None:
    """Delete who a person is and what they wrote; what they paid stays under their bare id.

    :raise NotDone: nothing of them is known but that id
    """
    run_in_transaction(partial(_forget, telegram_id, decision, clock.now()))


def _ban(telegram_id: int, decision: Decision, now: datetime) -> None:
    user = _known(telegram_id)
    if user.banned_at:
        raise NotDone(f"{telegram_id} is banned since {user.banned_at:%Y-%m-%d}.")
    withdrawals.ban(telegram_id, now)
    _record(decision, "ban", telegram_id, {"banned_at": None}, {"banned_at": now.isoformat()}, now)


def _unban(telegram_id: int, decision: Decision, now: datetime) -> None:
    user = _known(telegram_id)
    if not user.banned_at:
        raise NotDone(f"{telegram_id} is not banned.")
    before = {"banned_at": user.banned_at.isoformat()}
    users.unban(telegram_id)
    _record(decision, "unban", telegram_id, before, {"banned_at": None}, now)


def _forget(telegram_id: int, decision: Decision, now: datetime) -> None:
    if not forgetting.is_known(telegram_id):
        raise NotDone(f"Nothing is known of {telegram_id} but that number.")
    forgetting.forget(telegram_id, now)
    _record(decision, "forget", telegram_id, {}, {}, now)


def _give(
    act: str, telegram_id: int, key: str, days: int | None, decision: Decision, now: datetime
) -> datetime | None:
    if act == "extend":
        manual.check_extendable(telegram_id, key, now)
    before = _held(telegram_id, [key])
    grant_id = f"{act}:{uuid4()}"
    manual.grant(telegram_id, key, days, grant_id=grant_id, now=now)
    after = _held(telegram_id, [key])
    _record(decision, act, telegram_id, before, {**after, "grant": grant_id}, now)
    return entitlements.of(telegram_id)[key].until


def _revoke(telegram_id: int, key: str, decision: Decision, now: datetime) -> list[str]:
    before = _held(telegram_id, [key])
    taken = manual.revoke(telegram_id, key, now)
    _record(decision, "revoke", telegram_id, before, {**_held(telegram_id, [key]), "taken": taken}, now)
    return taken


def _want_back(charge_id: str, decision: Decision, now: datetime) -> Refund:
    charge = charges.get(charge_id)
    known = refunds.find(charge_id)
    before = known.status if known else None
    wanted = refunds.request_refund(charge, decision.reason.strip(), requested_by="owner", now=now)
    if before in {None, "refused"}:
        audit.record(
            decision,
            "refund",
            f"charge:{charge_id}",
            telegram_id=charge.telegram_id,
            before={"refund": before},
            after={"refund": "requested"},
            now=now,
        )
    return wanted


def _decline(charge_id: str, decision: Decision, now: datetime) -> Refund:
    try:
        refund = rejected_refunds.decline(charge_id, decision.reason.strip(), now)
    except NotRejected as error:
        raise NotDone(f"No refund of {charge_id} waits for your decision: see refunds list.") from error
    audit.record(
        decision,
        "decline",
        f"charge:{charge_id}",
        telegram_id=refund.telegram_id,
        before={"refund": "refused"},
        after={"refund": "declined"},
        now=now,
    )
    return refund


def _dismiss(ids: Collection[int], decision: Decision, now: datetime) -> int:
    try:
        dismissed = signals.dismiss(ids)
    except SignalError as error:
        raise NotDone(str(error)) from error
    for one in dismissed:
        target = f"signal:{one.dedupe_key}"[: audit.LONGEST_TARGET]
        audit.record(decision, "dismiss", target, telegram_id=one.telegram_id, before={}, after={}, now=now)
    return len(dismissed)


def _known(telegram_id: int) -> User:
    user = users.get(telegram_id)
    if user is None:
        raise NotDone(f"Nobody with the Telegram id {telegram_id} was ever here.")
    return user


def _held(telegram_id: int, keys: Collection[str]) -> dict[str, Any]:
    """Return until when a person holds these keys, as the audit log keeps it."""
    held = entitlements.of(telegram_id)
    return {key: _end(held[key].until) for key in keys if key in held}


def _end(until: datetime | None) -> str:
    return until.isoformat() if until else "for good"


def _record(
    decision: Decision,
    act: str,
    telegram_id: int,
    before: dict[str, Any],
    after: dict[str, Any],
    now: datetime,
) -> None:
    target = f"user:{telegram_id}"
    audit.record(decision, act, target, telegram_id=telegram_id, before=before, after=after, now=now)
