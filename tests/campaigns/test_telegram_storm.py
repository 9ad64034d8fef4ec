"""T16: Telegram refuses, fails and is silent for a while; it is obeyed, and nothing is done twice.

``make storm`` lasts half an hour, with pauses of up to a minute; a run of the whole suite has a short one.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.campaigns.links import Witness
from tests.kit.market import STUCK_SECONDS, Market, Rows, Table, audit, audit_deliveries, moment, wishes
from tests.kit.processes import Stage, eventually

STORM_SECONDS = float(os.environ.get("STORM_SECONDS", "8"))
LONGEST_PAUSE_SECONDS = 60 if STORM_SECONDS >= 120 else 3
# A machine has one web process here: each process knows of the pauses that it was asked for itself.
PLACES = [("postgresql", "webhook"), ("sqlite", "polling")]
SHARES = {"429": 0.1 if STORM_SECONDS >= 120 else 0.25, "5xx": 0.2, "late": 0.025, "lost": 0.025}
LATE_SECONDS = 12  # longer than anybody here waits: done, when nobody listens any more
ON_THEIR_WAY_SECONDS = 0.5  # calls that had begun when Telegram asked for a pause, on a machine that is free
HOPS = 5  # how often a call waits for its turn on its way: in the shop, in Telegram, and back
BEAT_SECONDS = 0.05
ROUNDING_SECONDS = 0.05
EXEMPT = "answerPreCheckoutQuery"
WRITER = 5000000101  # somebody the sandbox starts with
WRITES_EVERY_SECONDS = 1.0


class Machine:
    """How long whoever is ready waits here for a turn: as late a call that had begun comes to Telegram."""

    def __init__(self) -> None:
        self.latest_seconds = 0.0
        self._over = threading.Event()

    @property
    def on_their_way_seconds(self) -> float:
        return ON_THEIR_WAY_SECONDS + HOPS * self.latest_seconds

    @contextmanager
    def watched(self) -> Iterator[None]:
        watcher = threading.Thread(target=self._watch)
        watcher.start()
        try:
            yield
        finally:
            self._over.set()
            watcher.join()

    def _watch(self) -> None:
        begun = time.monotonic()
        while not self._over.wait(BEAT_SECONDS):
            begun, before = time.monotonic(), begun
            self.latest_seconds = max(self.latest_seconds, begun - before - BEAT_SECONDS)


@pytest.mark.proves("F33", "F39", "T16")
@pytest.mark.parametrize(("database_url", "mode"), PLACES, indirect=["database_url"])
def test_a_storm_at_telegram_is_waited_for_and_made_up_for(tmp_path, database_url, rows, table, mode):
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    print(f"SEED={seed} STORM_SECONDS={STORM_SECONDS:g}, {mode}")
    stage = Stage(tmp_path, database_url, BOT_MODE=mode, WEB_CONCURRENCY="1").open()
    try:
        witness, market, machine = Witness(stage), Market(stage), Machine()
        with (
            machine.watched(),
            stage.inside() as app,
            market.open(),
            market.giving_back(wishes(app), every_seconds=0.5),
        ):
            storm(stage, witness, seed)
            assert market.wait_for(len(market.paid) + 1, seconds=STUCK_SECONDS), "nobody can buy any more"
        over_at = time.time()
        drained = drain(rows, max(2 * STORM_SECONDS, STUCK_SECONDS))
        audit(stage, rows, market.paid)
        # Whatever message Telegram took without a word is said again.
        audit_deliveries(stage, table, deaths=len(witness.calls("sendMessage")))
        refunded_once(witness, table, machine.on_their_way_seconds)
        paused = obeyed(witness, machine.on_their_way_seconds)
        print(f"{len(market.paid)} payments, {paused} pauses obeyed, drained {drained - over_at:.1f} s later")
        print(f"Whoever was ready waited {machine.latest_seconds:.2f} s at most.")
    finally:
        stage.close()


def storm(stage: Stage, witness: Witness, seed: int) -> None:
    """Have a part of all calls go wrong until a pause was asked for; meanwhile somebody writes to the bot."""
    troubles = [
        {"share": SHARES["429"], "status": 429, "retry_after": [1, LONGEST_PAUSE_SECONDS]},
        {"share": SHARES["5xx"], "status": 502},
        {"share": SHARES["late"], "latency_seconds": LATE_SECONDS},
        {"share": SHARES["lost"], "lost_answer": True},
    ]
    stage.control("PUT", "troubles", api={"*": troubles}, seed=seed)
    until = time.monotonic() + STORM_SECONDS
    # A slow machine makes so few calls in a short storm that none of them may be refused.
    while time.monotonic() < until or not refusals(witness):
        stage.control("POST", f"people/{WRITER}/messages", text="/help")
        time.sleep(WRITES_EVERY_SECONDS)
    stage.control("PUT", "troubles", api={})


def drain(rows: Rows, seconds: float) -> float:
    """Return when everything that had to wait was done; it takes no longer than this."""
    deadline = time.monotonic() + seconds
    for waiting in (
        "refunds WHERE done_at IS NULL AND refused_at IS NULL",
        "inbox WHERE done_at IS NULL AND quarantined_at IS NULL",
        "outbox WHERE sent_at IS NULL AND failed_at IS NULL",
    ):
        left = max(0.0, deadline - time.monotonic())
        query = f"SELECT count(*) FROM {waiting}"
        eventually(lambda query=query: rows(query) == 0, seconds=left)
    return time.time()


def refunded_once(witness: Witness, table: Table, on_their_way: float) -> None:
    """Prove that no charge was given back twice, nor asked for again once it was known to be back."""
    calls = witness.calls("refundStarPayment")
    charge = "telegram_payment_charge_id"
    given_back = Counter(call["params"][charge] for call in calls if call.get("result") is True)
    assert [one for one, times in given_back.items() if times > 1] == []
    done_at = {
        charge_id: moment(at).timestamp() for charge_id, at in table("SELECT charge_id, done_at FROM refunds")
    }
    again = [
        call["params"][charge]
        for call in calls
        if call["at"] > done_at[call["params"][charge]] + on_their_way
    ]
    assert again == []


def obeyed(witness: Witness, on_their_way: float) -> int:
    """Prove that no chat is called while Telegram wants silence in it; return how many pauses there were.

    Of a method that is about no chat, everybody is silent.
    """
    pauses = 0
    for method in {call["method"] for call in witness.calls()} - {EXEMPT}:
        calls = sorted(witness.calls(method), key=lambda call: call["at"])
        for refused in filter(is_refused, calls):
            begins, ends = refused["at"] + on_their_way, refused["at"] + pause_of(refused)
            chat = refused["params"].get("chat_id")
            same = [call for call in calls if call["params"].get("chat_id") == chat]
            early = [call for call in same if begins < call["at"] < ends - ROUNDING_SECONDS]
            assert early == [], (
                f"{method} {refused['at'] - early[0]['at']} s after it was to wait {refused['error']}"
            )
            pauses += 1
    return pauses


def refusals(witness: Witness) -> list[dict[str, Any]]:
    """Return the calls after which Telegram wanted to hear no more of their kind for a while."""
    return [call for call in witness.calls() if is_refused(call) and call["method"] != EXEMPT]


def is_refused(call: dict[str, Any]) -> bool:
    return call.get("status") == 429


def pause_of(call: dict[str, Any]) -> float:
    """Return the seconds that Telegram wanted to hear nothing."""
    return float(call["error"].rpartition(" ")[2])
