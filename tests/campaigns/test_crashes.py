"""T3: processes that kill themselves at each crash point; nothing may be lost, doubled or stuck."""

import os
import random
import time
from collections.abc import Sequence

import pytest

from tests.kit.crash import HOWS, LIVES_ON, POINTS, find
from tests.kit.market import STUCK_SECONDS, Market, Rows, audit, audit_deliveries, wishes
from tests.kit.processes import EVERY_STAGE, SHORT_STAGES, Shopper, Stage, eventually
from webapp.usecases import statement

CRASHES = int(os.environ.get("CRASHES", "2"))  # at each point, over all stages; make crashes: 200
STAGES = EVERY_STAGE if CRASHES > 20 else SHORT_STAGES
EACH = max(1, CRASHES // len(STAGES))  # at each point, on each stage
RECEIVER = ["K0", "K1", "K2", "K3"]
WORKER = ["K4", "K5", "K6", "K7", "K8", "K9", "K10", "K11", "K12", "K13"]
BUYERS = 6
LOST_PAYMENTS, LOST_REFUNDS = 16, 8
COMMANDS = {
    "bot": "bot.py",
    "web": "gunicorn -c python:webapp.gunicorn webapp:create_app()",
    "reconcile": "flask --app webapp reconcile",
}


@pytest.mark.parametrize("point", POINTS)
def test_every_crash_point_aims_at_something(point):
    for aim in POINTS[point]:
        assert callable(find(aim.target)[2])


@pytest.mark.parametrize("how", HOWS)
def test_every_way_to_live_changes_something(how):
    assert all(find(target)[2] > value for target, value in HOWS[how].items())


@pytest.mark.proves("I4", "F1", "F2", "F3", "F4", "F5", "T3")
@pytest.mark.parametrize(("database_url", "mode"), STAGES, indirect=["database_url"])
def test_nothing_is_lost_wherever_a_process_dies(tmp_path, database_url, rows, table, mode):
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    print(f"SEED={seed} CRASHES={CRASHES}")
    draw = random.Random(seed)
    stage = Stage(tmp_path, database_url, BOT_MODE=mode, WEB_CONCURRENCY="1")
    plans = plans_for(draw, mode)
    stage.commands = {name: dying(name, lives) for name, lives in plans.items()}
    try:
        stage.open()
        market = Market(stage)
        begun = time.monotonic()
        with stage.inside() as app, market.open(BUYERS), market.giving_back(wishes(app), every_seconds=0.2):
            for name, lives in plans.items():
                wait_until_over(stage, name, lives)
        took = time.monotonic() - begun
        caught_up = audit(stage, rows, market.paid)
        kills = sum(len(deaths(stage, name)) for name in plans)
        audit_deliveries(stage, table, deaths=kills)
        print(f"{kills} kills in {took:.0f} s, {len(market.paid)} payments, caught up in {caught_up:.1f} s")
        die_in_the_statement(stage, rows, draw, mode)
        audit(stage, rows, market.paid)
    finally:
        stage.close()


def plans_for(draw: random.Random, mode: str) -> dict[str, list[str]]:
    """Return the lives of each process that is to die: each point as often as wanted, in any order."""
    if mode == "polling":
        return {"bot": shuffled(draw, lives_for(draw, RECEIVER + WORKER))}
    booking = lives_for(draw, ["K6"], hows=[""])  # in a slow life that is the worker's alone
    web = shuffled(draw, lives_for(draw, RECEIVER) + booking)
    # It ends slow, so that a bot that goes on dying has something to claim.
    return {"web": [*web, f"{LIVES_ON}:0:slow"], "bot": shuffled(draw, lives_for(draw, WORKER))}


def lives_for(draw: random.Random, points: list[str], hows: Sequence[str] = ("", ":slow")) -> list[str]:
    return [f"{point}:{draw.randint(1, 3)}{draw.choice(hows)}" for point in points for _ in range(EACH)]


def shuffled(draw: random.Random, lives: list[str]) -> list[str]:
    return draw.sample(lives, len(lives))


def dying(name: str, lives: list[str]) -> str:
    return f"python -m tests.kit.crash {','.join(lives)} {COMMANDS[name]}"


def wait_until_over(stage: Stage, name: str, lives: list[str]) -> None:
    """Return when every life has died where it should; one that goes on for a minute has missed it."""
    points = [life.partition(":")[0] for life in lives if not life.startswith(LIVES_ON)]
    seen, since = -1, time.monotonic()
    while len(died := deaths(stage, name)) < len(points):
        assert stage.processes[name].poll() is None, stage.output(name)
        seen, since = (len(died), time.monotonic()) if len(died) > seen else (seen, since)
        assert time.monotonic() - since < STUCK_SECONDS, f"{lives[seen]} was not passed"
        time.sleep(0.2)
    assert died == points


def deaths(stage: Stage, name: str) -> list[str]:
    words = [line.split(" ") for line in stage.output(name).splitlines() if line.endswith(" dies")]
    return [point for point, _ in words]


def die_in_the_statement(stage: Stage, rows: Rows, draw: random.Random, mode: str) -> None:
    """K14: kill whoever puts on the ledger what the statement alone tells of."""
    # Done by the first bot that lives long enough, before anything is lost.
    eventually(lambda: rows("SELECT full_pass_at FROM shop"))
    lose_updates(stage)
    page = HOWS["harsh"]["webapp.domain.sales.reconciliation:PAGE"]
    # On the first page, which is undone each time; then once on the second, with the first one kept.
    passages = [draw.randint(1, page) for _ in range(EACH - 1)] + [page + draw.randint(1, page // 2)]
    lives = [*(f"K14:{passage}" for passage in passages), f"{LIVES_ON}:0:harsh"]
    if mode == "polling":
        stage.stop("bot")  # it lets its duties go
        stage.start("statement", dying("bot", lives))
    else:
        stage.start("statement", dying("reconcile", lives))
    wait_until_over(stage, "statement", lives)


def lose_updates(stage: Stage) -> None:
    """Have Stars change hands, both ways, and no update that tells of it."""
    with stage.inside() as app:
        # So that a page begins with the first of them.
        statement.reconcile(app.extensions["context"])
    refunded = {row["id"] for row in stage.control("GET", "statement") if "receiver" in row}
    paid = [row["id"] for row in stage.control("GET", "statement") if row["id"] not in refunded]
    for _ in range(LOST_PAYMENTS):
        dora = Shopper(stage, stage.control("POST", "people", first_name="Dora")["id"]).sign_in()
        slug = dora.order("tonight-week")["link"].rpartition("$")[2]
        stage.control("POST", "charges", person=dora.id, slug=slug, silent=True)
    for charge_id in paid[-LOST_REFUNDS:]:
        stage.control("POST", f"charges/{charge_id}/chargeback", silent=True)
