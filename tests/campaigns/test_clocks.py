"""T21: machines whose clocks are wrong, or jump; launches are judged by S8, and no work is done twice.

``make clocks`` lets clocks jump for five minutes, a run of the whole suite for a few seconds.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.campaigns.links import Witness
from tests.kit.market import CLOCKS, Market, audit, audit_deliveries, wishes
from tests.kit.processes import ShiftedStage, Stage

JUMPS = int(os.environ.get("JUMPS", "4"))
JUMP_EVERY_SECONDS = 2.0 if JUMPS > 4 else 1.0
HOUR = 3600.0
LEAP = 1.0  # a second that Unix time counts twice, or leaves out
OFFSETS = (0.0, HOUR, -HOUR, LEAP, -LEAP)
DAY = 24 * 3600
# How old a launch is by the shop's clock, and whether it is believed: S8 of the failure model.
S8 = {0: True, -30: True, -120: False, DAY - 120: True, DAY + 120: False}
STUCK_SECONDS = 60


@pytest.fixture
def stage(tmp_path: Path, database_url: str) -> Iterator[ShiftedStage]:
    one = ShiftedStage(tmp_path, database_url, BOT_MODE="webhook")
    yield one
    one.close()


@pytest.mark.proves("F52", "S8")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("offset", OFFSETS, ids=str)
def test_s8_a_launch_is_as_old_as_the_shops_clock_says(stage, offset):
    stage.open("web")
    stage.set_clock("web", offset)
    assert {age: is_believed(stage, time.time() + offset - age) for age in S8} == S8


def is_believed(stage: Stage, auth_date: float) -> bool:
    """Tell whether somebody is let in with a launch of that time."""
    person = stage.control("POST", "people", first_name="Dora")["id"]
    told = stage.control("POST", f"people/{person}/launch", auth_date=int(auth_date))
    answer = stage.http.post(f"{stage.web}/session", json={"init_data": told["init_data"]})
    assert answer.status_code in {200, 401}, answer.text
    return answer.status_code == 200


@pytest.mark.proves("F52", "T21")
def test_clocks_that_jump_make_no_work_be_done_twice(stage, database_url, rows, table):
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    print(f"SEED={seed} JUMPS={JUMPS}")
    # A file is used on one machine, with one clock and one bot; PostgreSQL by many.
    machines = [["web", "bot"]] if database_url.startswith("sqlite") else [["web"], ["bot"], ["bot-2"]]
    stage.open(*(name for machine in machines for name in machine))
    witness, market = Witness(stage), Market(stage)
    with stage.inside() as app, market.open(), market.giving_back(wishes(app), every_seconds=0.5):
        jump_about(stage, machines, random.Random(seed))
        assert market.wait_for(len(market.paid) + 1, seconds=STUCK_SECONDS), "nobody can buy any more"
    audit(stage, rows, market.paid)
    # A file has no clock but the machine's; what was done before a jump may be booked after it.
    clocks = timedelta(hours=2) if database_url.startswith("sqlite") else CLOCKS
    audit_deliveries(stage, table, deaths=0, clocks=clocks)
    done_once(witness)
    print(f"{len(market.paid)} payments, {JUMPS} jumps")


def jump_about(stage: ShiftedStage, machines: list[list[str]], draw: random.Random) -> None:
    """Set one machine's clock after the other, have somebody write each time, and end with all right."""
    for _ in range(JUMPS):
        offset = draw.choice(OFFSETS)
        for name in draw.choice(machines):
            stage.set_clock(name, offset)
        # Somebody else each time: what one person repeats at once is answered once.
        writer = stage.control("POST", "people", first_name="Dora")["id"]
        stage.control("POST", f"people/{writer}/messages", text="/help")
        time.sleep(JUMP_EVERY_SECONDS)
    for machine in machines:
        for name in machine:
            stage.set_clock(name, 0)


def done_once(witness: Witness) -> None:
    """Prove that nothing was asked of Telegram twice, nor anybody answered twice."""
    for method, key in {
        "answerPreCheckoutQuery": "pre_checkout_query_id",
        "refundStarPayment": "telegram_payment_charge_id",
    }.items():
        asked = Counter(call["params"][key] for call in witness.calls(method))
        assert [one for one, times in asked.items() if times > 1] == [], f"{method} twice"
    messages = [update["message"] for update in witness.updates("message")]
    wrote = Counter(str(message["from"]["id"]) for message in messages if "text" in message)
    told = Counter(str(call["params"]["chat_id"]) for call in witness.calls("sendMessage"))
    assert {writer: told[writer] for writer in wrote} == wrote
