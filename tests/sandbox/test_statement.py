"""Telegram's statement: pages, rows that come late or out of order, and rows of every kind."""

from typing import Any

import pytest

from tests.kit.played import ALICE
from tests.kit.processes import Stage
from tests.sandbox.conftest import Bot, charge, control, jump

STRANGE = {
    "a withdrawal": {"amount": 9, "receiver": {"type": "fragment", "withdrawal_state": {"type": "pending"}}},
    "an advertisement": {"amount": 9, "receiver": {"type": "telegram_ads"}},
    "broadcasts": {"amount": 9, "receiver": {"type": "telegram_api", "request_count": 90}},
    "an affiliate's commission": {
        "amount": 9,
        "nanostar_amount": 500_000_000,
        "source": {"type": "affiliate_program", "commission_per_mille": 100},
    },
    "a chat": {"amount": 9, "source": {"type": "chat", "chat": {"id": -1001, "type": "channel"}}},
    "other": {"amount": 9, "source": {"type": "other"}},
    "a type nobody knows yet": {"amount": 9, "source": {"type": "moon_landing", "crew": [1, 2, 3]}},
    "no side": {"amount": 9},
    "an amount in words": {"amount": "nine", "source": {"type": "other"}},
    "no id": {"id": None, "amount": 9, "source": {"type": "other"}},
    "a date in words": {"date": "yesterday", "amount": 9, "source": {"type": "other"}},
}


def shown(bot: Bot, offset: int = 0, limit: int = 100) -> list[Any]:
    """Return the ids that the bot sees."""
    page = bot.call("getStarTransactions", offset=offset, limit=limit)
    return [row["id"] for row in page["transactions"]]


def book(telegram: Stage, *names: str, **row: Any) -> None:
    for name in names:
        telegram.control("POST", "statement", id=name, amount=1, source={"type": "other"}, **row)


def test_pages_go_on_from_where_the_last_one_ended(telegram, bot):
    book(telegram, "a", "b", "c")
    assert (shown(bot, 0, 2), shown(bot, 2, 2), shown(bot, 4, 2)) == (["a", "b"], ["c"], [])


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 101}, {"offset": -1}, {"offset": "x"}], ids=str)
def test_a_page_that_cannot_be_is_refused(bot, wrong):
    assert bot.refusal("getStarTransactions", **wrong).startswith("Bad Request: ")


def test_rows_may_come_late(telegram, bot):
    telegram.control("PUT", "troubles", statement_lag_seconds=600)
    paid = charge(telegram, ALICE, bot.invoice())
    assert shown(bot) == []
    jump(telegram, 599)
    assert shown(bot) == []
    jump(telegram, 2)
    assert shown(bot) == [paid["id"]]


def test_the_balance_does_not_wait_for_late_rows(telegram, bot):
    telegram.control("PUT", "troubles", statement_lag_seconds=600)
    charge(telegram, ALICE, bot.invoice())
    assert bot.call("getMyStarBalance") == {"amount": 30}


def test_young_rows_may_be_out_of_order_and_come_right(telegram, bot):
    book(telegram, "old 1", "old 2")
    jump(telegram, 61)
    book(telegram, "new 1", "new 2", "new 3")
    telegram.control("PUT", "troubles", statement_reorder=True)
    assert shown(bot) == ["old 1", "old 2", "new 3", "new 2", "new 1"]
    assert shown(bot, 2, 1) == ["new 3"]
    jump(telegram, 61)
    assert shown(bot) == ["old 1", "old 2", "new 1", "new 2", "new 3"]


@pytest.mark.parametrize("row", STRANGE.values(), ids=STRANGE.keys())
def test_a_row_is_told_as_it_was_booked_however_strange(telegram, bot, row):
    telegram.control("POST", "statement", **row)
    [told] = bot.call("getStarTransactions")["transactions"]
    assert {key: told[key] for key in row} == row
    assert {"id", "date", "amount"} <= told.keys()


@pytest.mark.parametrize("row", STRANGE.values(), ids=STRANGE.keys())
def test_a_strange_row_breaks_neither_the_balance_nor_the_troubles(telegram, bot, row):
    telegram.control("POST", "statement", **row)
    telegram.control("PUT", "troubles", statement_lag_seconds=1, statement_reorder=True)
    side = {"source": 9, "receiver": -9}.get(next((key for key in row if key in ("source", "receiver")), ""))
    assert bot.call("getMyStarBalance") == {"amount": side if side and row["amount"] == 9 else 0}
    assert bot.answer("getStarTransactions").status_code == 200


@pytest.mark.parametrize(
    ("body", "sentence"),
    [({}, "a row needs at least an amount"), ([1], "the body must be a JSON object")],
    ids=["empty", "a list"],
)
def test_what_is_no_row_is_refused(telegram, body, sentence):
    refused = control(telegram, "POST", "statement", body)
    assert (refused.status_code, refused.json()) == (400, {"error": sentence})
    assert telegram.control("GET", "statement") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"statement_lag_seconds": -1},
        {"statement_lag_seconds": "long"},
        {"statement_lag_seconds": True},
        {"statement_reorder": 1},
        {"balance_too_low": "yes"},
        {"ask_on_renewal": None},
        {"reorder": 1},
        {"statement_lag": 5},
    ],
    ids=str,
)
def test_a_trouble_that_makes_no_sense_is_refused(telegram, wrong):
    calm = telegram.state()["troubles"]
    assert control(telegram, "PUT", "troubles", wrong).status_code == 400
    assert telegram.state()["troubles"] == calm
