"""The facts of a message of each kind."""

from typing import Any

from tests.kit.arrange import NOW

CHARGE = "stxQ-7_a"

FACTS: dict[str, Any] = {
    "charge_id": CHARGE,
    "title": "Deep Sky Atlas",
    "slug": "deep-sky-atlas",
    "stars": 250,
    "keys": ["atlas"],
    "pass_days": None,
    "charged_at": NOW.isoformat(),
    "problem": "WrongAmount",
    "telegram_id": 1001,
    "paid_until": "2026-05-31T12:00:00+00:00",
    "ends_at": "2026-06-01T12:00:00+00:00",
    "at": "2026-05-31T12:00:00+00:00",
    "replaced": ["Small Plan"],
    "reason": "AlreadyOwned",
    "by": "buyer",
    "count": 3,
    "broadcast": "comet",
    "text": "A comet is coming.",
    "words": "The disk may be thrown away. Set it right.",
    "name": "Alice",
    "part": 0,
    "media": "photo",
    "payments": [],
    "is_own": True,
    "minutes": 5,
    "what": "receipt",
    "since": NOW.isoformat(),
    "counts": {"receipt": 2, "renewed": 1, "refunded": 1, "renewal_off": 1, "renewal_failed": 1},
    "sums": {"receipt": 500, "renewed": 1},
}
