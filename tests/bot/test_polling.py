"""Updates fetched, kept, and only then confirmed; F18 and F24 are names of the failure model."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from tests.covered import measured
from tests.kit import arrange
from tests.kit.hands import answers, question
from tests.kit.played import ALICE, BOB, trouble
from tests.kit.processes import ROOT, TOKEN, Shopper, Stage, eventually
from webapp import clock
from webapp.bot import poller as polling
from webapp.bot.executor import QuestionExecutor
from webapp.bot.introduction import introduce
from webapp.bot.leases import TURN_SECONDS, Turn, process_name
from webapp.bot.process import Bot
from webapp.bot.questions import Questions
from webapp.bot.wakeups import Stop, Wakeups
from webapp.db.engine import db
from webapp.db.models import InboxItem, Lease
from webapp.db.transactions import transaction
from webapp.domain.queue import inbox, leases

TAKE_NAME = "from webapp.bot.leases import process_name; print(process_name())"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def poller(app: Flask, monkeypatch: pytest.MonkeyPatch) -> polling.Poller:
    """The poller of a bot that is not otherwise at work, and that does not wait."""
    monkeypatch.setattr(polling, "POLL_SECONDS", 0)
    made = Bot(app)
    one = polling.Poller(app, made.turn, made.wakeups, made.duties.reconcile_soon)
    one.duties, one.waited = made.duties, []
    monkeypatch.setattr(made.wakeups, "pause", one.waited.append)
    return one


def write(telegram: Stage, words: str) -> None:
    telegram.control("POST", f"people/{ALICE}/messages", text=words)


def kept() -> list[str]:
    db.session.rollback()
    items = db.session.scalars(select(InboxItem).order_by(InboxItem.id))
    return [json.loads(item.body)["message"]["text"] for item in items]


def pending(telegram: Stage) -> int:
    return len(telegram.state()["pending"])


def rename(table: str, name: str) -> None:
    db.session.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))
    db.session.commit()


@pytest.mark.proves("I4", "F24")
def test_f24_an_update_is_confirmed_only_when_it_is_kept(telegram, poller):
    write(telegram, "one")
    write(telegram, "two")
    rename("inbox", "elsewhere")
    for _ in range(2):
        with pytest.raises(SQLAlchemyError):
            poller.step()
    assert poller.offset is None
    assert pending(telegram) == 2
    rename("elsewhere", "inbox")
    poller.step()
    assert kept() == ["one", "two"]
    assert pending(telegram) == 2
    poller.step()
    assert pending(telegram) == 0
    assert kept() == ["one", "two"]


@pytest.mark.proves("F1", "F24")
def test_f24_a_bot_killed_before_it_confirmed_hears_it_again(telegram, app, poller):
    write(telegram, "one")
    poller.step()
    with transaction():
        leases.release_all(poller.turn.holder, clock.now())
    another = polling.Poller(app, Turn(app, process_name()), Wakeups(0.5), after_gap=lambda: None)
    write(telegram, "two")
    another.step()
    assert kept() == ["one", "two"]


@on_sqlite
def test_updates_that_were_confirmed_do_not_come_back(telegram, poller):
    for words in ("one", "two", "three"):
        write(telegram, words)
        poller.step()
    asked = [call["params"].get("offset") for call in telegram.calls("getUpdates")]
    assert asked[0] is None
    assert asked[1:] == sorted(asked[1:])
    assert kept() == ["one", "two", "three"]


@on_sqlite
def test_all_kinds_we_need_are_asked_for(telegram, poller):
    poller.step()
    [call] = telegram.calls("getUpdates")
    assert {"message", "pre_checkout_query", "my_chat_member"} <= set(call["params"]["allowed_updates"])
    assert "chat_member" not in call["params"]["allowed_updates"]


def go_on(monkeypatch: pytest.MonkeyPatch, seconds: float) -> float:
    """Have so much time gone by, and stand still; return the clock's new ticks."""
    later = clock.ticks() + seconds
    monkeypatch.setattr(clock, "ticks", lambda: later)
    return later


@pytest.mark.proves("F7")
@on_sqlite
@pytest.mark.parametrize(
    "what",
    [
        {"status": 409},
        {"status": 429, "retry_after": 3},
        {"status": 500},
        {"status": 502},
        {"status": 400},
        {"garbage": True},
        {"lost_answer": True},
    ],
    ids=str,
)
def test_after_a_failure_the_poller_waits_and_goes_on(telegram, poller, what, monkeypatch):
    write(telegram, "one")
    trouble(telegram, "getUpdates", **what)
    poller.step()
    assert kept() == []
    [waited] = poller.waited
    assert what.get("retry_after", 1) <= waited <= 1.5 * what.get("retry_after", 1)
    go_on(monkeypatch, waited)
    poller.step()
    assert kept() == ["one"]


@on_sqlite
def test_after_a_gap_the_statement_is_asked_what_was_missed(telegram, poller, monkeypatch):
    due_at = poller.duties.due_at
    due_at["reconciliation"] = clock.ticks() + polling.GAP_SECONDS
    trouble(telegram, "getUpdates", status=500)
    poller.step()
    poller.step()
    assert due_at["reconciliation"] > clock.ticks()
    later = go_on(monkeypatch, 2 * polling.GAP_SECONDS)
    due_at["reconciliation"] = later + polling.GAP_SECONDS
    poller.step()
    assert due_at["reconciliation"] == later


@on_sqlite
def test_the_longer_it_fails_the_longer_it_waits(telegram, poller):
    trouble(telegram, "getUpdates", status=500, times=8)
    for _ in range(8):
        poller.step()
    waits = poller.waited
    assert waits[0] < 2
    assert waits[3] > 3
    poller.step()
    assert poller.pause == 1.0


@on_sqlite
def test_05_a_poller_that_failed_for_long_looks_again_every_five_seconds(telegram, poller):
    trouble(telegram, "getUpdates", status=500, times=20)
    for _ in range(20):
        poller.step()
    waits = poller.waited[10:]
    assert max(waits) <= 5
    assert len(set(waits)) == len(waits)  # not all bots at once


@on_sqlite
def test_05_a_bot_that_starts_without_telegram_looks_again_every_five_seconds(telegram, app, monkeypatch):
    stopping, waited = threading.Event(), []
    monkeypatch.setattr(stopping, "wait", waited.append)
    trouble(telegram, "getMe", status=500, times=12)
    introduce(app, app.extensions["context"].client, stopping)
    assert len(waited) == 12
    assert max(waited) <= 5


@on_sqlite
def test_a_poll_that_a_dead_process_left_open_is_no_second_program(telegram, poller, caplog):
    trouble(telegram, "getUpdates", status=409)
    poller.step()
    assert "not polling" not in caplog.text


@on_sqlite
def test_conflicts_that_do_not_end_are_told(telegram, poller, caplog, monkeypatch):
    trouble(telegram, "getUpdates", status=409, times=2)
    poller.step()
    go_on(monkeypatch, polling.CONFLICT_SECONDS + 1)
    poller.step()
    assert "Only one program may poll, and none while a webhook is set" in caplog.text


@on_sqlite
def test_a_webhook_in_the_way_is_told_at_once(telegram, poller, caplog):
    telegram.http.post(f"{telegram.sandbox}/bot{TOKEN}/setWebhook", json={"url": "https://other.test/hook"})
    poller.step()
    assert "Only one program may poll, and none while a webhook is set" in caplog.text


# Whose turn it is


@pytest.fixture
def another(app: Flask) -> Turn:
    """A second bot process of the shop, on another machine."""
    return Turn(app, "another-machine:1:ab")


def test_one_process_polls_and_the_others_stand_by(telegram, poller, another):
    assert another.renew()
    write(telegram, "one")
    poller.step()
    assert telegram.calls("getUpdates") == []
    assert poller.waited == [polling.TURN_LOOK_SECONDS]
    another.release()
    poller.step()
    assert kept() == ["one"]


@pytest.mark.proves("F7")
def test_a_process_whose_turn_ran_out_does_not_confirm(telegram, poller, another, monkeypatch):
    """It woke up late: what it is about to confirm may be another sequence by now."""
    write(telegram, "one")
    poller.step()
    assert poller.offset
    go_on(monkeypatch, TURN_SECONDS + 1)
    with transaction():
        leases.release_all(poller.turn.holder, clock.now())
    assert another.renew()
    polls = len(telegram.calls("getUpdates"))
    poller.step()
    assert len(telegram.calls("getUpdates")) == polls
    assert poller.offset is None


def test_a_turn_is_counted_from_before_the_database_was_asked(app, monkeypatch):
    """Else another process could have it in the time that the answer took."""
    turn = Turn(app, "slow:1:ab")
    hold, later = leases.hold, clock.ticks() + 5
    monkeypatch.setattr(
        leases, "hold", lambda *args: monkeypatch.setattr(clock, "ticks", lambda: later) or hold(*args)
    )
    turn.renew()
    assert turn.until < later + TURN_SECONDS - 4


def test_a_process_of_another_machine_is_waited_for(app, another):
    mine = Turn(app, process_name())
    assert another.renew()
    assert [mine.renew(), mine.renew()] == [False, False]
    with transaction():
        over = clock.now() - timedelta(seconds=1)
        db.session.execute(db.update(Lease).values(expires_at=over))
    assert mine.renew()


def test_a_dead_process_of_this_machine_is_not_waited_for(app):
    dead = subprocess.run([sys.executable, "-c", TAKE_NAME], capture_output=True, text=True, cwd=ROOT)
    Turn(app, dead.stdout.strip()).renew()
    mine = Turn(app, process_name())
    assert not mine.renew()
    assert mine.renew()


def test_a_living_process_of_this_machine_keeps_its_turn(app):
    neighbour = Turn(app, process_name())
    neighbour.renew()
    mine = Turn(app, process_name())
    assert [mine.renew(), mine.renew()] == [False, False]


def test_a_turn_that_was_let_go_is_not_taken_again(app, another):
    """The loop that renews it may be at work while the process ends."""
    mine = Turn(app, process_name())
    mine.renew()
    mine.release()
    assert not mine.renew()
    assert not mine.is_mine()
    assert another.renew()


def test_names_of_processes_fit_into_a_lease():
    assert len(process_name()) <= Lease.__table__.c.holder.type.length


@pytest.mark.proves("F18")
@on_sqlite
def test_f18_after_a_gap_the_statement_is_asked(telegram, poller):
    later = clock.ticks() + 3600
    poller.duties.due_at["reconciliation"] = later
    poller.step()
    assert poller.duties.due_at["reconciliation"] == later
    poller.heard_at -= polling.GAP_SECONDS
    poller.step()
    assert poller.duties.due_at["reconciliation"] < later


@on_sqlite
@pytest.mark.parametrize("status", [401, 404])
def test_a_token_that_is_no_longer_known_ends_the_bot(telegram, poller, status):
    trouble(telegram, "getUpdates", status=status)
    with pytest.raises(Stop, match="no longer knows this BOT_TOKEN"):
        poller.step()


# The process itself


@pytest.mark.proves("F5")
def test_05_what_was_asked_in_an_outage_does_not_decline_what_is_asked_after_it(telegram, app, alice):
    order = arrange.order(alice, now=clock.now())
    for query in ("given up", "given up too", "fresh"):
        with transaction():
            inbox.receive(question(order, query), "polling", clock.now())
    telegram.control("PUT", "troubles", api={"answerPreCheckoutQuery": {"latency_seconds": 0.3}})
    executor = QuestionExecutor(Questions(app))
    executor.answer_waiting()
    eventually(lambda: len(answers(telegram)) == 3)
    executor.executor.shutdown()
    assert answers(telegram) == [(True, "")] * 3


@on_sqlite
def test_05_one_payers_questions_leave_room_for_others(telegram, app, alice, bob):
    flood, other = arrange.order(alice, now=clock.now()), arrange.order(bob, now=clock.now())
    with transaction():
        for number in range(3):
            inbox.receive(question(flood, f"q{number}"), "polling", clock.now())
        inbox.receive(question(other, "bob's"), "polling", clock.now())
    telegram.control("PUT", "troubles", api={"answerPreCheckoutQuery": {"latency_seconds": 0.3}})
    executor = QuestionExecutor(Questions(app))
    executor.slots = threading.BoundedSemaphore(2)
    executor.answer_waiting()
    executor.executor.shutdown()
    asked = [call["params"]["pre_checkout_query_id"] for call in telegram.calls("answerPreCheckoutQuery")]
    assert "bob's" in asked[:2]


@pytest.mark.proves("F11")
@on_sqlite
def test_a_question_claimed_as_the_bot_ends_is_answered(telegram, app, alice, monkeypatch):
    made = Bot(app)
    claimed, ending = threading.Event(), threading.Event()
    claim = made.questions.questions.claim

    def claim_slowly(limit: int) -> list[InboxItem]:
        items = claim(limit)
        claimed.set()
        ending.wait(10)
        return items

    monkeypatch.setattr(made.questions.questions, "claim", claim_slowly)
    asked = question(arrange.order(alice, now=clock.now()))
    with transaction():
        inbox.receive(asked, "polling", clock.now())
    asking = threading.Thread(target=made._loop, args=(made._answer_questions,), name="questions")
    asking.start()
    assert claimed.wait(10)
    made.stop()
    draining = threading.Thread(target=made._drain, args=([asking],))
    draining.start()
    draining.join(0.5)  # long enough for what would be in the way
    ending.set()
    draining.join(10)
    made.questions.executor.shutdown()
    assert made.broken is None
    assert answers(telegram) == [(True, "")]


@pytest.fixture
def stage(tmp_path: Path, empty_sqlite: Path) -> Iterator[Stage]:
    file = tmp_path / "shop.db"
    file.write_bytes(empty_sqlite.read_bytes())
    one = Stage(tmp_path, f"sqlite:///{file}", **measured())
    yield one
    one.close()


def at_work(stage: Stage, times: int = 1) -> bool:
    return stage.output("bot").count('"event": "started"') >= times


def ends(stage: Stage, within: float = 10, name: str = "bot") -> int:
    """Ask a bot to end, and return its exit code."""
    begun = time.monotonic()
    code = stage.stop(name)
    assert time.monotonic() - begun < within
    return code


@pytest.mark.proves("F11")
def test_a_bot_told_to_end_does_so_in_the_middle_of_a_poll(stage):
    stage.open("bot")
    eventually(lambda: at_work(stage))
    assert ends(stage, within=4) == 0
    assert '"event": "stopped"' in stage.output("bot")


def polls(stage: Stage, name: str) -> int:
    """Return how often a process began to poll."""
    return stage.output(name).count('"event": "polls"')


def conflicts(stage: Stage) -> int:
    return sum(call.get("status") == 409 for call in stage.calls("getUpdates"))


@pytest.mark.proves("F7")
def test_of_two_bots_one_polls_and_the_other_takes_over(stage):
    """As when a platform starts the next release's bot before it ends the last one's, or one is killed."""
    stage.open()
    eventually(lambda: polls(stage, "bot"))
    stage.start("bot-2")
    eventually(lambda: '"event": "poll_waits"' in stage.output("bot-2"))
    stage.control("POST", f"people/{BOB}/messages", text="/help")
    eventually(lambda: len(stage.messages(BOB)) > 1)
    assert (polls(stage, "bot-2"), conflicts(stage)) == (0, 0)
    stage.kill("bot")
    alice = Shopper(stage, ALICE).sign_in()
    link = alice.order("deep-sky-atlas")["link"]
    eventually(lambda: alice.pay(link)["status"] == "paid")
    eventually(lambda: alice.has("/pages/atlas"))
    assert polls(stage, "bot-2") == 1
    # Told to end, it hands over at once, and its own poll, still open, is nobody's trouble.
    stage.start("bot")
    eventually(lambda: stage.output("bot").count('"event": "poll_waits"') == 1)
    assert ends(stage, name="bot-2") == 0
    eventually(lambda: polls(stage, "bot") == 2)
    for name in ("bot", "bot-2"):
        assert "not polling" not in stage.output(name)
    received = [
        update["update_id"] for call in stage.calls("getUpdates") for update in call.get("result") or ()
    ]
    with stage.inside():
        assert set(received) == set(db.session.scalars(select(InboxItem.update_id)))
        assert max(db.session.scalars(select(InboxItem.attempts))) == 1


@pytest.mark.proves("F11")
def test_what_has_begun_comes_to_its_end(stage):
    """Told to end between the question and its answer: Telegram still hears the yes."""
    stage.open()
    alice = Shopper(stage, ALICE).sign_in()
    link = alice.order("deep-sky-atlas")["link"]
    stage.control("PUT", "troubles", api={"answerPreCheckoutQuery": {"latency_seconds": 2, "times": 1}})
    result: dict[str, Any] = {}
    paying = stage.client()
    address = f"{stage.sandbox}/sandbox/invoices/{link.rpartition('$')[2]}/pay"
    payer = threading.Thread(
        target=lambda: result.update(paying.post(address, json={"person": ALICE}).json())
    )
    payer.start()
    eventually(lambda: not stage.state()["troubles"]["api"])
    assert ends(stage) == 0
    payer.join()
    assert result["status"] == "paid"
    stage.start("bot")
    eventually(lambda: alice.has("/pages/atlas"))


def test_a_bot_that_waits_for_telegram_can_be_told_to_end(stage):
    stage.start("bot")  # and nothing else
    eventually(lambda: "Telegram cannot be reached yet" in stage.output("bot"))
    assert ends(stage, within=4) == 0


def test_asked_twice_it_goes_at_once(stage):
    stage.open("bot")
    eventually(lambda: at_work(stage))
    stage.control("PUT", "troubles", api={"sendMessage": {"latency_seconds": 60}})
    stage.control("POST", f"people/{BOB}/messages", text="/help")
    eventually(lambda: not stage.state()["pending"])
    time.sleep(0.5)
    process = stage.processes["bot"]
    os.kill(process.pid, signal.SIGTERM)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(3) in {0, 1}


CANNOT = {
    "does not know this BOT_TOKEN": {"BOT_TOKEN": "7000000002:AAF-another-token_0123456789abcd"},
    "belongs to bot 7000000002": {"BOT_TOKEN": "7000000003:AAF-made-up-for-tests_0123456789abc"},
    "BOT_TOKEN is missing": {"BOT_TOKEN": ""},
    "SECRET_KEY is missing": {"SECRET_KEY": ""},
    "run flask --app webapp release first": {"DATABASE_URL": "sqlite:///:memory:"},
}


@pytest.mark.proves("I16")
def test_a_bot_that_cannot_work_says_why(stage):
    stage.open("bot")
    eventually(lambda: at_work(stage))
    assert ends(stage) == 0
    good = stage.environment
    for words, changes in CANNOT.items():
        stage.environment = {**good, **changes}
        assert stage.run("bot") == 1
        assert words in stage.output("bot").strip().splitlines()[-1]
    assert "Traceback" not in stage.output("bot")


@pytest.mark.proves("F54")
def test_a_token_revoked_meanwhile_ends_the_process_with_a_sentence(stage):
    stage.open("bot")
    eventually(lambda: at_work(stage))
    stage.control("PUT", "troubles", api={"getUpdates": {"status": 401}})
    stage.control("POST", f"people/{BOB}/messages", text="hello")  # ends the poll that waits
    assert stage.processes["bot"].wait(20) == 1
    assert "Telegram no longer knows this BOT_TOKEN" in stage.output("bot")


@pytest.mark.proves("F24")
def test_the_database_away_for_a_while_loses_nothing(tmp_path, postgres, template):
    postgres.psql(f"CREATE DATABASE away TEMPLATE {template} STRATEGY file_copy")
    url = postgres.get_uri("away").replace("postgresql://", "postgres://")
    stage = Stage(tmp_path, url).open()
    try:
        alice = Shopper(stage, ALICE).sign_in()
        eventually(lambda: at_work(stage))
        postgres.psql("ALTER DATABASE away WITH ALLOW_CONNECTIONS false")
        postgres.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'away'")
        stage.control("POST", f"people/{ALICE}/messages", text="/terms")
        eventually(lambda: "the database is away" in stage.output("bot"))
        time.sleep(1)
        assert stage.state()["pending"]
        postgres.psql("ALTER DATABASE away WITH ALLOW_CONNECTIONS true")
        eventually(lambda: any("Stars" in str(one) for one in stage.messages(ALICE)[1:]), seconds=40)
        alice.pay(alice.order("deep-sky-atlas")["link"])
        eventually(lambda: alice.has("/pages/atlas"))
    finally:
        stage.close()
        postgres.psql("DROP DATABASE IF EXISTS away WITH (FORCE)")


def test_a_bot_that_starts_before_its_database_waits_for_it(tmp_path, postgres, template):
    postgres.psql(f"CREATE DATABASE late TEMPLATE {template} STRATEGY file_copy")
    stage = Stage(tmp_path, postgres.get_uri("late")).play()
    try:
        postgres.psql("ALTER DATABASE late WITH ALLOW_CONNECTIONS false")
        stage.start("bot")
        eventually(lambda: "the database is away" in stage.output("bot"))
        postgres.psql("ALTER DATABASE late WITH ALLOW_CONNECTIONS true")
        eventually(lambda: at_work(stage))
    finally:
        stage.close()
        postgres.psql("DROP DATABASE IF EXISTS late WITH (FORCE)")


@on_sqlite
def test_an_update_without_an_id_is_kept_and_ends_nothing(poller):
    poller._keep([{"message": {}}, "no update at all", {"update_id": 5, "message": {"text": "one"}}])
    assert poller.offset == 6
    kinds = db.session.scalars(select(InboxItem.kind).order_by(InboxItem.id)).all()
    assert kinds == ["unreadable", "unreadable", "message"]
    poller._keep([{"message": {"text": "again"}}])
    assert poller.offset == 6
