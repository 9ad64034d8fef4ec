"""The duties of the bot that come round: each is done by one process of all, as often as the table says."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask

from webapp import clock
from webapp.bot import housekeeping
from webapp.bot_api.client import BotApiError
from webapp.db.transactions import run_in_transaction
from webapp.domain.owner import broadcasts, notices, reminders, sweeps
from webapp.domain.sales import reconciliation
from webapp.usecases import refunds, renewals, statement
from webapp.usecases.context import Context

log = logging.getLogger(__name__)

RECONCILE_AGAIN_SECONDS = 30.0  # where Telegram did not give its statement
AT_ONCE = 0.0  # at each tick
BROKEN_SECONDS = 5.0  # before the next try of what an error ended, at most


@dataclass(frozen=True)
class Duty:
    """A row of the table."""

    name: str  # of its lease, too
    every_seconds: float
    work: Callable[[], float | None]  # returns in how many seconds it is due again, if not as usual
    is_wanted: Callable[[], bool] = lambda: True  # asked before the lease, which costs a write


class Duties:
    """The table, and when each of its rows is due in this process."""

    def __init__(self, app: Flask, holds: Callable[[str], bool]) -> None:
        """Build the table, with everything due at once.

        :param holds: whether this process has a duty, by its name
        """
        self.app = app
        self.holds = holds
        self.context: Context = app.extensions["context"]
        self.table = (
            Duty("refunds", AT_ONCE, self._carry_out),
            Duty("reconciliation", 300.0, self._reconcile),
            Duty("housekeeping", 60.0, self._housekeep),
            Duty("reminders", 3600.0, self._remind),
            Duty("sweeps", 3600.0, self._sweep),
            Duty("notices", 5.0, self._tell_owners),
            Duty("broadcasts", AT_ONCE, self._broadcast, is_wanted=broadcasts.is_running),
        )
        # By the clock that nobody sets: one that jumps back an hour would end these duties for as long.
        self.due_at = {duty.name: clock.ticks() for duty in self.table}

    def tick(self) -> None:
        """Do each duty that is due and that no other process has."""
        with self.app.app_context():
            ticks = clock.ticks()
            for duty in self.table:
                if ticks >= self.due_at[duty.name] and duty.is_wanted() and self.holds(duty.name):
                    self._do(duty, ticks)

    def reconcile_soon(self) -> None:
        """Read the statement at the next opportunity: something may have been missed."""
        self.due_at["reconciliation"] = clock.ticks()

    def _do(self, duty: Duty, ticks: float) -> None:
        # Noted first: a duty that breaks must not keep those below it waiting for ever.
        self.due_at[duty.name] = ticks + min(duty.every_seconds, BROKEN_SECONDS)
        again = duty.work()
        self.due_at[duty.name] = ticks + (duty.every_seconds if again is None else again)

    def _carry_out(self) -> None:
        renewals.carry_out_due(self.context)
        refunds.carry_out_due(self.context)

    def _reconcile(self) -> float | None:
        try:
            report = statement.reconcile(self.context, full=reconciliation.is_full_pass_due(clock.now()))
        except BotApiError as error:
            log.warning("statement not read: %s", error.description)
            return RECONCILE_AGAIN_SECONDS
        if report.charges_added or report.refunds_added:
            log.warning(
                "the statement knew more than we did",
                extra={"charges": report.charges_added, "refunds": report.refunds_added},
            )
        return None

    def _housekeep(self) -> None:
        housekeeping.clean_up(self.context.config, clock.now())
        if housekeeping.look_after(self.context, clock.now()):
            self.reconcile_soon()

    def _remind(self) -> None:
        ahead = timedelta(days=self.context.config.remind_days)
        if ahead:
            run_in_transaction(lambda: reminders.write(ahead, clock.now()))

    def _sweep(self) -> float | None:
        keep = timedelta(days=self.context.config.keep_days)
        swept = run_in_transaction(lambda: sweeps.sweep(keep, clock.now()))
        # A backlog goes a little at each tick, between all else.
        return AT_ONCE if swept else None

    def _tell_owners(self) -> None:
        config = self.context.config
        run_in_transaction(lambda: notices.tell(config.owner_chats, config.owner_notices, clock.now()))

    def _broadcast(self) -> None:
        run_in_transaction(lambda: broadcasts.write_messages(clock.now()))
