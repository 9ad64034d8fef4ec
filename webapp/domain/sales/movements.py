"""What moves the bot's Stars beside sales and refunds, as the statement tells: every row has a name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from webapp.db.engine import db
from webapp.db.models import LedgerEntry, Movement
from webapp.db.writes import insert_once
from webapp.domain.sales.telegram_json import LARGEST_STARS, moment, number, text

NANOS = 1_000_000_000  # Bot API: StarTransaction, nanostar_amount
LONGEST_KIND = 64  # characters; as the database keeps it
AFFILIATE_SHARE = "affiliate_share"
# Bot API: TransactionPartner and TransactionPartnerUser. What is new there keeps the name it has there.
NAMES = {
    AFFILIATE_SHARE: "affiliates' shares of sales",
    "user.paid_media_payment": "paid media",
    "user.gift_purchase": "gifts",
    "user.premium_purchase": "Premium given to people",
    "user.business_account_transfer": "transfers with business accounts",
    "user.paid_message": "paid messages",
    "user.suggested_post": "suggested posts",
    "chat.gift": "gifts to channels",
    "chat": "channels and chats (paid messages, suggested posts)",
    "affiliate_program": "commissions from other bots",
    "fragment.in": "top-ups from Fragment",
    "fragment.out": "withdrawals to Fragment (TON)",
    "telegram_ads": "Telegram Ads",
    "telegram_api": "API top-ups (paid broadcasts)",
    "other": "other, as Telegram calls it",
    "nameless": "rows that name nobody",
}


@dataclass(frozen=True)
class Total:
    """What movements of one kind come to."""

    kind: str
    count: int
    stars: int  # signed, as the nanostars
    nanostars: int

    @property
    def name(self) -> str:
        return NAMES.get(self.kind, self.kind.replace("_", " ").replace(".", ": "))

    @property
    def amount(self) -> str:
        return amount(self.stars, self.nanostars)


def kind_of(row: Mapping[str, Any]) -> str:
    """Return what a row of the statement that is no sale and no refund is about."""
    side = "source" if isinstance(row.get("source"), dict) else "receiver"
    partner = row.get(side)
    if not isinstance(partner, dict) or not isinstance(partner.get("type"), str) or not partner["type"]:
        return "nameless"
    kind = partner["type"]
    if kind == "user":
        kind = f"user.{partner.get('transaction_type')}"
    elif kind == "chat" and "gift" in partner:
        kind = "chat.gift"
    elif kind == "fragment":
        kind = f"fragment.{'in' if side == 'source' else 'out'}"
    return "".join(one if one.isprintable() else "?" for one in kind)[:LONGEST_KIND]


def record(row: Mapping[str, Any], now: datetime) -> bool:
    """Book a row that is no sale and no refund; False when it is booked already.

    :raise Unreadable: its id, amount or date is not one
    """
    sign = -1 if isinstance(row.get("receiver"), dict) else 1
    facts = dict(row)
    nanos = number({"nanostar_amount": 0, **facts}, "nanostar_amount", NANOS - 1)
    stars = number(facts, "amount", LARGEST_STARS)
    return _book(facts, kind_of(row), sign, sign * stars, sign * nanos, now)


def record_share(row: Mapping[str, Any], booked_stars: int, now: datetime) -> bool:
    """Book what a sale's or a refund's row lacks of what is on the ledger, because an affiliate has it.

    Whether rows leave the share out is not documented: of one that does not, nothing is lacking.

    :param booked_stars: what the ledger has of the same sale or refund
    """
    facts = dict(row)
    sign = 1 if isinstance(row.get("source"), dict) else -1
    nanos = number({"nanostar_amount": 0, **facts}, "nanostar_amount", NANOS - 1)
    lacking = booked_stars * NANOS - number(facts, "amount", LARGEST_STARS) * NANOS - nanos
    if lacking <= 0:
        return False
    stars, rest = divmod(lacking, NANOS)
    return _book(facts, AFFILIATE_SHARE, sign, -sign * stars, -sign * rest, now)


def totals() -> list[Total]:
    """Return what all movements come to, by kind."""
    sums = func.count(), func.sum(Movement.stars), func.sum(Movement.nanostars)
    query = select(Movement.kind, *sums).group_by(Movement.kind).order_by(Movement.kind)
    return [
        Total(kind, count, int(stars), int(nanos)) for kind, count, stars, nanos in db.session.execute(query)
    ]


def balance() -> tuple[int, int]:
    """Return the Stars and nanostars that the bot has by these books: the ledger and the movements."""
    on_ledger = db.session.scalar(select(func.sum(LedgerEntry.stars))) or 0
    sums = totals()
    nanos = sum(one.nanostars for one in sums)
    whole = (int(on_ledger) + sum(one.stars for one in sums)) * NANOS + nanos
    return _split(whole)


def amount(stars: int, nanostars: int) -> str:
    """Return an amount in Stars as people read it: 237.5 or -12."""
    whole = stars * NANOS + nanostars
    digits = f"{abs(whole) // NANOS}.{abs(whole) % NANOS:09}".rstrip("0").rstrip(".")
    return f"{'-' if whole < 0 else ''}{digits}"


def _split(whole: int) -> tuple[int, int]:
    sign = -1 if whole < 0 else 1
    return sign * (abs(whole) // NANOS), sign * (abs(whole) % NANOS)


def _book(facts: dict[str, Any], kind: str, sign: int, stars: int, nanostars: int, now: datetime) -> bool:
    values = {
        "row_id": text(facts, "id", 255),
        "direction": "in" if sign > 0 else "out",
        "kind": kind,
        "stars": stars,
        "nanostars": nanostars,
        "occurred_at": moment(facts, "date"),
        "recorded_at": now,
    }
    return insert_once(Movement, values, returning="row_id") is not None
