"""Charges as the people who paid them read them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from webapp.db.models import Charge, Refund, User
from webapp.domain.access import ledger
from webapp.domain.sales import charges, refunds, returns, subscriptions
from webapp.web import polled
from webapp.web.polled import Pace

REFUND = Pace(3, 30, timedelta(minutes=1))  # most are done by then


@dataclass(frozen=True)
class Receipt:
    """A charge, what kind it was, and whether its Stars went back or may go."""

    charge: Charge
    kind: str  # once, trial, plan (its first charge) or renewal
    is_in_review: bool
    refund: Refund | None
    returnable_until: datetime | None  # by the payer alone; None: not, or no longer
    pace_seconds: int | None  # between two looks at a refund that is under way

    @property
    def charge_id(self) -> str:
        return self.charge.telegram_payment_charge_id

    @property
    def seen(self) -> str:
        """What a page that shows this repeats, so that nothing is sent while nothing changes."""
        return polled.mark(self.refund.status if self.refund else "", self.pace_seconds)


def list_for(user: User, now: datetime) -> list[Receipt]:
    """Return all that a person paid, the latest first."""
    return _read(user, charges.of(user.telegram_id), now)


def read(user: User, charge: Charge, now: datetime) -> Receipt:
    """Return one charge of a person's."""
    # Together with the others, of which one may have been given back.
    return _read(user, [charge, *charges.of(user.telegram_id)], now)[0]


def _read(user: User, shown: list[Charge], now: datetime) -> list[Receipt]:
    wanted = refunds.for_user(user.telegram_id)
    returnable = returns.returnable(user.telegram_id, shown, now, wanted)
    firsts = {one.first_charge_id for one in subscriptions.list_for(user.telegram_id)}
    decided = _decided(user, shown)
    return [
        _receipt(charge, wanted.get(charge.telegram_payment_charge_id), returnable, firsts, decided, now)
        for charge in shown
    ]


def _receipt(
    charge: Charge,
    refund: Refund | None,
    returnable: dict[str, datetime],
    firsts: Collection[str],
    decided: Collection[str | None],
    now: datetime,
) -> Receipt:
    charge_id = charge.telegram_payment_charge_id
    is_wanted = refund is not None and not refund.refused_at
    return Receipt(
        charge=charge,
        kind=_kind(charge, firsts),
        is_in_review=bool(charge.quarantined_because) and charge_id not in decided and not is_wanted,
        refund=refund,
        returnable_until=returnable.get(charge_id),
        pace_seconds=_pace(refund, now),
    )


def _kind(charge: Charge, firsts: Collection[str]) -> str:
    if charge.is_trial:
        return "trial"
    if charge.paid_until is None:
        return "once"
    return "plan" if charge.telegram_payment_charge_id in firsts else "renewal"


def _decided(user: User, shown: list[Charge]) -> set[str | None]:
    """Return the charges set aside of which the owner found out what they were for."""
    if not any(charge.quarantined_because for charge in shown):
        return set()
    return {entry.charge_id for entry in ledger.of(user.telegram_id) if entry.kind == "grant"}


def _pace(refund: Refund | None, now: datetime) -> int | None:
    if refund is None or refund.status in {"done", "refused"}:
        return None
    return REFUND.after(now - refund.requested_at)
