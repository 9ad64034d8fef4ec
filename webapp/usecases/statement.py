"""Telegram's statement, read to its end and put on the ledger page by page."""

import logging
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from webapp import clock
from webapp.bot_api.client import BotApiError
from webapp.db.models import User
from webapp.db.transactions import run_in_transaction, transaction
from webapp.domain.people import rate_limits
from webapp.domain.sales import reconciliation
from webapp.domain.sales.reconciliation import Report
from webapp.errors import TelegramBusy
from webapp.usecases.context import Context

log = logging.getLogger(__name__)

CHECKS_A_MINUTE = 1
ANSWER_SECONDS = 10.0  # for a page


def reconcile(context: Context, *, full: bool = False) -> Report:
    """Put on the ledger what Telegram's statement has and we have not.

    :param full: from the first row on
    :raise BotApiError: Telegram did not give a page; what was read before it is kept
    """
    settled_before = clock.now() - reconciliation.SETTLED if full else None
    offset = 0 if full else reconciliation.begin()
    report = Report()
    if full:
        # Before any charge: one that was given back must not make its successor a duplicate.
        for _, rows in _pages(context, offset):
            report.refunds_added += run_in_transaction(partial(_apply_refunds, context, rows))
    for at, rows in _pages(context, offset):
        report.add(run_in_transaction(partial(_apply_page, context, rows, at, settled_before)))
    with transaction():
        reconciliation.finish(report, clock.now(), settled_before=settled_before)
    return report


def balance(context: Context) -> tuple[int, int]:
    """Return the Stars and nanostars that the bot has by Telegram's word.

    :raise BotApiError: Telegram did not say
    """
    answer = context.client.call("getMyStarBalance", timeout_seconds=ANSWER_SECONDS)
    return int(answer["amount"]), int(answer.get("nanostar_amount", 0))


def check_payment(context: Context, buyer: User) -> Report:
    """Look into the statement because a person says they paid; once a minute each.

    :raise RateLimited: the last look was less than a minute ago
    :raise TelegramBusy: the statement cannot be read at present
    """
    with transaction():
        rate_limits.hit(f"paid:{buyer.telegram_id}", CHECKS_A_MINUTE, 60, clock.now())
    with context.slot():
        try:
            return reconcile(context)
        except BotApiError as error:
            log.warning("statement not read: %s", error.description)
            raise TelegramBusy from error


def _apply_refunds(context: Context, rows: list[dict[str, Any]]) -> int:
    return reconciliation.apply_refunds(
        rows, keys=context.keys, now=clock.now(), owner_ids=context.config.owner_chats
    )


def _apply_page(
    context: Context, rows: list[dict[str, Any]], offset: int, settled_before: datetime | None
) -> Report:
    return reconciliation.apply_page(
        rows,
        offset,
        keys=context.keys,
        now=clock.now(),
        owner_ids=context.config.owner_chats,
        settled_before=settled_before,
    )


def _pages(context: Context, offset: int) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Read the statement page by page from an offset to its end; no transaction is open meanwhile."""
    before: list[dict[str, Any]] = []
    while True:
        rows = _page(context, offset)
        # One that moved down while we read is the same row.
        yield offset, [row for row in rows if row not in before]
        if len(rows) < reconciliation.PAGE:
            return
        offset, before = offset + len(rows), rows


def _page(context: Context, offset: int) -> list[dict[str, Any]]:
    wanted = {"offset": offset, "limit": reconciliation.PAGE}
    answer = context.client.call("getStarTransactions", wanted, timeout_seconds=ANSWER_SECONDS)
    rows: list[dict[str, Any]] = answer["transactions"]
    return rows
