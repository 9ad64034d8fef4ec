"""A plug-in that hangs, in a bot that is killed meanwhile: sales go on, and it hears of each of them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kit.factories import SHOP
from tests.kit.played import ALICE, BOB, CARMEN
from tests.kit.processes import Shopper, Stage, eventually

PLUGIN = """
import pathlib
import time

FOLDER = pathlib.Path(__file__).parent


def register(shop):
    @shop.purchase_granted.connect
    def welcome(signal, telegram_id, id, **facts):
        with (FOLDER / "heard").open("a") as heard:
            heard.write(f"{telegram_id} {id}\\n")
        while not (FOLDER / "go").exists():
            time.sleep(0.02)
"""


@pytest.mark.proves("I10", "I19", "I20")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_plug_in_that_hangs_while_the_bot_is_killed_hears_of_every_sale(
    tmp_path: Path, database_url: str, rows: Callable[[str], Any]
):
    folder = tmp_path / "shop"
    shutil.copytree(SHOP.path, folder)
    (folder / "plugin.py").write_text(PLUGIN)
    go = folder / "go"

    def heard(person: int) -> list[str]:
        file = folder / "heard"
        return [line for line in file.read_text().splitlines() if line.startswith(str(person))]

    def buy(person: int) -> None:
        shopper = Shopper(stage, person).sign_in()
        assert shopper.pay(shopper.order("tonight-week")["link"])["status"] == "paid"
        eventually(lambda: any(one["from"] == "bot" for one in stage.messages(person)))

    stage = Stage(tmp_path, database_url, SHOP_DIR=str(folder)).open()
    try:
        buy(ALICE)
        eventually((folder / "heard").exists)
        eventually(lambda: heard(ALICE))
        # It hangs. Telegram's questions are answered and receipts are sent all the same.
        buy(BOB)
        assert heard(BOB) == []
        stage.kill("bot")
        go.touch()
        stage.start("bot")
        eventually(lambda: rows("SELECT count(*) FROM signals") == 0)
        assert len(heard(ALICE)) == 2
        assert len(set(heard(ALICE))) == 1
        assert len(heard(BOB)) == 1
        go.unlink()
        buy(CARMEN)
        eventually(lambda: heard(CARMEN))
        assert stage.stop("bot") == 0
        assert rows("SELECT count(*) FROM signals") == 1
        assert "duties not handed over" not in stage.output("bot")
    finally:
        stage.close()
