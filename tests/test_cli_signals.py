"""What the owner sees of signals that the plug-in does not take, and what they decide."""

from typing import Any

import pytest
from flask import Flask

from tests.kit import arrange
from tests.kit.arrange import ALICE
from webapp import clock
from webapp.db.engine import db
from webapp.db.models import AuditEntry, Signal
from webapp.db.transactions import transaction
from webapp.domain.access import signals

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def ids(app: Flask, alice: Any) -> list[int]:
    """Two signals, the first of which was given up."""
    signals.listen({"purchase_granted"})
    for slug in ("atlas", "notes"):
        arrange.pay(arrange.facts(arrange.order(alice, slug), f"charge-{slug}"))
    with transaction():
        first = signals.claim(clock.now())
        assert first
        first.attempts = signals.RETRIES.most_attempts
        signals.failed(first, "plugin.welcome: RuntimeError: \x1b[2Jno", [], clock.now())
    return [signal.id for signal in waiting()]


def waiting() -> list[Signal]:
    db.session.rollback()
    return signals.waiting(10)


def run(app: Flask, *args: str) -> tuple[int, str]:
    db.session.rollback()
    result = app.test_cli_runner().invoke(args=["signals", *args])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    lines = [line for line in result.output.splitlines() if not line.startswith('{"time": ')]
    return result.exit_code, "\n".join(lines)


def test_what_waits_is_listed_with_why(app, ids):
    code, said = run(app, "list")
    heads, first, second, count = said.splitlines()
    assert (code, count) == (0, "2 signals")
    assert heads.split() == ["ID", "SIGNAL", "PERSON", "CHARGE", "SINCE", "ATTEMPTS", "STATE", "ERROR"]
    assert first.split()[:4] == [str(ids[0]), "purchase_granted", str(ALICE), "charge-atlas"]
    assert "given up" in first
    assert "\x1b" not in said
    assert second.split()[-2:] == ["0", "waiting"]


def test_what_was_given_up_is_handed_over_again(app, ids):
    assert run(app, "retry", str(ids[0])) == (
        0,
        "1 signals will be retried. Follow them with signals list.",
    )
    assert [(one.attempts, one.failed_at) for one in waiting()] == [(0, None), (0, None)]
    assert run(app, "retry", "--all")[1].startswith("2 signals")
    retried = [(one.act, one.target, one.after) for one in db.session.scalars(db.select(AuditEntry))]
    assert retried == [("retry", "signals", {"count": 1}), ("retry", "signals", {"count": 2})]


def test_what_the_plug_in_need_not_hear_of_is_dismissed_for_the_records(app, ids):
    code, said = run(app, "dismiss", str(ids[0]), "--reason", "she was told by hand")
    assert (code, said) == (0, "1 signals are dismissed. What they report stays as it is.")
    assert [one.id for one in waiting()] == ids[1:]
    [entry] = db.session.scalars(db.select(AuditEntry))
    assert (entry.act, entry.telegram_id, entry.reason) == ("dismiss", ALICE, "she was told by hand")
    assert entry.target == "signal:charge:charge-atlas"
    result = app.test_cli_runner().invoke(args=["why", str(ALICE)])
    assert "dismiss  signal:charge:charge-atlas  she was told by hand" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("retry",), "Give the numbers of signals, or --all."),
        (("retry", "1", "--all"), "Give the numbers of signals, or --all."),
        (
            ("retry", "1", "777"),
            "No signal 777 waits: signals list shows those that do. Nothing was changed.",
        ),
        (("retry", "one"), "give an item's number"),
        (("dismiss", "1", "777", "--reason", "x"), "No signal 777 waits"),
        (("dismiss", "1"), "Missing option '--reason'"),
        (("dismiss", "1", "--reason", " "), "A reason is needed"),
        (("dismiss", "--reason", "x"), "Missing argument"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(app, ids, arguments, words):
    before = [(one.id, one.attempts) for one in waiting()]
    code, said = run(app, *arguments)
    assert code != 0
    assert words in said
    assert [(one.id, one.attempts) for one in waiting()] == before
    assert db.session.query(AuditEntry).count() == 0
