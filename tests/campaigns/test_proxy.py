"""T13: every link of the shop in trouble, by turns; the books agree afterwards, and nothing hangs.

``make faults`` runs all 40 scenarios, a run of the whole suite some of them, drawn by the seed.
"""

import math
import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.campaigns.links import LinkedStage, Witness
from tests.kit.market import Market, Rows, Table, audit, audit_deliveries, moment, wishes
from tests.kit.processes import Stage, eventually
from tests.kit.proxy import SOUND, Fault, Proxy
from webapp.domain.sales import pre_checkouts

SEED = int(os.environ.get("SEED", random.randrange(10**6)))
SCENARIOS = int(os.environ.get("SCENARIOS", "2"))
PAYMENTS = int(os.environ.get("PAYMENTS", "3"))  # while each scenario lasts
ONLY = os.environ.get("ONLY", "")  # a place, a fault, or both as they are printed
FAULTS = {
    "latency of 1 s": Fault(latency_seconds=1),
    "latency of 8 s": Fault(latency_seconds=8),
    "resets": Fault(cut="reset"),
    "black hole": Fault(cut="silence"),
    "half-closed": Fault(cut="half-close"),
    "bytes one by one": Fault(slices=True),
    "bytes trickling": Fault(slices=True, pause_seconds=0.005),
    "truncated answers": Fault(cut="truncate"),
}
# Cuts for each thing said: a transaction says about ten to its database, a call one to Telegram.
SHARES = {"database": 0.15, "telegram": 0.4, "web": 0.4}
PLACES = {
    "postgresql": ("web-database", "bot-database", "telegram-web"),
    "sqlite": ("web-telegram", "bot-telegram"),
}
MODES = {"postgresql": "webhook", "sqlite": "polling"}
EVERY = {
    database: [(place, name) for place in places for name in FAULTS if ONLY in f"{place}, {name}"]
    for database, places in PLACES.items()
}
TROUBLED_SECONDS = 3.0
STUCK_SECONDS = 30
AGAIN_SECONDS = 150  # until Telegram has brought again, or forgotten, whatever was not taken
HASTE_SECONDS = 1.0  # from the last look at the clock to Telegram, on a busy machine
THREADS = 64  # of two web processes


@pytest.fixture
def stage(tmp_path: Path, database_url: str) -> Iterator[LinkedStage]:
    kind = "postgresql" if database_url.startswith("postgres") else "sqlite"
    one = LinkedStage(tmp_path, database_url, seed=SEED, BOT_MODE=MODES[kind])
    yield one.open()
    one.close()


@pytest.mark.proves("T13")
@pytest.mark.parametrize("database_url", [one for one in EVERY if EVERY[one]], indirect=True)
def test_no_trouble_between_two_parts_costs_a_star(stage, rows, table, request):
    print(f"SEED={SEED} SCENARIOS={SCENARIOS} PAYMENTS={PAYMENTS}")
    scenarios = drawn(request.node.callspec.params["database_url"])
    witness = Witness(stage)
    paid: list[str] = []
    for place, name in scenarios:
        market, begun, link = Market(stage), time.time(), stage.links[place]
        sell_through(link, replace(FAULTS[name], share=SHARES[place.rpartition("-")[2]]), market)
        everything_moves(stage, rows)
        says_yes_in_time(witness, table, begun, latency_seconds=FAULTS[name].latency_seconds)
        paid += market.paid
        took = time.time() - begun
        print(f"{place}, {name}: {len(market.paid)} payments and {link.cuts} cuts in {took:.0f} s")
        link.cuts = 0
    eventually(lambda: not stage.state()["pending"], seconds=AGAIN_SECONDS)
    took = audit(stage, rows, paid)
    # Whatever message was said to a cut link is said again.
    audit_deliveries(stage, table, deaths=len(witness.calls("sendMessage")))
    print(f"{len(paid)} payments, caught up {took:.1f} s after the last trouble")


def drawn(database: str) -> list[tuple[str, str]]:
    """Return this database's share of the scenarios, drawn by the seed."""
    every = EVERY[database]
    share = math.ceil(SCENARIOS * len(every) / sum(map(len, EVERY.values())))
    return sorted(random.Random(SEED).sample(every, min(share, len(every))), key=every.index)


def sell_through(link: Proxy, fault: Fault, market: Market) -> None:
    """Have people buy, and some charges given back, while the trouble comes and goes."""
    with market.stage.inside() as app, market.open(), market.giving_back(wishes(app), every_seconds=0.3):
        while len(market.paid) < PAYMENTS:
            link.fault = fault
            market.wait_for(PAYMENTS, seconds=TROUBLED_SECONDS)
            link.fault = SOUND
            wanted = min(PAYMENTS, len(market.paid) + 1 + PAYMENTS // 10)
            assert market.wait_for(wanted, seconds=STUCK_SECONDS), f"stuck after {fault}"
        link.fault = fault
    link.fault = SOUND


def everything_moves(stage: Stage, rows: Rows) -> None:
    """Prove that no thread is stuck: everybody is served, and a purchase goes all the way."""
    begun = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        ready = pool.map(lambda _: stage.http.get(f"{stage.web}/readyz").status_code, range(THREADS))
        assert set(ready) <= {200, 503}
    market = Market(stage)
    with market.open(buyers=4):
        assert market.wait_for(4, seconds=STUCK_SECONDS), "nobody can buy any more"
    told = "SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL AND dedupe_key = 'receipt:{}'"
    for charge_id in market.paid:
        left = max(0.0, begun + STUCK_SECONDS - time.monotonic())
        eventually(lambda charge_id=charge_id: rows(told.format(charge_id)) == 1, seconds=left)


def says_yes_in_time(witness: Witness, table: Table, since: float, *, latency_seconds: float) -> None:
    """Prove that every yes was committed before, and said within our six seconds or not at all."""
    approved = "SELECT query_id, received_at FROM pre_checkouts WHERE declined_because IS NULL"
    received_at = {query_id: moment(at).timestamp() for query_id, at in table(approved)}
    said = {
        call["params"]["pre_checkout_query_id"]: call["at"]
        for call in witness.calls("answerPreCheckoutQuery")
        if call["params"]["ok"]
    }
    assert said.keys() <= received_at.keys(), "a yes that was not committed"
    limit = pre_checkouts.ANSWER_WITHIN_SECONDS + latency_seconds + HASTE_SECONDS
    late = {
        query_id: at - received_at[query_id]
        for query_id, at in said.items()
        if received_at[query_id] >= since and at - received_at[query_id] > limit
    }
    assert late == {}
