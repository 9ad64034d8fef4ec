"""The clock that jumps: what follows it, and what does not let it."""

import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.kit.played import ALICE
from tests.kit.processes import Stage, eventually
from tests.sandbox.conftest import Bot, charge, control, jump

DAY = 24 * 3600
NEAR = 30  # seconds that a slow machine may take for a test


@pytest.fixture(params=[DAY, -DAY], ids=["ahead", "behind"])
def moved(telegram: Stage, request: pytest.FixtureRequest) -> float:
    """Where the sandbox's time is now."""
    jump(telegram, request.param)
    return time.time() + float(request.param)


def test_the_clock_tells_where_it_is(telegram):
    assert telegram.control("POST", "clock", seconds=100)["offset_seconds"] == 100
    assert telegram.control("POST", "clock", seconds=-40)["offset_seconds"] == 60
    told = telegram.control("POST", "clock", offset_seconds=-5)
    assert told["offset_seconds"] == -5
    assert told["now"] == pytest.approx(time.time() - 5, abs=NEAR)
    assert telegram.control("GET", "clock")["offset_seconds"] == -5
    assert telegram.state()["clock"]["offset_seconds"] == -5


def test_every_answer_of_the_bot_api_tells_that_time(bot, moved):
    for method in ("getMe", "getNothing"):
        date = parsedate_to_datetime(bot.answer(method).headers["Date"])
        assert date.timestamp() == pytest.approx(moved, abs=NEAR)


def test_messages_charges_and_rows_are_of_that_time(telegram, bot, moved):
    paid = charge(telegram, ALICE, bot.invoice())
    assert paid["date"] == pytest.approx(moved, abs=NEAR)
    assert bot.updates("message")[0]["date"] == pytest.approx(moved, abs=NEAR)
    assert telegram.control("GET", "statement")[0]["date"] == pytest.approx(moved, abs=NEAR)


def test_launch_data_is_of_that_time(telegram, moved):
    launch = telegram.control("POST", f"people/{ALICE}/launch", **{"from": "menu"})
    [told] = parse_qs(launch["init_data"])["auth_date"]
    assert int(told) == pytest.approx(moved, abs=NEAR)


def test_a_reset_brings_it_back(telegram, moved):
    telegram.control("POST", "reset")
    assert telegram.state()["clock"]["offset_seconds"] == 0


@pytest.mark.parametrize("seconds", [11, 3600], ids=str)
def test_a_question_to_the_bot_does_not_outlast_a_jump(telegram, bot, seconds):
    slug = bot.invoice()
    with ThreadPoolExecutor() as pool:
        paying = pool.submit(control, telegram, "POST", f"invoices/{slug}/pay", {"person": ALICE})
        [query] = eventually(lambda: bot.updates("pre_checkout_query"))
        jump(telegram, seconds)
        assert paying.result().json() == {"status": "failed", "error": "BOT_PRECHECKOUT_TIMEOUT"}
    late = bot.refusal("answerPreCheckoutQuery", pre_checkout_query_id=query["id"], ok=True)
    assert late.startswith("Bad Request: query is too old and response timeout expired")


def test_a_jump_back_does_not_lengthen_a_wait(telegram, bot):
    slug = bot.invoice()
    with ThreadPoolExecutor() as pool:
        paying = pool.submit(control, telegram, "POST", f"invoices/{slug}/pay", {"person": ALICE})
        eventually(lambda: bot.updates("pre_checkout_query"))
        jump(telegram, -DAY)
        jump(telegram, 11)
        assert paying.result().json()["error"] == "BOT_PRECHECKOUT_TIMEOUT"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"seconds": 1, "offset_seconds": 1},
        {"days": 1},
        {"seconds": "soon"},
        {"seconds": True},
        {"seconds": None},
        {"seconds": 1e300},
        {"offset_seconds": -1e10},
        [60],
    ],
    ids=str,
)
def test_a_jump_that_makes_no_sense_is_refused(telegram, body):
    assert control(telegram, "POST", "clock", body).status_code == 400
    assert telegram.state()["clock"]["offset_seconds"] == 0


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_jump_by_what_is_no_number_is_refused(telegram, number):
    url, headers = f"{telegram.sandbox}/sandbox/clock", {"Content-Type": "application/json"}
    refused = telegram.http.post(url, content=f'{{"seconds": {number}}}', headers=headers)
    assert refused.json() == {"error": "seconds must be a number"}


def test_a_sandbox_started_again_goes_on_from_its_file(tmp_path: Path):
    state_file = ("--state", str(tmp_path / "state.json"))
    stage = Stage(tmp_path, "sqlite:///unused.db").play(*state_file)
    try:
        bot = Bot(stage)
        jump(stage, DAY)
        charge(stage, ALICE, bot.plan())
        stage.control("POST", "statement", amount=9, source={"type": "other"})
        bot.call("deleteWebhook", drop_pending_updates=True)
        stage.control("POST", f"people/{ALICE}/messages", text="Still there?")
        before = stage.state()
        updates = stage.control("GET", "updates")
        assert stage.stop("sandbox") == 0
        after = stage.play(*state_file).state()
        for name in ("people", "balance", "subscriptions", "pending", "drops"):
            assert after[name] == before[name]
        assert after["clock"]["offset_seconds"] == DAY
        assert stage.control("GET", "updates") == updates
        assert [one["text"] for one in bot.updates("message")] == ["Still there?"]
    finally:
        stage.close()
