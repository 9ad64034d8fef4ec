"""Every reason has its words."""

from dataclasses import replace
from typing import Any

import pytest

from tests.kit.arrange import DAY, NOW
from webapp.domain.access.access import Access
from webapp.domain.access.explanations import Explanation, Step
from webapp.i18n import localize
from webapp.texts import explanations

pytestmark = [
    pytest.mark.usefixtures("app"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
STEP = Step("charge", "Atlas", NOW, "opens", "update:1", "charge-1", 250, None, None, 0)


def told(**changes: Any) -> str:
    with localize.speaking("en"):
        return explanations.entry(replace(STEP, **changes))


def verdict(what: str, *, key: str = "atlas", access: Access | None = None) -> str:
    with localize.speaking("en"):
        return explanations.verdict(Explanation(key, access, False, what, ()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Atlas, paid with 250 Stars: unlocks it for good."),
        ({"stars": 1}, "Atlas, paid with 1 Star: unlocks it for good."),
        ({"pass_days": 1}, "Atlas, paid with 250 Stars: gives 1 day."),
        ({"pass_days": 7}, "Atlas, paid with 250 Stars: gives 7 days."),
        ({"paid_until": NOW}, "Atlas, paid with 250 Stars: unlocks it until 1 May 2026, 12:00 UTC."),
        (
            {"paid_until": NOW, "grace_days": 2},
            "Atlas, paid with 250 Stars: unlocks it until 1 May 2026, 12:00 UTC, and 2 days longer if a "
            "renewal is late.",
        ),
        ({"effect": "ended"}, "Atlas, paid with 250 Stars: it has ended."),
        ({"effect": "revoked"}, "Atlas, paid with 250 Stars: it counted until the shop revoked it."),
        ({"effect": "refunded"}, "Atlas, paid with 250 Stars: no longer counts: it was refunded."),
        (
            {"effect": "suspended"},
            "Atlas, paid with 250 Stars: doesn't count while its refund is in progress.",
        ),
        (
            {"effect": "in_review", "title": ""},
            "A payment, paid with 250 Stars: we don't know yet what it was for.",
        ),
        (
            {"effect": "unclear", "title": ""},
            "A payment, paid with 250 Stars: it wasn't clear at first what it was for.",
        ),
        ({"kind": "grant", "cause": "owner"}, "Atlas, given by the shop: unlocks it for good."),
        ({"kind": "grant", "charge_id": None}, "Atlas, given by the shop: unlocks it for good."),
        (
            {"kind": "grant", "paid_until": NOW},
            "Atlas, extended by Telegram: unlocks it until 1 May 2026, 12:00 UTC.",
        ),
        (
            {"kind": "suspension", "effect": "suspends"},
            "Refund requested: locked until Telegram answers.",
        ),
        (
            {"kind": "restoration", "effect": "restores"},
            "Telegram refused the refund: the payment counts again.",
        ),
        ({"kind": "refund", "effect": "refunds", "stars": -250}, "Refunded: 250 Stars."),
        ({"kind": "revocation", "effect": "revokes"}, "The shop revoked it."),
    ],
    ids=str,
)
def test_an_entry_says_what_happened_and_what_it_does(changes: dict[str, Any], words: str) -> None:
    assert told(**changes) == words


@pytest.mark.parametrize(
    ("what", "access", "words"),
    [
        ("for_ever", Access(NOW, None), "Unlocked for good."),
        ("until", Access(NOW, NOW + DAY), "Unlocked until 2 May 2026, 12:00 UTC."),
        ("ended", Access(NOW, NOW + DAY), "Locked: it ended on 2 May 2026, 12:00 UTC."),
        ("suspended", None, "Locked while a refund is in progress."),
        ("refunded", None, "Locked: what unlocked it was refunded."),
        ("revoked", None, "Locked: the shop revoked it."),
    ],
)
def test_a_verdict_is_one_sentence(what: str, access: Access | None, words: str) -> None:
    assert verdict(what, access=access) == words


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("in_review", "Unlocks nothing yet: the shop is checking what it was for."),
        ("suspended", "Unlocks nothing: it is being refunded."),
        ("refunded", "Unlocks nothing: it was refunded."),
    ],
)
def test_a_payment_that_opens_nothing_says_so(what: str, words: str) -> None:
    assert verdict(what, key="") == words
