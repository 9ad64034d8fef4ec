"""Who may come in, and who is forgotten."""

from datetime import datetime
from functools import partial

from webapp import clock
from webapp.db.models import User
from webapp.db.transactions import run_in_transaction
from webapp.domain.owner import audit, forgetting, withdrawals
from webapp.domain.owner.audit import Decision
from webapp.domain.owner.manual import NotDone
from webapp.domain.people import users


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
    audit.record_about(decision, "ban", telegram_id, {"banned_at": None}, {"banned_at": now.isoformat()}, now)


def _unban(telegram_id: int, decision: Decision, now: datetime) -> None:
    user = _known(telegram_id)
    if not user.banned_at:
        raise NotDone(f"{telegram_id} is not banned.")
    before = {"banned_at": user.banned_at.isoformat()}
    users.unban(telegram_id)
    audit.record_about(decision, "unban", telegram_id, before, {"banned_at": None}, now)


def _forget(telegram_id: int, decision: Decision, now: datetime) -> None:
    if not forgetting.is_known(telegram_id):
        raise NotDone(f"Nothing is known of {telegram_id} but that number.")
    forgetting.forget(telegram_id, now)
    audit.record_about(decision, "forget", telegram_id, {}, {}, now)


def _known(telegram_id: int) -> User:
    user = users.get(telegram_id)
    if user is None:
        raise NotDone(f"Nobody with the Telegram id {telegram_id} was ever here.")
    return user
