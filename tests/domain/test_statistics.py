from contextlib import suppress
from datetime import datetime, timedelta
from threading import Barrier, Thread

import pytest
from flask import Flask

from tests.kit import arrange
from tests.kit.arrange import ALICE, MINUTE, NOW
from webapp.db.engine import db
from webapp.db.models import InboxItem, OutboxMessage, Signal
from webapp.db.transactions import transaction
from webapp.domain.owner import statistics
from webapp.domain.owner.statistics import Gates, Running, Sales
from webapp.domain.queue import inbox, leases, outbox
from webapp.domain.sales import charges, quarantine, reconciliation, refunds
from webapp.errors import AlreadyGranted

SECOND = timedelta(seconds=1)
# What says nothing about the database is asked of one.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def sold(charge_id: str, slug: str = "week", *, at: datetime = NOW, lag: float = 1, **changes) -> None:
    """Have Alice pay for something at a moment, recorded a little later."""
    order = arrange.order(arrange.meet(ALICE), slug, now=at)
    told = arrange.facts(order, charge_id, charged_at=at, **changes)
    arrange.pay(told, now=at + lag * SECOND)


def asked(query_id: str, *, at: datetime = NOW, took: float = 0.02, **changes) -> None:
    order = arrange.order(arrange.meet(ALICE), "week", now=at)
    question = arrange.question(order, query_id, received_at=at, **changes)
    arrange.decide(question, now=at + took * SECOND)


def read(running: Running, now: datetime):
    sums = running.read(now)
    db.session.rollback()
    return sums


@pytest.fixture
def sales(open_shop: None) -> Running:
    return Running(Sales())


def test_nothing_sold_is_nothing(sales):
    sums = read(sales, NOW)
    assert (dict(sums.results), sums.stars) == ({}, 0)
    assert sums.lag.cumulative()[-1] == ("+Inf", 0.0)


def test_charges_are_counted_with_their_stars(sales):
    sold("one")
    sold("two", "atlas")
    sold("three", stars=7)  # not its price: it waits for the owner
    sums = read(sales, NOW + MINUTE)
    assert dict(sums.results) == {"success": 2, "failed": 1}
    assert sums.stars == 25 + 250


def test_21_only_stars_that_were_accepted_are_counted(sales):
    sold("one", "atlas")
    sold("dollars", stars=999, currency="USD")
    sold("parked", stars=7)
    sums = read(sales, NOW + MINUTE)
    assert (sums.results["failed"], sums.stars, sums.refunded_stars) == (2, 250, 0)


def test_21_what_the_owner_gives_for_a_parked_charge_is_accepted_then(sales):
    sold("parked", stars=7)
    sold("dollars", stars=999, currency="USD")
    assert read(sales, NOW + 10 * MINUTE).stars == 0
    with transaction():
        quarantine.grant("dollars", keys=arrange.KEYS, now=NOW + 20 * MINUTE, slug="atlas")
    for slug in ("notes", "week"):  # of another charge's grants nothing is counted again
        with transaction(), suppress(AlreadyGranted):
            quarantine.grant("parked", keys=arrange.KEYS, now=NOW + 20 * MINUTE, slug=slug)
    assert read(sales, NOW + 21 * MINUTE).stars == 7
    assert read(sales, NOW + 40 * MINUTE).stars == 7
    arrange.settle(charges.get("parked"), at=NOW + 50 * MINUTE)
    assert read(sales, NOW + 60 * MINUTE).refunded_stars == 7


def test_21_what_went_back_is_counted_beside_if_it_had_been_counted(sales, alice):
    charge = arrange.pay(arrange.facts(arrange.order(alice, "atlas"), "one"))
    parked = arrange.pay(arrange.facts(arrange.order(alice, "notes"), "parked", stars=7))
    for one in (charge, parked, charge):
        arrange.settle(one)
    sums = read(sales, NOW + MINUTE)
    assert (sums.stars, sums.refunded_stars) == (250, 250)


def test_a_charge_told_twice_is_counted_once(sales, alice):
    order = arrange.order(alice, "atlas")
    for _ in range(3):
        arrange.pay(arrange.facts(order, "one"))
    assert read(sales, NOW).results["success"] == 1


def test_a_refund_takes_no_charge_out_of_the_count(sales, alice):
    charge = arrange.pay(arrange.facts(arrange.order(alice, "atlas"), "one"))
    arrange.settle(charge)
    sums = read(sales, NOW)
    assert (sums.results["success"], sums.stars) == (1, 250)


@on_sqlite
@pytest.mark.parametrize("pause", [1, 20, 59, 60, 61, 300])
def test_however_often_it_is_read_each_charge_counts_once(sales, pause):
    for number in range(5):
        sold(f"charge-{number}", at=NOW + number * pause * SECOND)
        sums = read(sales, NOW + (number * pause + 2) * SECOND)
        assert sums.results["success"] == number + 1
        assert sums.lag.cumulative()[-1] == ("+Inf", number + 1)
    assert read(Running(Sales()), NOW + timedelta(days=1)) == read(sales, NOW + timedelta(days=1))


def test_years_are_added_up_a_stretch_at_a_time(sales):
    for number, days in enumerate((0, 30, 31, 400)):
        sold(f"charge-{number}", at=NOW + timedelta(days=days), lag=number)
    sums = read(sales, NOW + timedelta(days=401))
    assert (sums.results["success"], sums.stars) == (4, 4 * 25)
    assert sums.lag.total_seconds == 0 + 1 + 2 + 3


def test_a_clock_set_back_counts_nothing_twice(sales):
    sold("one")
    for minutes in (10, 3, 12, -5, 20):
        assert read(sales, NOW + minutes * MINUTE).results["success"] == 1


def test_a_reading_that_failed_counts_nothing_twice(sales, monkeypatch):
    sold("one")
    whole = statistics._rows

    def half(*args):
        yield from whole(*args)
        raise ConnectionError

    monkeypatch.setattr(statistics, "_rows", half)
    with pytest.raises(ConnectionError):
        sales.read(NOW + 10 * MINUTE)
    db.session.rollback()
    monkeypatch.undo()
    assert read(sales, NOW + 10 * MINUTE).results["success"] == 1


def test_two_who_read_at_once_count_nothing_twice(sales, app: Flask):
    for number in range(3):
        sold(f"charge-{number}", at=NOW + number * SECOND)
    together = Barrier(4)

    def scrape() -> None:
        with app.app_context():
            together.wait()
            sales.read(NOW + 10 * MINUTE)
            db.session.remove()

    threads = [Thread(target=scrape) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(sales, NOW + 20 * MINUTE).results["success"] == 3


@on_sqlite
@pytest.mark.parametrize(
    ("lag", "bucket"), [(0, "0.5"), (0.5, "0.5"), (0.6, "1.0"), (5, "5.0"), (90_000, "+Inf"), (-3, "0.5")]
)
def test_the_time_from_charge_to_access_is_observed(sales, lag, bucket):
    sold("one", lag=lag)
    lags = read(sales, NOW + timedelta(days=2)).lag
    assert next(name for name, count in lags.cumulative() if count) == bucket
    assert lags.total_seconds == max(0, lag)


def test_decisions_are_counted_by_why_they_were_no(open_shop):
    asked("q1")
    asked("q2", stars=1)
    asked("q3", telegram_id=arrange.BOB, took=3)
    sums = read(Running(Gates()), NOW + MINUTE)
    assert dict(sums.declines) == {"PriceChanged": 1, "NotYourOrder": 1}
    assert dict(sums.latency.cumulative())["0.05"] == 2
    assert dict(sums.latency.cumulative())["4.0"] == 3


def test_nothing_waits_in_a_new_shop(app):
    assert statistics.waiting(NOW) == {
        "inbox_oldest_seconds": 0.0,
        "inbox_quarantined": 0.0,
        "outbox_oldest_seconds": 0.0,
        "refunds_unknown": 0.0,
        "charges_quarantined": 0.0,
        "statement_age_seconds": 0.0,
        "statement_drift_stars": 0.0,
        "signals_waiting": 0.0,
        "signals_oldest_seconds": 0.0,
    }


@pytest.mark.proves("I5")
def test_what_waits_is_as_old_as_the_oldest(alice):
    charge = arrange.pay(arrange.facts(arrange.order(alice), "one"))
    arrange.pay(arrange.facts(arrange.order(alice, "week"), "two", payload="not ours"))
    with transaction():
        inbox.receive({"update_id": 1}, "webhook", NOW - 30 * SECOND)
        inbox.receive({"update_id": 2}, "webhook", NOW - 5 * SECOND)
        inbox.receive(b"not an update", "webhook", NOW - 90 * SECOND)
        outbox.add(ALICE, "receipt", {}, dedupe_key="one", now=NOW - 7 * SECOND)
        signal = {"dedupe_key": "one", "name": "refunded", "telegram_id": ALICE, "facts": {}, "attempts": 0}
        moments = {"created_at": NOW - 20 * SECOND, "next_attempt_at": NOW}
        db.session.add(Signal(**signal, **moments, taken_by=[]))
    with transaction():
        reconciliation.finish(
            reconciliation.Report(drift_stars=-30), NOW - 3 * MINUTE, settled_before=NOW - 3600 * SECOND
        )
    with transaction():
        db.session.execute(db.delete(OutboxMessage).where(OutboxMessage.dedupe_key != "one"))
        refunds.mark_attempted(refunds.request_refund(charge, "why", requested_by="owner", now=NOW), NOW)
    assert statistics.waiting(NOW) == {
        "inbox_oldest_seconds": 30.0,
        "inbox_quarantined": 1.0,
        "outbox_oldest_seconds": 7.0,
        "refunds_unknown": 1.0,
        "charges_quarantined": 1.0,
        "statement_age_seconds": 180.0,
        "statement_drift_stars": -30.0,
        "signals_waiting": 1.0,
        "signals_oldest_seconds": 20.0,
    }


def test_what_is_done_or_given_up_waits_no_longer(app):
    with transaction():
        inbox.receive({"update_id": 1}, "webhook", NOW - MINUTE)
        outbox.add(ALICE, "receipt", {}, dedupe_key="one", now=NOW - MINUTE)
        outbox.add(ALICE, "receipt", {}, dedupe_key="two", now=NOW - MINUTE)
        inbox.finish(db.session.scalars(db.select(InboxItem)).one(), NOW)
        first, second = db.session.scalars(db.select(OutboxMessage))
        outbox.sent(first, NOW)
        outbox.failed(second, "blocked", NOW)
    assert set(statistics.waiting(NOW).values()) == {0.0}


def test_duties_are_told_with_their_end(app):
    with transaction():
        leases.hold("outbox", "bot-1", 30, NOW)
    # PostgreSQL counts leases by its own clock.
    assert list(statistics.duties()) == ["outbox"]
