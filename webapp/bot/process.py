"""The bot process, from its start to its end.

It fetches updates itself and keeps every one of them before Telegram hears that it arrived.
python-telegram-bot would acknowledge first and hold them in memory, where a killed process
loses paid orders; it gets the chat part, after the money is safe.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from webapp import clock
from webapp.bot.dispatcher import Dispatcher
from webapp.bot.duties import Duties
from webapp.bot.executor import QuestionExecutor
from webapp.bot.introduction import introduce
from webapp.bot.leases import RENEW_EVERY_SECONDS, DutyLeases, Turn, process_name
from webapp.bot.messages import Messages
from webapp.bot.poller import Poller
from webapp.bot.questions import Questions
from webapp.bot.receivers import Receivers
from webapp.bot.wakeups import DATABASE_PAUSE_SECONDS, MESSAGES, MONEY, QUESTIONS, SIGNALS, Stop, Wakeups
from webapp.bot.worker import Worker
from webapp.config import Config

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 0.1  # how soon is seen what another process kept
LOOK_SELDOM_SECONDS = 0.5  # where all that comes wakes its thread
TICK_EVERY_SECONDS = 1.0
DRAIN_SECONDS = 8.0


class Bot:
    """The work of one bot process, each kind in a thread of its own, chat in this one."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.config: Config = app.config["STARFRONT"]
        # Without polling, updates come from the web process and have to be looked for.
        is_polling = self.config.bot_mode == "polling"
        self.wakeups = Wakeups(LOOK_SELDOM_SECONDS if is_polling else LOOK_EVERY_SECONDS)
        self.leases = DutyLeases(app, process_name())
        self.turn = Turn(app, self.leases.holder)
        self.worker = Worker(app)
        self.questions = QuestionExecutor(Questions(app))
        self.messages = Messages(app, self.leases.holds)
        self.duties = Duties(app, self.leases.holds)
        self.receivers = Receivers(app, self.leases.holds, self.wakeups.stopping)
        self.broken: BaseException | None = None

    async def run(self) -> int:
        """Work until told to stop; the exit code says whether something broke."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        # In a thread: a signal must be heard while Telegram is away.
        await asyncio.to_thread(introduce, self.app, self.worker.context.client, self.wakeups.stopping)
        dispatcher = Dispatcher(self.app, self.worker, self.wakeups)
        await dispatcher.initialize()
        threads = [
            # Daemons: one that hangs in the network must not hold up the exit.
            threading.Thread(target=self._loop, args=(work,), name=name, daemon=True)
            for name, work in self._works()
        ]
        for thread in threads:
            thread.start()
        log.info("at work", extra={"event": "started", "mode": self.config.bot_mode})
        await dispatcher.run()
        await asyncio.to_thread(self._drain, threads)
        await dispatcher.shutdown()
        return 1 if self.broken else 0

    def stop(self) -> None:
        """Take nothing new; asked twice, go at once."""
        if self.wakeups.stopping.is_set():
            os._exit(1)
        self.wakeups.stop()

    def _works(self) -> list[tuple[str, Callable[[], None]]]:
        works = [
            ("questions", self._answer_questions),
            ("money", self._settle_money),
            ("messages", self._send_messages),
            ("duties", self._tick),
        ]
        if self.receivers.listen():
            works.append(("signals", self._hand_over))
        if self.config.bot_mode != "polling":
            return works
        poller = Poller(self.app, self.turn, self.wakeups, self.duties.reconcile_soon)
        return [("poller", poller.step), ("turn", self._renew_turn), *works]

    def _loop(self, work: Callable[[], None]) -> None:
        pause = LOOK_EVERY_SECONDS
        while not self.wakeups.stopping.is_set():
            try:
                work()
                pause = LOOK_EVERY_SECONDS
            except SQLAlchemyError:
                log.exception("the database is away")
                self.wakeups.pause(pause := min(pause * 2, DATABASE_PAUSE_SECONDS))
            except BaseException as error:
                # Limping on would hide it; the platform starts a fresh process.
                log.exception("a duty broke")
                self.broken = error
                self.wakeups.stop()

    def _answer_questions(self) -> None:
        self.wakeups.wait(QUESTIONS)
        if not self.wakeups.stopping.is_set():  # whoever comes after has all the time there is for them
            self.questions.answer_waiting()

    def _settle_money(self) -> None:
        self.wakeups.wait(MONEY)
        while self.worker.settle_money() and not self.wakeups.stopping.is_set():
            self.wakeups.wake(MESSAGES, SIGNALS)

    def _send_messages(self) -> None:
        if not self.messages.send_due():
            self.wakeups.wait(MESSAGES)

    def _hand_over(self) -> None:
        if not self.receivers.hand_over():
            self.wakeups.wait(SIGNALS)

    def _tick(self) -> None:
        self.duties.tick()
        self.wakeups.pause(TICK_EVERY_SECONDS)

    def _renew_turn(self) -> None:
        if self.turn.is_mine():  # taken by the poller alone, which also knows when it cannot poll
            self.turn.renew()
        self.wakeups.pause(RENEW_EVERY_SECONDS)

    def _drain(self, threads: list[threading.Thread]) -> None:
        """Finish everything that has begun."""
        self.wakeups.stop()
        self._release(self.turn.release)  # first: buyers elsewhere wait to be heard
        deadline = clock.ticks() + DRAIN_SECONDS
        for thread in threads:
            # The poller may sit in a long poll; nothing is lost with it.
            if thread.name != "poller":
                thread.join(max(0.1, deadline - clock.ticks()))
        # Not before, or what was just claimed would find nobody to answer it.
        self.questions.shutdown()
        self._release(self.leases.release_leases)
        log.info("stopped", extra={"event": "stopped"})

    def _release(self, release: Callable[[], None]) -> None:
        try:
            release()
        except SQLAlchemyError:
            log.warning("duties not handed over; they run out by themselves")


def main(app: Flask) -> int:
    """Run the bot of a shop until it is told to stop, and return the exit code."""
    try:
        return asyncio.run(Bot(app).run())
    except Stop as reason:
        sys.stderr.write(f"The bot cannot start. {reason}\n")
        return 1
