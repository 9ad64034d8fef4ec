from datetime import timedelta

import pytest

from tests.kit.arrange import (
    ALICE,
    ATLAS,
    BIG_PLAN,
    DAY,
    MONTH,
    NOW,
    facts,
    item,
    meet,
    open_shop,
    order,
    pay,
    renew,
    subscribe,
    told,
)
from webapp.db.engine import db
from webapp.db.models import LedgerEntry, OutboxMessage, User
from webapp.db.transactions import transaction
from webapp.domain.access import entitlements, ledger
from webapp.domain.owner import reminders
from webapp.domain.sales import billing
from webapp.domain.sales.billing import Renewal

AHEAD = 3 * DAY
MONTH_PASS = item("month", kind="pass", pass_days=30, keys=("tonight", "notes"))
PLAN = item("plan", kind="subscription", stars=100, keys=("tonight",))


@pytest.fixture
def alice(app) -> User:
    open_shop(ATLAS, MONTH_PASS, PLAN, BIG_PLAN, item("week", kind="pass", pass_days=6, keys=("tonight",)))
    return meet()


def remind(now, *, ahead: timedelta = AHEAD) -> int:
    with transaction():
        return reminders.write(ahead, now)


def latest() -> dict:
    return db.session.scalars(db.select(OutboxMessage).order_by(OutboxMessage.id.desc())).first().facts


def test_a_pass_that_ends_is_told_once_days_before(alice):
    pay(facts(order(alice, "month")))
    assert remind(NOW + MONTH - 4 * DAY) == 0
    assert remind(NOW + MONTH - 3 * DAY) == 1
    assert remind(NOW + MONTH - DAY) == 0
    assert told(ALICE) == ["receipt", "pass_ends_soon"]
    assert latest() == {"title": "Month", "at": (NOW + MONTH).isoformat()}


def test_a_pass_that_ended_is_told_nothing(alice):
    pay(facts(order(alice, "month")))
    assert remind(NOW + MONTH) == 0


def test_a_short_pass_needs_no_reminder(alice):
    pay(facts(order(alice, "week")))
    assert remind(NOW + 4 * DAY) == 0


def test_what_is_for_ever_needs_no_reminder(alice):
    pay(facts(order(alice)))
    assert remind(NOW + MONTH) == 0


def test_a_plan_that_renews_says_so_each_time(alice):
    made = subscribe(alice)
    assert remind(NOW + MONTH - DAY) == 1
    assert latest() == {
        "title": "Plan",
        "stars": 100,
        "subscription": made.public_id,
        "at": (NOW + MONTH).isoformat(),
    }
    renew(made, "second", at=NOW + MONTH)
    assert remind(NOW + 2 * MONTH - DAY) == 1
    assert told(ALICE) == ["subscribed", "renews_soon", "renewed", "renews_soon"]


def test_a_cancelled_plan_says_that_it_ends(alice):
    made = subscribe(alice)
    with transaction():
        billing.note_state(Renewal(made.public_id, ALICE, "canceled", 10), NOW)
    assert remind(NOW + MONTH - DAY) == 1
    assert told(ALICE)[-1] == "plan_ends_soon"


def test_a_plan_in_the_test_environment_is_over_too_soon_to_remind(alice):
    subscribe(alice, paid_until=NOW + timedelta(minutes=5))
    assert remind(NOW + timedelta(minutes=1)) == 0


def test_a_pass_that_waits_behind_a_plan_is_told_at_its_own_end(alice):
    subscribe(alice)
    pay(facts(order(alice, "week", beside_plan=True), "pass"))
    # The plan renews, and the pass is not what ends.
    assert remind(NOW + MONTH - DAY) == 1
    assert told(ALICE)[-1] == "renews_soon"
    assert remind(NOW + MONTH + 4 * DAY) == 1
    assert told(ALICE)[-1] == "pass_ends_soon"


def test_an_owner_s_gift_is_named_by_its_key(alice):
    with transaction():
        gift = LedgerEntry(
            telegram_id=ALICE,
            kind="grant",
            keys=["tonight"],
            pass_days=30,
            occurred_at=NOW,
            recorded_at=NOW,
            cause="owner",
        )
        ledger.add(gift)
        entitlements.refresh(ALICE)
    assert remind(NOW + MONTH - DAY) == 1
    assert latest()["title"] == "tonight"
