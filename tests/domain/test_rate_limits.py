from datetime import timedelta
from threading import Barrier, Thread

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.kit.arrange import NOW
from webapp.db.engine import db
from webapp.db.models import RateLimit
from webapp.db.transactions import run_in_transaction, transaction
from webapp.domain.people import rate_limits
from webapp.errors import RateLimited

pytestmark = pytest.mark.usefixtures("app")
SECOND = timedelta(seconds=1)


def hit(bucket: str = "invoice:1001", limit: int = 3, after: float = 0) -> int | None:
    """Return nothing for a yes, or how long to wait."""
    try:
        with transaction():
            rate_limits.hit(bucket, limit, 60, NOW + after * SECOND)
    except RateLimited as refusal:
        return refusal.retry_after_seconds
    return None


def launch(fingerprint: str, limit: int = 2, repeats: int = 60) -> int | None:
    try:
        with transaction():
            rate_limits.hit_distinct("launch:1001", fingerprint, limit, 60, NOW, repeats=repeats)
    except RateLimited as refusal:
        return refusal.retry_after_seconds
    return None


def rows() -> int:
    return db.session.scalar(select(func.count()).select_from(RateLimit))


@pytest.mark.proves("S51")
def test_s51_a_window_has_its_share_and_no_more():
    assert [hit() for _ in range(5)] == [None, None, None, 60, 60]


@pytest.mark.proves("S51")
@pytest.mark.parametrize(("after", "wait"), [(0, 60), (0.5, 60), (1, 59), (58.9, 2), (59, 1), (59.999, 1)])
def test_s51_a_refusal_says_how_long_to_wait(after, wait):
    assert [hit(limit=1, after=after) for _ in range(2)] == [None, wait]
    assert hit(limit=1, after=after + wait) is None


@pytest.mark.proves("S51")
def test_s51_one_person_does_not_use_up_anothers_share():
    assert hit("invoice:1001", limit=1) is None
    assert hit("invoice:1001", limit=1) == 60
    assert hit("invoice:1002", limit=1) is None
    assert hit("paid:1001", limit=1) is None


@pytest.mark.proves("S51")
def test_s51_the_same_launch_again_and_again_is_counted_once():
    assert [launch("one") for _ in range(9)] == [None] * 9
    assert [launch("two"), launch("three"), launch("four")] == [None, 60, 60]


@pytest.mark.proves("S51")
def test_s51_what_was_refused_once_does_not_come_in_later():
    assert [launch(name, limit=1) for name in ("one", "two", "two")] == [None, 60, 60]
    assert launch("one", limit=1) is None


@pytest.mark.proves("S51")
def test_s51_even_the_same_launch_may_not_come_for_ever():
    assert [launch("one", repeats=3) for _ in range(5)] == [None, None, None, 60, 60]
    assert launch("two", repeats=3) is None


def test_looking_refuses_what_counting_would_and_writes_nothing():
    def looked(after: float = 0) -> int | None:
        try:
            rate_limits.check("invoice:1001", 2, 60, NOW + after * SECOND)
        except RateLimited as refusal:
            return refusal.retry_after_seconds
        return None

    assert [looked(), looked(), looked()] == [None] * 3
    assert rows() == 0
    assert [hit(limit=2), looked(), hit(limit=2), looked(), looked(59.5)] == [None, None, None, 60, 1]
    assert looked(60) is None


def test_looking_sees_no_bucket_but_its_own():
    hit("invoice:1001", limit=1)
    hit("invoice:1003", limit=1)
    rate_limits.check("invoice:1002", 1, 60, NOW)
    with pytest.raises(RateLimited):
        rate_limits.check("invoice:1003", 1, 60, NOW)


def test_a_window_is_over_when_the_clock_says_so():
    assert hit(limit=1, after=59.999) is None
    assert hit(limit=1, after=60) is None
    assert hit(limit=1, after=-0.001) is None


def test_what_was_refused_leaves_no_more_than_the_share_behind():
    for _ in range(5):
        hit(limit=2)
    assert db.session.scalar(select(RateLimit.hits)) == 2


def test_windows_long_over_are_forgotten():
    hit(after=-86401)
    hit(after=-86400)
    hit()
    with transaction():
        rate_limits.sweep(NOW)
    kept = db.session.scalars(select(RateLimit.window_at).order_by(RateLimit.window_at)).all()
    assert kept == [NOW - rate_limits.KEPT, NOW]


def test_nobody_slips_through_at_the_same_moment(app: Flask):
    together = Barrier(8)
    admitted: list[bool] = []

    def knock() -> None:
        with app.app_context():
            together.wait()
            try:
                run_in_transaction(lambda: rate_limits.hit("invoice:1001", 3, 60, NOW))
                admitted.append(True)
            except RateLimited:
                admitted.append(False)

    threads = [Thread(target=knock) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(admitted) == [False] * 5 + [True] * 3
