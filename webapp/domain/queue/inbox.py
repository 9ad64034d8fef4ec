"""The inbox: every update as Telegram sent it, durable before anybody acknowledges it."""

import json
from collections.abc import Collection
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.orm import defer

from webapp.db.engine import db
from webapp.db.models import InboxItem
from webapp.db.retried import Retries
from webapp.db.writes import insert_once

# After its last try an item waits for the owner.
RETRIES = Retries(InboxItem, longest_pause_seconds=300, most_attempts=8)
ALONE_AFTER_ATTEMPTS = 3  # then an item is taken without others, who would be blamed for its deaths
UNREADABLE = "unreadable"
STATEMENT_ROW = "statement_row"
PRE_CHECKOUT = "pre_checkout_query"
DROPPED = "{}"  # the body of an item that is done, once it has had its time
KEPT = (
    *("update_id", "digest", "kind", "telegram_id", "body", "source", "received_at"),
    *("next_attempt_at", "attempts", "quarantined_at", "error"),
)
LARGEST_UPDATE_ID = 2**63 - 1  # what the column holds


def receive(body: bytes | dict[str, Any], source: str, now: datetime) -> int | None:
    """Keep an update, readable or not, and return its row; None when it is here already.

    Once this is committed Telegram may be told that the update arrived.

    :param source: webhook or polling
    """
    return keep(describe(body, source, now))


def describe(body: bytes | dict[str, Any], source: str, now: datetime) -> InboxItem:
    """Return what would be kept of an update, without keeping it."""
    described = _described(body)
    return InboxItem(
        **described,
        source=source,
        received_at=now,
        next_attempt_at=now,
        attempts=0,
        quarantined_at=now if described["kind"] == UNREADABLE else None,
    )


def keep(item: InboxItem, *, done_at: datetime | None = None) -> int | None:
    """Keep a described update and return its row; None when it is here already.

    :param done_at: what it says was done in this very transaction
    """
    facts = {name: getattr(item, name) for name in KEPT}
    row_id: int | None = insert_once(InboxItem, {**facts, "done_at": done_at}, returning="id")
    return row_id


def set_aside(row: Any, kind: str, error: str, now: datetime) -> bool:
    """Keep something for the owner that is no update; False when it is here already."""
    canonical = json.dumps(row, sort_keys=True, separators=(",", ":"))
    item = InboxItem(
        update_id=0,
        digest=sha256(canonical.encode()).hexdigest(),
        kind=kind,
        body=canonical,
        source="statement",
        received_at=now,
        next_attempt_at=now,
        attempts=0,
        quarantined_at=now,
        error=error,
    )
    return keep(item) is not None


def is_due(now: datetime, *, only: Collection[str] = (), without: Collection[str] = ()) -> bool:
    """Tell whether an item of these kinds waits to be handled."""
    return db.session.scalar(_due(now, only, without).limit(1)) is not None


def claim(
    limit: int, now: datetime, *, only: Collection[str] = (), without: Collection[str] = ()
) -> list[InboxItem]:
    """Take items to handle, the oldest first; whoever dies with them loses them after 30 s.

    One with which eight have died is set aside: it must not go on ending processes. What was tried again
    and again is taken when nothing else waits, and alone, so that it is known which of them it was.

    :param only: these kinds; :param without: not these
    """
    due = _due(now, only, without).order_by(InboxItem.next_attempt_at, InboxItem.id)
    items = RETRIES.claim(due.where(InboxItem.attempts < ALONE_AFTER_ATTEMPTS).limit(limit), now)
    items = items or RETRIES.claim(due.limit(1), now)
    deadly = [item for item in items if RETRIES.is_last(item.attempts - 1)]
    for item in deadly:
        quarantine(item, f"{RETRIES.most_attempts} tries never came to an end", now)
    return sorted((item for item in items if item not in deadly), key=lambda item: item.id)


def finish(item: InboxItem, now: datetime) -> None:
    """Note that an item is handled; belongs in the transaction that handled it."""
    _update(item, done_at=now, error=None)


def fail(item: InboxItem, error: str, now: datetime) -> None:
    """Try an item again later, or hand it to the owner after its eighth try."""
    if RETRIES.is_last(item.attempts):
        quarantine(item, error, now)
    else:
        _update(item, next_attempt_at=RETRIES.next_attempt_at(item.attempts, now), error=error[:2000])


def put_off(item: InboxItem, until: datetime) -> None:
    """Have an item wait for its turn; that it was taken counts as no try.

    :param until: five minutes from now at most, since what is further away came from a wrong clock
    """
    _update(item, next_attempt_at=until, attempts=item.attempts - 1)


def quarantine(item: InboxItem, error: str, now: datetime) -> None:
    """Set an item aside for the owner: it is kept, and in nobody's way."""
    _update(item, quarantined_at=now, error=error[:2000])


def waiting(limit: int, *, quarantined: bool = False, done: bool = False) -> list[InboxItem]:
    """Return the latest items that are not done, the oldest first; their bodies stay behind.

    :param quarantined: only those that wait for the owner; :param done: those that are done too
    """
    query = select(InboxItem).options(defer(InboxItem.body, raiseload=True))
    query = query if done else query.where(InboxItem.done_at.is_(None))
    query = query.where(InboxItem.quarantined_at.is_not(None)) if quarantined else query
    return list(reversed(db.session.scalars(query.order_by(InboxItem.id.desc()).limit(limit)).all()))


def _due(now: datetime, only: Collection[str], without: Collection[str]) -> Select[tuple[int]]:
    due = select(InboxItem.id).where(
        InboxItem.done_at.is_(None),
        InboxItem.quarantined_at.is_(None),
        RETRIES.is_due(now),
    )
    due = due.where(InboxItem.kind.in_(only)) if only else due
    return due.where(InboxItem.kind.not_in(without)) if without else due


def _described(body: bytes | dict[str, Any]) -> dict[str, Any]:
    try:
        update_ = json.loads(body) if isinstance(body, bytes) else body
        update_id = update_["update_id"]
        if type(update_id) is not int or abs(update_id) > LARGEST_UPDATE_ID:
            raise ValueError("update_id")
        canonical = json.dumps(update_, sort_keys=True, separators=(",", ":"))
    # Also what nests too deep or counts too high to be read at all.
    except (ValueError, TypeError, KeyError, RecursionError):
        return _unreadable(body)
    kind = _kind(update_)
    return {
        "update_id": update_id,
        "digest": sha256(canonical.encode()).hexdigest(),
        "kind": kind,
        "telegram_id": _person(update_),
        "body": canonical,
    }


def _unreadable(body: bytes | dict[str, Any]) -> dict[str, Any]:
    raw = body if isinstance(body, bytes) else repr(body).encode()
    return {
        "update_id": 0,
        "digest": sha256(raw).hexdigest(),
        "kind": UNREADABLE,
        "telegram_id": None,
        # PostgreSQL keeps no NUL in a text.
        "body": raw.decode(errors="backslashreplace").replace("\0", "\\x00"),
        "error": "not an update",
    }


def _kind(update_: dict[str, Any]) -> str:
    named = next((key for key in update_ if key != "update_id"), "empty")
    message = update_.get("message")
    if isinstance(message, dict):
        return next((key for key in ("successful_payment", "refunded_payment") if key in message), "message")
    name = str(named)[:64].replace("\0", "\\x00")
    return name.encode("ascii", "backslashreplace").decode()[:64]


def _person(update_: dict[str, Any]) -> int | None:
    for part in update_.values():
        person = (part.get("from") or part.get("user")) if isinstance(part, dict) else None
        if isinstance(person, dict) and type(person.get("id")) is int and abs(person["id"]) < 2**52:
            return int(person["id"])
    return None


def _update(item: InboxItem, **changes: Any) -> None:
    db.session.execute(update(InboxItem).where(InboxItem.id == item.id).values(**changes))
