"""Which time grants of one entitlement cover: for ever, plans to their dates, passes by their days."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from webapp.db.models import Entitlement

FOR_EVER = datetime.max.replace(tzinfo=UTC)
Stretch = tuple[datetime, datetime]


class Grant(Protocol):
    """What an entry of the ledger says of the time that it gives."""

    @property
    def occurred_at(self) -> datetime: ...
    @property
    def pass_days(self) -> int | None: ...
    @property
    def paid_until(self) -> datetime | None: ...
    @property
    def grace_days(self) -> int: ...


@dataclass(frozen=True)
class Access:
    """What a person may open, from when, and until when (None: for ever)."""

    since: datetime
    until: datetime | None


def covered(grants: Iterable[Grant]) -> Access:
    """Return the last unbroken stretch of access that these grants give, the oldest grant first.

    A plan gives access to its paid end and some days of grace. Passes follow each other, and wait
    while a plan runs: nobody loses days they paid for to a plan they pay for as well.
    """
    grants = list(grants)
    plans = _merged(
        (one.occurred_at, one.paid_until + timedelta(days=one.grace_days or 0))
        for one in grants
        if one.paid_until
    )
    passes = [one for one in grants if one.pass_days and not one.paid_until]
    for_ever = [(one.occurred_at, FOR_EVER) for one in grants if is_for_ever(one)]
    since, until = _merged([*plans, *_laid(passes, plans), *for_ever])[-1]
    return Access(since, None if until == FOR_EVER else until)


def is_complete(held: Mapping[str, Access | Entitlement], keys: Collection[str]) -> bool:
    """Tell whether nothing is left to buy: every key is held without an end."""
    return bool(keys) and all(key in held and held[key].until is None for key in keys)


def is_for_ever(grant: Grant) -> bool:
    """Tell whether a grant has no end."""
    return grant.pass_days is None and grant.paid_until is None


def _laid(passes: list[Grant], plans: list[Stretch]) -> list[Stretch]:
    """Lay passes one after the other into the time that no plan covers."""
    stretches: list[Stretch] = []
    begin = datetime.min.replace(tzinfo=UTC)
    for one in passes:
        begin, left = max(begin, one.occurred_at), timedelta(days=one.pass_days or 0)
        for plan_begins, plan_ends in plans:
            if plan_ends <= begin:
                continue
            used = min(left, max(plan_begins - begin, timedelta()))
            stretches.append((begin, begin + used))
            left -= used
            begin = plan_ends if left else begin + used
            if not left:
                break
        stretches.append((begin, begin + left))
        begin += left
    return [(begins, ends) for begins, ends in stretches if ends > begins]


def _merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return what overlaps or touches as one."""
    merged: list[Stretch] = []
    for begins, ends in sorted(stretches):
        if merged and begins <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], ends)
        else:
            merged.append((begins, ends))
    return merged
