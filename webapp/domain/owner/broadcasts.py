"""News of the owner's to many people: written into the outbox a few at a time, to each of them once."""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, exists, func, or_, select, true, update

from webapp.db.engine import db
from webapp.db.models import Broadcast, Charge, Entitlement, OutboxMessage, Refund, User
from webapp.db.writes import insert_once
from webapp.domain.catalogue import catalogue
from webapp.domain.queue import outbox
from webapp.errors import N_, ProductNotFound
from webapp.i18n import languages
from webapp.i18n.languages import Language

# A tick, so a second; the outbox sends 25, and receipts go between them.
AT_ONCE = 10
# Ends every message, so that whoever reads one knows how to have no more of them.
FOOTER = N_("To stop news from the shop: /news_off")
DECLINED = "not wanted any more"
OF_A_KEY = ("holders", "lapsed")
SEGMENTS = ("everyone", "buyers", *(f"{name}:KEY" for name in OF_A_KEY))


class BroadcastError(ValueError):
    """Nothing was begun or ended; the sentence says which news and why."""


@dataclass(frozen=True)
class News:
    """What the owner wants many people to read, as a file tells it."""

    name: str
    segment: str
    texts: dict[str, str]  # by the code of their language; English is always there
    product: str | None


@dataclass(frozen=True)
class Audience:
    """How many people news are for, by the language they are talked to in, and how many are left out."""

    speakers: dict[str, int]
    declined: int
    blocked: int  # of the speakers: Telegram did not take the last message to them


@dataclass(frozen=True)
class Progress:
    written: int
    sent: int
    failed: int  # not taken by Telegram, or declined before it was sent
    left: int


def check(news: News) -> Broadcast | None:
    """Return what these news began before, if they did.

    :raise BroadcastError: others went by this name, or nobody and nothing is called as they say
    """
    known = get(news.name)
    if known:
        if any(getattr(known, name) != value for name, value in asdict(news).items()):
            raise BroadcastError(
                f"News named {news.name!r} began already and said something else: rename these."
            )
        return known
    kind, _, key = news.segment.partition(":")
    if kind in OF_A_KEY and not any(key in product.keys for product in catalogue.everything()):
        raise BroadcastError(f"No product of the catalogue gives {key!r}.")
    if news.product:
        try:
            catalogue.get(news.product)
        except ProductNotFound as error:
            raise BroadcastError(f"No product on sale has the slug {news.product!r}.") from error
    return None


def start(news: News, now: datetime) -> bool:
    """Begin to write news to whom they are for; False when they were begun before.

    :raise BroadcastError: as in check
    """
    if check(news):
        return False
    row = {**asdict(news), "created_at": now, "last_telegram_id": 0}
    # Begun twice at once, it is one.
    return insert_once(Broadcast, row, returning="name") is not None


def stop(name: str, now: datetime) -> None:
    """Let news reach nobody else, those included to whom they are written and not yet sent.

    :raise BroadcastError: there are none of this name, or they have ended
    """
    ended = update(Broadcast).where(Broadcast.name == name, _runs()).values(stopped_at=now)
    if db.session.scalar(ended.returning(Broadcast.name)):
        return
    if get(name):
        raise BroadcastError(f"News named {name!r} have ended already.")
    raise BroadcastError(f"There are no news named {name!r}.")


def get(name: str) -> Broadcast | None:
    """Return the broadcast of a name."""
    return db.session.get(Broadcast, name, populate_existing=True)


def everything() -> list[Broadcast]:
    """Return all there ever were, the latest first."""
    return list(db.session.scalars(select(Broadcast).order_by(Broadcast.created_at.desc(), Broadcast.name)))


def audience(segment: str, now: datetime) -> Audience:
    """Return who would get news to a segment."""
    people = db.session.execute(
        select(User, _shut_out().label("blocked")).where(_is_here(), _belongs(segment, now))
    ).all()
    wanting = [(person, blocked) for person, blocked in people if person.news_declined_at is None]
    counted = Counter(_language(person).code for person, _ in wanting)
    return Audience(
        {code: counted[code] for code in languages.all_() if counted[code]},
        declined=len(people) - len(wanting),
        blocked=sum(blocked for _, blocked in wanting),
    )


def progress(broadcast: Broadcast, now: datetime) -> Progress:
    """Return how far a broadcast has come."""
    mine = OutboxMessage.dedupe_key.startswith(f"{outbox.OWNERS_NEWS}:{broadcast.name}:")
    counts = select(
        func.count(), func.count(OutboxMessage.sent_at), func.count(OutboxMessage.failed_at)
    ).where(OutboxMessage.kind == outbox.OWNERS_NEWS, mine)
    written, sent, failed = db.session.execute(counts).one()
    swept = broadcast.swept_sent, broadcast.swept_failed
    written, sent, failed = written + sum(swept), sent + swept[0], failed + swept[1]
    left = select(func.count()).select_from(_people(broadcast, now).subquery())
    return Progress(written, sent, failed, left=0 if broadcast.is_over else db.session.scalars(left).one())


def is_running() -> bool:
    """Tell whether anybody is still to be written to."""
    return db.session.scalar(select(exists().where(_runs()))) or False


def write_messages(now: datetime) -> int:
    """Write to the next people of the oldest broadcast that runs, and return to how many.

    People follow each other by their Telegram ids, and how far it has come is noted together with the
    messages. Who came after it began is left out, wherever in that order they are; whether somebody
    belongs to the segment counts when it is their turn.
    """
    # Locked: two at once would write to the same people.
    oldest = select(Broadcast).where(_runs()).order_by(Broadcast.created_at, Broadcast.name).limit(1)
    broadcast = db.session.scalar(oldest.with_for_update(), execution_options={"populate_existing": True})
    room = AT_ONCE - outbox.waiting(outbox.OWNERS_NEWS)
    if broadcast is None or room <= 0:
        return 0
    people = db.session.scalars(_people(broadcast, now).order_by(User.telegram_id).limit(room)).all()
    for person in people:
        _write_to(broadcast, person, now)
        broadcast.last_telegram_id = person.telegram_id
    if len(people) < room:
        broadcast.finished_at = now
    db.session.flush()
    return len(people)


def is_wanted(message: OutboxMessage) -> bool:
    """Tell whether news that were written are still to be sent: neither declined nor stopped since."""
    wanted = exists().where(
        User.telegram_id == message.telegram_id, User.news_declined_at.is_(None), _is_here()
    )
    goes_on = exists().where(Broadcast.name == message.facts["broadcast"], Broadcast.stopped_at.is_(None))
    return db.session.scalar(select(wanted & goes_on)) or False


def facts(news: News | Broadcast, code: str) -> dict[str, str]:
    """Return what somebody is told who speaks a language of the shop."""
    text = news.texts.get(code, news.texts[languages.ENGLISH.code])
    try:
        product = catalogue.get(news.product or "")
    except ProductNotFound:
        # Off sale meanwhile, it has no page to open.
        return {"broadcast": news.name, "text": text}
    title = product.worded(code).title
    return {"broadcast": news.name, "text": text, "slug": product.slug, "title": title}


def _write_to(broadcast: Broadcast, person: User, now: datetime) -> None:
    told = facts(broadcast, _language(person).code)
    dedupe_key = f"{outbox.OWNERS_NEWS}:{broadcast.name}:{person.telegram_id}"
    outbox.add(person.telegram_id, outbox.OWNERS_NEWS, told, dedupe_key=dedupe_key, now=now)


def _people(broadcast: Broadcast, now: datetime) -> Select[tuple[User]]:
    """Return those to whom it has yet to be written."""
    return select(User).where(
        User.telegram_id > broadcast.last_telegram_id,
        User.created_at <= broadcast.created_at,
        _is_here(),
        User.news_declined_at.is_(None),
        _belongs(broadcast.segment, now),
    )


def _is_here() -> ColumnElement[bool]:
    return User.banned_at.is_(None) & User.forgotten_at.is_(None)


def _belongs(segment: str, now: datetime) -> ColumnElement[bool]:
    kind, _, key = segment.partition(":")
    if kind == "everyone":
        return true()
    if kind == "buyers":
        given_back = exists().where(
            Refund.charge_id == Charge.telegram_payment_charge_id, Refund.refused_at.is_(None)
        )
        return exists().where(Charge.telegram_id == User.telegram_id, ~given_back)
    goes_on = or_(Entitlement.until.is_(None), Entitlement.until > now)
    return exists().where(
        Entitlement.telegram_id == User.telegram_id,
        Entitlement.key == key,
        goes_on if kind == "holders" else Entitlement.until <= now,
    )


def _shut_out() -> ColumnElement[bool]:
    """Tell of a person whether Telegram did not take what was last written to them."""
    settled = or_(OutboxMessage.sent_at.is_not(None), OutboxMessage.failed_at.is_not(None))
    last = select(func.max(OutboxMessage.id)).where(settled).group_by(OutboxMessage.telegram_id)
    refused = select(OutboxMessage.telegram_id).where(
        OutboxMessage.id.in_(last), OutboxMessage.failed_at.is_not(None), OutboxMessage.error != DECLINED
    )
    return User.telegram_id.in_(refused)


def _language(person: User) -> Language:
    return languages.best([person.language, person.language_code])


def _runs() -> ColumnElement[bool]:
    return Broadcast.finished_at.is_(None) & Broadcast.stopped_at.is_(None)
