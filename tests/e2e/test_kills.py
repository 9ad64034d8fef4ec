"""T4: processes killed at random moments in the middle of sales; nothing may be lost, doubled or stuck."""

import os
import random
import time

import pytest
from flask import Flask

from tests.kit.market import Market, audit, audit_deliveries
from tests.kit.played import CARMEN
from tests.kit.processes import EVERY_STAGE, SHARED_PORT, SHORT_STAGES, Stage
from webapp.domain.owner.audit import Decision
from webapp.errors import ChargeNotFound
from webapp.usecases import owner

KILLS = int(os.environ.get("KILLS", "16"))  # over all stages; make kill: 1,000
STAGES = EVERY_STAGE if KILLS > 100 else SHORT_STAGES
EACH = KILLS // len(STAGES)
PAYMENTS_A_KILL = 20 if KILLS > 100 else 3
PROCESSES = ("web", "web-2", "bot", "bot-2")  # both webs listen at one port, which the kernel shares out
GIVE_BACK_EVERY_SECONDS = 1.0


@pytest.mark.proves("T4")
@pytest.mark.parametrize(("database_url", "mode"), STAGES, indirect=["database_url"])
def test_nothing_is_lost_however_often_processes_die(tmp_path, database_url, rows, table, mode):
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    print(f"SEED={seed} KILLS={KILLS}")
    draw = random.Random(seed)
    stage = Stage(tmp_path, database_url, BOT_MODE=mode)
    stage.commands = {"web": SHARED_PORT}
    try:
        stage.open(*PROCESSES)
        # The owner is told of every refund that is not ours, and can be.
        stage.control("PATCH", f"people/{CARMEN}", started=True)
        market = Market(stage)
        with stage.inside() as app, market.open():
            owner = Owner(stage, app, random.Random(seed))
            with market.giving_back(owner.give_back, every_seconds=GIVE_BACK_EVERY_SECONDS):
                kill_often(stage, market, draw)
        took = audit(stage, rows, market.paid)
        audit_deliveries(stage, table, deaths=EACH + owner.deaths)
        print(
            f"{len(market.paid)} payments, {owner.returns} to be given back, {EACH} kills and {owner.deaths} "
            f"of the owner's command, caught up in {took:.1f} s"
        )
    finally:
        stage.close()


def kill_often(stage: Stage, market: Market, draw: random.Random) -> None:
    """Kill any of the processes at random moments, and have it started again as a platform does."""
    for _ in range(EACH):
        market.wait_for(len(market.paid) + PAYMENTS_A_KILL, seconds=20)
        time.sleep(draw.uniform(0, 0.3))
        name = draw.choice(PROCESSES)
        stage.kill(name)
        stage.start(name)


class Owner:
    """Gives charges back, by whatever way, while everything dies around them."""

    def __init__(self, stage: Stage, app: Flask, draw: random.Random) -> None:
        self.stage = stage
        self.app = app
        self.draw = draw
        self.returns = 0
        self.deaths = 0  # of the command

    def give_back(self, charge_id: str) -> None:
        self.returns += 1
        ways = (self._by_command, self._from_another_process, self._at_telegram)
        self.draw.choices(ways, weights=(1, 3, 3))[0](charge_id)

    def _by_command(self, charge_id: str) -> None:
        """Run the command, and have it killed every other time, somewhere between its start and its end."""
        process = self.stage.start("refund", f"flask --app webapp refund {charge_id} --reason asked")
        if self.draw.random() < 0.5:
            time.sleep(self.draw.uniform(0.5, 2))
            self.deaths += process.poll() is None
            self.stage.kill("refund")
        else:
            process.wait(60)

    def _from_another_process(self, charge_id: str) -> None:
        with self.app.app_context():
            try:
                context = self.app.extensions["context"]
                owner.refund(context, charge_id, Decision("shell", "asked"))
            except ChargeNotFound:
                self.returns -= 1  # paid, and not yet known to us

    def _at_telegram(self, charge_id: str) -> None:
        self.stage.control("POST", f"charges/{charge_id}/refund")
