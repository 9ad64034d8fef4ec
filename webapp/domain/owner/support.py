"""What people write to the shop's people, and what these answer: kept, and carried by the bot."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from webapp.db.engine import db, insert
from webapp.db.models import (
    Charge,
    InboxItem,
    OutboxMessage,
    Refund,
    SupportMessage,
    SupportRelay,
    SupportThread,
)
from webapp.db.writes import insert_once
from webapp.domain.owner.letters import COMMANDS, Letter, read_letter
from webapp.domain.people import rate_limits
from webapp.domain.queue import outbox
from webapp.errors import RateLimited

OPEN_FOR = timedelta(days=3)  # after the last word of either side
HOUR_SECONDS = 3600
MESSAGES_AN_HOUR = 30  # of one person
MESSAGES_AN_HOUR_ALTOGETHER = 300
# UTF-16 code units; Telegram takes 4,096 (Bot API: sendMessage, text), and a heading comes before them.
LONGEST_PART = 3000
PAYMENTS_SHOWN = 3
ANSWERS = frozenset(("support_answer", "support_answer_copy"))
RELAYS = frozenset(("owner_support", "owner_support_copy", "owner_support_prompt"))
COPIES = frozenset(("support_answer_copy", "owner_support_copy"))


def hear(item: InboxItem, owner_chats: Collection[int], now: datetime) -> None:
    """Let a person write to the shop's people once they ask for support; belongs where an update is kept.

    What they write next can be taken up by another process than this message.
    """
    letter = read_letter(item) if owner_chats else None
    if letter and letter.is_private and letter.command in COMMANDS:
        _open(letter.sender_id, letter.name, now)


def take(item: InboxItem, owner_chats: Collection[int], now: datetime) -> bool:
    """Carry a message to whom it is meant for, once; False if it is for the bot alone.

    Every one of them is kept and carried, up to 30 an hour of one person and 300 altogether; whoever writes
    more is told that it did not arrive.
    """
    letter = read_letter(item) if owner_chats else None
    if letter is None:
        return False
    if letter.chat_id in owner_chats and letter.replied_to is not None and not letter.command:
        return _answer(letter, now)
    if not letter.is_private or not _is_for_people(letter, now):
        return False
    if not _is_known(letter):
        _relay(letter, owner_chats, now)
    return True


def prompt(telegram_id: int, chat_id: int, query_id: str, now: datetime) -> None:
    """Ask in an owners' chat for the answer to a person, by a message that is to be replied to."""
    facts = {"telegram_id": telegram_id, "name": _name_of(telegram_id)}
    dedupe_key = f"owner_support_prompt:{query_id}"
    outbox.add(chat_id, "owner_support_prompt", facts, dedupe_key=dedupe_key, now=now)


def note_relay(message: OutboxMessage, message_id: int, now: datetime) -> None:
    """Remember whom a reply to a message that was sent is meant for."""
    facts = {
        "chat_id": message.telegram_id,
        "message_id": message_id,
        "telegram_id": message.facts["telegram_id"],
        "relayed_at": now,
    }
    insert_once(SupportRelay, facts, returning="message_id")


def note_undelivered(message: OutboxMessage, owner_chats: Collection[int], now: datetime) -> None:
    """Tell the owners that an answer of theirs did not reach its person."""
    facts = {"telegram_id": message.telegram_id, "name": _name_of(message.telegram_id)}
    # Once for an answer, of however many parts it is.
    about = message.dedupe_key.partition(":")[2].rpartition(":")[0]
    outbox.tell_owners(owner_chats, "owner_unanswered", facts, about=about, now=now)


def messages_of(telegram_id: int) -> list[SupportMessage]:
    """Return what was written by and to a person, the oldest first."""
    query = select(SupportMessage).where(SupportMessage.telegram_id == telegram_id)
    return list(db.session.scalars(query.order_by(SupportMessage.written_at, SupportMessage.message_id)))


def _open(telegram_id: int, name: str | None, now: datetime) -> None:
    """Take what a person writes within the next days as meant for the shop's people."""
    facts = {"open_until": now + OPEN_FOR, **({} if name is None else {"name": name})}
    statement = insert(SupportThread).values({"telegram_id": telegram_id, "name": "", **facts})
    db.session.execute(statement.on_conflict_do_update(index_elements=["telegram_id"], set_=facts))


def _is_for_people(letter: Letter, now: datetime) -> bool:
    if letter.command:
        return letter.is_for_support
    thread = db.session.get(SupportThread, letter.sender_id, populate_existing=True)
    return thread is not None and now < thread.open_until


def _is_known(letter: Letter) -> bool:
    return db.session.get(SupportMessage, (letter.chat_id, letter.message_id)) is not None


def _relay(letter: Letter, owner_chats: Collection[int], now: datetime) -> None:
    if (limit := _limit(letter.sender_id, now)) is not None:
        _say_once("support_limited", letter.sender_id, limit, now)
        return
    if not _store(letter, letter.sender_id, None, now):
        return
    _open(letter.sender_id, letter.name, now)
    about = f"{letter.chat_id}:{letter.message_id}"
    payments = _payments(letter.sender_id)
    for number, part in enumerate(_parts(letter.words)):
        facts = {**_person(letter), "text": part, "part": number, "media": letter.media}
        facts |= {} if number else {"payments": payments}
        outbox.tell_owners(owner_chats, "owner_support", facts, about=f"{about}:{number}", now=now)
    if letter.media:
        facts = {"telegram_id": letter.sender_id, **_copied(letter)}
        outbox.tell_owners(owner_chats, "owner_support_copy", facts, about=about, now=now)
    _say_once("support_heard", letter.sender_id, {}, now)


def _limit(telegram_id: int, now: datetime) -> dict[str, Any] | None:
    """Count one more message of a person, and return what is in its way, if anything."""
    buckets = [
        (f"support:{telegram_id}", MESSAGES_AN_HOUR, True),
        ("support", MESSAGES_AN_HOUR_ALTOGETHER, False),
    ]
    for bucket, most, is_own in buckets:
        try:
            rate_limits.hit(bucket, most, HOUR_SECONDS, now)
        except RateLimited as limit:
            return {"minutes": -(-limit.retry_after_seconds // 60), "is_own": is_own}
    return None


def _say_once(kind: str, telegram_id: int, facts: dict[str, Any], now: datetime) -> None:
    """Tell a person something, at most once within an hour of the clock."""
    outbox.add(telegram_id, kind, facts, dedupe_key=f"{kind}:{telegram_id}:{now:%Y-%m-%dT%H}", now=now)


def _answer(letter: Letter, now: datetime) -> bool:
    key = (letter.chat_id, letter.replied_to)
    relay = db.session.get(SupportRelay, key, populate_existing=True)
    about = f"{letter.chat_id}:{letter.message_id}"
    if relay is None:
        outbox.add(letter.chat_id, "owner_no_addressee", {}, dedupe_key=f"no_addressee:{about}", now=now)
        return True
    if not _store(letter, relay.telegram_id, letter.sender_id, now):
        return True
    _open(relay.telegram_id, None, now)
    for number, part in enumerate(_parts(letter.text)):
        facts = {"text": part, "part": number}
        dedupe_key = f"support_answer:{about}:{number}"
        outbox.add(relay.telegram_id, "support_answer", facts, dedupe_key=dedupe_key, now=now)
    if letter.media:
        dedupe_key = f"support_answer_copy:{about}:copy"
        outbox.add(relay.telegram_id, "support_answer_copy", _copied(letter), dedupe_key=dedupe_key, now=now)
    return True


def _store(letter: Letter, telegram_id: int, answered_by: int | None, now: datetime) -> bool:
    facts = {
        "chat_id": letter.chat_id,
        "message_id": letter.message_id,
        "telegram_id": telegram_id,
        "answered_by": answered_by,
        "text": letter.words,
        "media": letter.media,
        "written_at": now,
    }
    return insert_once(SupportMessage, facts, returning="message_id") is not None


def _person(letter: Letter) -> dict[str, Any]:
    return {"telegram_id": letter.sender_id, "name": letter.name, "username": letter.username}


def _copied(letter: Letter) -> dict[str, Any]:
    return {"from_chat_id": letter.chat_id, "message_id": letter.message_id}


def _parts(text: str) -> list[str]:
    """Return a text in pieces that Telegram takes with a heading; one that is empty is one piece."""
    if len(text.encode("utf-16-le")) // 2 <= LONGEST_PART:
        return [text]
    step = LONGEST_PART // 2  # a character is two code units at most
    return [text[at : at + step] for at in range(0, len(text), step)]


def _payments(telegram_id: int) -> list[dict[str, Any]]:
    """Return a person's last payments, as an owner has to know them."""
    query = select(Charge, Refund.done_at).where(Charge.telegram_id == telegram_id)
    query = query.outerjoin(Refund, Refund.charge_id == Charge.telegram_payment_charge_id)
    query = query.order_by(Charge.charged_at.desc(), Charge.id.desc()).limit(PAYMENTS_SHOWN)
    return [
        {
            "title": charge.title,
            "stars": charge.stars,
            "currency": charge.currency,
            "charged_at": charge.charged_at.isoformat(),
            "charge_id": charge.telegram_payment_charge_id,
            "is_refunded": refunded_at is not None,
        }
        for charge, refunded_at in db.session.execute(query)
    ]


def _name_of(telegram_id: int) -> str:
    """Return what a person was called when they last wrote."""
    thread = db.session.get(SupportThread, telegram_id, populate_existing=True)
    return thread.name if thread else ""
