"""T8: the bot is away for thirty hours; what was paid meanwhile comes back from Telegram's statement alone.

``make outage`` has 500 payments, 50 refunds and 100 renewals in them, a run of the whole suite a handful.
"""

import os
import random
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.kit import arrange
from tests.kit.factories import TERMS_VERSION
from tests.kit.market import Rows, Table, audit, moment
from tests.kit.processes import ShiftedStage, eventually
from webapp import clock
from webapp.db.engine import db
from webapp.usecases import context, invoices

PAYMENTS = int(os.environ.get("PAYMENTS", "12"))
REFUNDS = int(os.environ.get("REFUNDS", "4"))  # from outside, half of them of what was paid before
RENEWALS = int(os.environ.get("RENEWALS", "4"))
HOUR, DAY = 3600.0, 86400.0
AWAY = 30 * HOUR
BUSY = 5 * HOUR  # in which all happens: a day later, Telegram has forgotten every update of it
MONTH = 30 * DAY
RECOVERY = timedelta(minutes=6)
SLUGS = ("tonight-week", "tonight-month", "deep-sky-atlas", "whole-sky")
PLAN = "nightly-plan"
ENOUGH_STARS = 5000
MONEY = {"successful_payment", "refunded_payment"}


class Outage:
    """A shop, its Telegram and their common clock, which can be moved on."""

    def __init__(self, stage: ShiftedStage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stage = stage
        self.seconds = 0.0
        self.paid: list[str] = []
        really = clock.now
        monkeypatch.setattr(clock, "now", lambda: really() + timedelta(seconds=self.seconds))

    def move_on(self, seconds: float) -> None:
        """Have it be so many seconds after the beginning, for everybody."""
        self.seconds = seconds
        self.stage.set_clock("bot", seconds)
        self.stage.control("POST", "clock", offset_seconds=seconds)

    def order(self, slug: str) -> tuple[int, str]:
        """Have somebody new want a product; return who, and the name of the invoice."""
        person = self.stage.control("POST", "people", first_name="Buyer", stars=ENOUGH_STARS)["id"]
        made = invoices.open_invoice(
            context.current(),
            arrange.meet(person),
            slug,
            terms_version=TERMS_VERSION,
            correlation_id="outage",
        )
        return person, str(made.invoice_link).rpartition("$")[2]

    def buy(self, slug: str) -> str:
        """Sell a product while the bot answers, and return the charge."""
        person, name = self.order(slug)
        result = self.stage.control("POST", f"invoices/{name}/pay", person=person)
        assert result["status"] == "paid", result
        self.paid.append(result["charge_id"])
        return self.paid[-1]

    def buy_unseen(self, slug: str) -> str:
        """Have a product charged for while nobody answers, and return the charge."""
        person, name = self.order(slug)
        self.paid.append(self.stage.control("POST", "charges", slug=name, person=person)["id"])
        return self.paid[-1]

    def be_busy(self, draw: random.Random, known: Collection[str]) -> None:
        """Have everything happen that nobody is there to hear of; plans are renewed by Telegram itself."""
        begun, unseen = self.seconds, []
        for after in sorted(draw.uniform(0, BUSY) for _ in range(PAYMENTS)):
            self.move_on(begun + after)
            unseen.append(self.buy_unseen(draw.choice(SLUGS)))
        self.move_on(begun + BUSY)
        for charge_id in [*known, *draw.sample(unseen, REFUNDS - len(known))]:
            self.stage.control("POST", f"charges/{charge_id}/refund")

    def updates(self) -> list[dict[str, Any]]:
        """Return the updates about money, and what became of each."""
        told = self.stage.control("GET", "updates")
        return [one for one in told if one["kind"] == "message" and MONEY & one["update"]["message"].keys()]

    def statement(self) -> set[tuple[str, str]]:
        """Return every charge and refund that Telegram's statement knows."""
        told = self.stage.control("GET", "statement")
        return {("charge" if "source" in row else "refund", row["id"]) for row in told}

    def paid_until(self) -> dict[str, datetime]:
        """Return until when each plan is paid for in Telegram's eyes, by its first charge."""
        plans = self.stage.state()["subscriptions"]
        return {one["id"]: datetime.fromtimestamp(one["paid_until"], UTC) for one in plans}

    def start_bot(self, rows: Rows) -> datetime:
        """Have the bot up and the statement read; return when it was started."""
        begun = clock.now()
        self.stage.start("bot")
        eventually(lambda: moment(rows("SELECT reconciled_at FROM shop")) > begun)
        return begun


@pytest.fixture
def outage(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outage]:
    stage = ShiftedStage(tmp_path, database_url, BOT_MODE="polling", ALL_CLOCKS="yes").open("bot")
    try:
        with stage.inside():
            yield Outage(stage, monkeypatch)
    finally:
        stage.close()


@pytest.mark.proves("F18", "T8")
def test_t8_what_a_long_outage_missed_comes_back_from_the_statement(outage, rows, table):
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    print(f"SEED={seed} PAYMENTS={PAYMENTS} REFUNDS={REFUNDS} RENEWALS={RENEWALS}")
    draw = random.Random(seed)
    known = [outage.buy(draw.choice(SLUGS)) for _ in range(REFUNDS // 2)]
    for _ in range(RENEWALS):
        outage.buy(PLAN)
    eventually(lambda: rows("SELECT count(*) FROM charges") == len(outage.paid))
    # An hour before the plans are renewed the bot is well, and then no more.
    outage.stage.stop("bot")
    outage.move_on(MONTH - HOUR)
    outage.start_bot(rows)
    outage.stage.stop("bot")
    before, heard = booked(table), {update["update"]["update_id"] for update in outage.updates()}

    outage.be_busy(draw, known)
    outage.move_on(MONTH - HOUR + AWAY)
    missed = [update for update in outage.updates() if update["update"]["update_id"] not in heard]
    assert {update["state"] for update in missed} == {"expired"}
    assert len(missed) == PAYMENTS + REFUNDS + RENEWALS
    assert booked(table) == before

    started_at = outage.start_bot(rows)
    audit(outage.stage, rows, outage.paid)
    after = booked(table)
    took = {fact: at - started_at for fact, at in after.items() if fact not in before}
    assert len(took) == len(missed)
    assert timedelta() < min(took.values()) <= max(took.values()) <= RECOVERY
    assert after.keys() == outage.statement()
    assert paid_until(table) == outage.paid_until()
    last = max(took.values()).total_seconds()
    print(f"{len(took)} facts missed, back {last:.1f} s after the start on {db.engine.dialect.name}")


def booked(table: Table) -> dict[tuple[str, str], datetime]:
    """Return every charge and refund on the ledger, and when it came there."""
    facts = table(
        "SELECT kind, charge_id, recorded_at FROM ledger_entries WHERE kind IN ('charge', 'refund')"
    )
    return {(kind, charge_id): moment(at) for kind, charge_id, at in facts}


def paid_until(table: Table) -> dict[str, datetime]:
    """Return until when each plan is paid for, by its first charge."""
    plans = table("SELECT first_charge_id, paid_until FROM subscriptions")
    return {charge_id: moment(at) for charge_id, at in plans}
