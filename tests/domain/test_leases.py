from datetime import timedelta

import pytest

from tests.kit.arrange import NOW
from webapp import clock
from webapp.db.engine import db
from webapp.db.transactions import transaction
from webapp.domain.queue import leases

pytestmark = pytest.mark.usefixtures("app")


def hold(holder: str, seconds: float = 60, name: str = "outbox") -> int | None:
    with transaction():
        return leases.hold(name, holder, seconds, clock.now())


def test_a_duty_has_one_holder():
    assert hold("one") == 1
    assert hold("two") is None
    assert hold("one") == 1
    assert hold("two", name="reconciliation") == 1


def test_a_duty_changes_hands_when_its_holder_is_gone():
    assert hold("one", seconds=-1) == 1
    assert hold("two") == 2
    assert hold("one") is None


def test_a_duty_let_go_is_free_at_once():
    hold("one")
    with transaction():
        leases.release("outbox", "two", clock.now())
    assert hold("two") is None
    with transaction():
        leases.release("outbox", "one", clock.now())
    assert hold("two") == 2


def test_who_holds_a_duty_at_present_is_known():
    assert leases.holders(clock.now()) == set()
    hold("one")
    hold("one", name="reconciliation")
    hold("two", name="refunds")
    hold("gone", seconds=-1, name="housekeeping")
    assert leases.holders(clock.now()) == {"one", "two"}


def test_all_that_a_process_holds_can_be_let_go_at_once():
    for name in ("outbox", "reconciliation"):
        hold("gone", name=name)
    hold("two", name="refunds")
    with transaction():
        leases.release_all("gone", clock.now())
    assert not leases.is_held("outbox", clock.now())
    assert leases.is_held("refunds", clock.now())
    assert leases.holders(clock.now()) == {"two"}


@pytest.mark.proves("F52")
def test_the_databases_clock_decides_where_it_is_shared():
    hold("one")
    with transaction():
        wrong_clock = leases.hold("outbox", "two", 60, NOW + timedelta(days=9999))
    assert (wrong_clock is None) == (db.engine.dialect.name == "postgresql")


@pytest.mark.proves("F52")
def test_f52_a_duty_taken_by_a_clock_that_was_ahead_changes_hands():
    """And one that is taken by clocks that agree does not."""
    assert hold("one", seconds=3600) == 1
    assert hold("two") == 2
    assert hold("three") is None


@pytest.mark.proves("F52")
def test_f52_the_longest_time_for_which_a_duty_is_taken_is_believed():
    now = clock.now()
    beyond = 601 if db.engine.dialect.name == "sqlite" else 660  # PostgreSQL's clock goes on meanwhile
    with transaction():
        leases.hold("outbox", "one", 600, now)
        leases.hold("refunds", "one", beyond, now)
        assert leases.hold("outbox", "two", 60, now) is None
        assert leases.hold("refunds", "two", 60, now) == 2


def test_24_whether_anybody_is_at_work_and_until_when_somebody_was():
    assert leases.at_work(clock.now()) == (False, None)
    hold("one")
    hold("one", name="something-else", seconds=300)
    is_at_work, last = leases.at_work(clock.now())
    assert is_at_work
    with transaction():
        leases.release_all("one", clock.now())
    is_at_work, ended = leases.at_work(clock.now())
    assert (is_at_work, ended < last) == (False, True)
