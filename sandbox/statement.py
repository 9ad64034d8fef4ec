"""Telegram's statement of the bot's Stars: every row that was booked, and what of them is shown."""

import math
import secrets
from typing import Any

from sandbox.clock import Clock
from sandbox.errors import ControlError
from sandbox.troubles import Troubles

UNSETTLED_SECONDS = 60  # with the trouble of that name, rows younger than this have no order yet


class Statement:
    """Rows in the order in which they were booked."""

    def __init__(self, clock: Clock, troubles: Troubles) -> None:
        self.clock = clock
        self.troubles = troubles
        self.rows: list[dict[str, Any]] = []

    @property
    def balance(self) -> int:
        """Return the bot's Stars; what stores claw back after a withdrawal makes it negative."""
        return sum(_signed(row) for row in self.rows)

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return rows as getStarTransactions tells them: late or shuffled, if that is the trouble."""
        lag = self.troubles.now["statement_lag_seconds"]
        rows = [row for row in self.rows if not lag or self._age(row) >= lag]
        if self.troubles.now["statement_reorder"]:
            young = [row for row in rows if self._is_young(row)]
            rows = [row for row in rows if not self._is_young(row)] + young[::-1]
        return rows[offset : offset + limit]

    def add(self, row: dict[str, Any]) -> dict[str, Any]:
        """Book a row as it is, however strange; an id and a date are given to one without.

        :raise ControlError: the row is empty
        """
        if not row:
            raise ControlError("a row needs at least an amount")
        booked = {"id": f"row{secrets.token_urlsafe(12)}", "date": self.clock.seconds(), **row}
        self.rows.append(booked)
        return booked

    def _is_young(self, row: dict[str, Any]) -> bool:
        return self._age(row) < UNSETTLED_SECONDS

    def _age(self, row: dict[str, Any]) -> float:
        date = row.get("date")
        return self.clock.now() - date if isinstance(date, int | float) else math.inf


def _signed(row: dict[str, Any]) -> int:
    amount = row.get("amount")
    if not isinstance(amount, int):
        return 0
    return amount * (("source" in row) - ("receiver" in row))
