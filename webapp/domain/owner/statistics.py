"""What the rows say about the shop as a whole: the facts behind its metrics."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, case, exists, extract, func, or_, select
from sqlalchemy.orm import aliased

from webapp.db.engine import db, insert
from webapp.db.models import (
    Charge,
    InboxItem,
    Lease,
    LedgerEntry,
    OutboxMessage,
    PreCheckout,
    Refund,
    Shop,
    Signal,
    SweptPreCheckouts,
)
from webapp.domain.sales import quarantine

# Rows are counted for good once no transaction that began before them can still be open
# (statements end after 5 s, idle transactions after 10: see postgresql.py).
SETTLED_SECONDS = 60
STRETCH = timedelta(days=30)  # of history in one statement, the first time: it may take 5 s


@dataclass
class Histogram:
    """How many observations stayed within each bound, and their sum."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.counts = self.counts or [0] * (len(self.bounds) + 1)

    def place(self, seconds: Any) -> Any:
        """Return the number of the bucket that a column of seconds falls into."""
        return case(*((seconds <= bound, number) for number, bound in enumerate(self.bounds)), else_=-1)

    def observe(self, place: int, count: int, seconds: float) -> None:
        """Count observations of one bucket, and what they come to."""
        self.counts[place] += count
        self.total_seconds += float(seconds)

    def cumulative(self) -> list[tuple[str, float]]:
        """Return Prometheus's buckets: the count at or below each bound."""
        names = [*map(str, self.bounds), "+Inf"]
        return [(name, float(sum(self.counts[: i + 1]))) for i, name in enumerate(names)]


@dataclass
class Sales:
    """Charges and what they brought. Only Stars are added up, and only those that were accepted."""

    results: Counter[str] = field(default_factory=Counter)
    stars: int = 0
    refunded_stars: int = 0  # of those
    lag: Histogram = field(
        default_factory=lambda: Histogram((0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 360.0, 3600.0, 86400.0))
    )

    def first(self) -> datetime | None:
        """Return when there was something to count for the first time."""
        return db.session.scalar(select(func.min(Charge.recorded_at)))

    def add(self, after: datetime, until: datetime | None) -> None:
        """Count what was recorded between two moments."""
        lag = _seconds(Charge.charged_at, Charge.recorded_at)
        is_failed = Charge.quarantined_because.is_not(None)
        groups = is_failed, self.lag.place(lag)
        stars = case((and_(~is_failed, Charge.currency == "XTR"), Charge.stars), else_=0)
        query = select(*groups, func.count(), func.sum(lag), func.sum(stars)).group_by(*groups)
        for failed, place, count, seconds, accepted in _rows(query, Charge.recorded_at, after, until):
            self.results["failed" if failed else "success"] += count
            self.stars += accepted
            self.lag.observe(place, count, seconds)
        self.stars += _total(_granted(), after, until)
        self.refunded_stars += _total(_refunded(), after, until)


@dataclass
class Gates:
    """Pre-checkout decisions and how long they took."""

    declines: Counter[str] = field(default_factory=Counter)
    latency: Histogram = field(
        default_factory=lambda: Histogram((0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 4.0, 6.0, 10.0))
    )

    def first(self) -> datetime | None:
        """Return when there was something to count for the first time; what was swept is counted here."""
        for row in db.session.scalars(select(SweptPreCheckouts)):
            self._count(row.declined_because, row.place, row.count, row.total_seconds)
        return db.session.scalar(select(func.min(PreCheckout.decided_at)))

    def add(self, after: datetime, until: datetime | None) -> None:
        """Count what was decided between two moments."""
        for row in _rows(self.grouped(), PreCheckout.decided_at, after, until):
            self._count(*row)

    def grouped(self) -> Select[tuple[str | None, int, int, float]]:
        """Return what counts decisions by their reason and by the bucket of how long they took."""
        took = _seconds(PreCheckout.received_at, PreCheckout.decided_at)
        groups = PreCheckout.declined_because, self.latency.place(took)
        return select(*groups, func.count(), func.sum(took)).group_by(*groups)

    def _count(self, declined_because: str | None, place: int, count: int, seconds: float) -> None:
        self.latency.observe(place, count, seconds)
        if declined_because:
            self.declines[declined_because] += count


def keep_counts(query_ids: Collection[str]) -> None:
    """Keep the counts of questions that are about to be swept away."""
    rows = db.session.execute(Gates().grouped().where(PreCheckout.query_id.in_(query_ids)))
    for declined_because, place, count, seconds in rows.all():
        facts = {"declined_because": declined_because or "", "place": place}
        statement = insert(SweptPreCheckouts).values(**facts, count=count, total_seconds=float(seconds))
        more = {
            "count": SweptPreCheckouts.count + count,
            "total_seconds": SweptPreCheckouts.total_seconds + float(seconds),
        }
        db.session.execute(statement.on_conflict_do_update(index_elements=list(facts), set_=more))


Sums = TypeVar("Sums", Sales, Gates)


class Running(Generic[Sums]):
    """Sums kept from one reading to the next: what is settled is added up once, the latest anew."""

    def __init__(self, nothing: Sums) -> None:
        self._settled: tuple[Sums, datetime | None] = nothing, None

    def read(self, now: datetime) -> Sums:
        """Return the sums up to now."""
        settled, after = self._settled
        until = now - timedelta(seconds=SETTLED_SECONDS)
        until = max(until, after) if after else until
        sums = deepcopy(settled)
        begin = after or (sums.first() or until) - timedelta(microseconds=1)
        while begin < until:
            end = min(begin + STRETCH, until)
            sums.add(begin, end)
            begin = end
        # Replaced whole, so that neither another thread nor a failure halfway counts a row twice.
        self._settled = deepcopy(sums), until
        sums.add(until, None)
        return sums


def waiting(now: datetime) -> dict[str, float]:
    """Return how much is undone, and how long the oldest of it has waited, in seconds."""
    undone = (InboxItem.done_at.is_(None), InboxItem.quarantined_at.is_(None))
    unsent = (OutboxMessage.sent_at.is_(None), OutboxMessage.failed_at.is_(None))
    open_refund = (Refund.done_at.is_(None), Refund.refused_at.is_(None), Refund.attempts > 0)
    oldest_inbox, oldest_outbox, reconciled_at = db.session.execute(
        select(
            select(func.min(InboxItem.received_at)).where(*undone).scalar_subquery(),
            select(func.min(OutboxMessage.created_at)).where(*unsent).scalar_subquery(),
            select(Shop.reconciled_at).scalar_subquery(),
        )
    ).one()
    parked, unknown, drift, signals, oldest_signal = db.session.execute(
        select(
            select(func.count()).where(InboxItem.quarantined_at.is_not(None)).scalar_subquery(),
            select(func.count()).where(*open_refund).scalar_subquery(),
            select(Shop.drift_stars).scalar_subquery(),
            select(func.count(Signal.id)).scalar_subquery(),
            select(func.min(Signal.created_at)).scalar_subquery(),
        )
    ).one()
    return {
        "inbox_oldest_seconds": _age(oldest_inbox, now),
        "inbox_quarantined": float(parked),
        "outbox_oldest_seconds": _age(oldest_outbox, now),
        "refunds_unknown": float(unknown),
        "charges_quarantined": float(len(quarantine.waiting())),
        "statement_age_seconds": _age(reconciled_at, now),
        "statement_drift_stars": float(drift or 0),
        "signals_waiting": float(signals),
        "signals_oldest_seconds": _age(oldest_signal, now),
    }


def duties() -> dict[str, datetime]:
    """Return until when each background duty is held."""
    return {name: expires_at for name, expires_at in db.session.execute(select(Lease.name, Lease.expires_at))}


def _rows(
    query: Select[Any], moment: Any, after: datetime, until: datetime | None
) -> Iterator[Sequence[Any]]:
    query = query.where(moment > after)
    if until is not None:
        query = query.where(moment <= until)
    return iter(db.session.execute(query))


def _total(query: Select[tuple[int]], after: datetime, until: datetime | None) -> int:
    [[stars]] = _rows(query, LedgerEntry.recorded_at, after, until)
    return int(stars or 0)


def _granted() -> Select[tuple[int]]:
    """Return what adds up the Stars of parked charges for which the owner gave something."""
    parked = (
        LedgerEntry.charge_id == Charge.telegram_payment_charge_id,
        Charge.quarantined_because.is_not(None),
    )
    of_stars = LedgerEntry.kind == "grant", Charge.currency == "XTR"
    return (
        select(func.sum(Charge.stars)).select_from(LedgerEntry).join(Charge, and_(*parked)).where(*of_stars)
    )


def _refunded() -> Select[tuple[int]]:
    """Return what adds up the refunds of charges that were accepted, or that are not here yet."""
    same = LedgerEntry.charge_id == Charge.telegram_payment_charge_id
    query = select(func.sum(-LedgerEntry.stars)).select_from(LedgerEntry).outerjoin(Charge, same)
    return query.where(LedgerEntry.kind == "refund", or_(Charge.quarantined_because.is_(None), _is_granted()))


def _is_granted() -> ColumnElement[bool]:
    grant = aliased(LedgerEntry)
    return exists().where(grant.charge_id == LedgerEntry.charge_id, grant.kind == "grant")


def _seconds(earlier: Any, later: Any) -> Any:
    """Return the seconds from one column's moment to another's, none if they are the wrong way round."""
    if db.engine.dialect.name == "postgresql":
        seconds: Any = extract("epoch", later - earlier)
    else:
        # A Julian day is good for a twentieth of a millisecond.
        seconds = func.round((func.julianday(later) - func.julianday(earlier)) * 86400, 3)
    return case((seconds > 0, seconds), else_=0.0)


def _age(moment: datetime | None, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment else 0.0
