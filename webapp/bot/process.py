"""The bot process, from its start to its end.

It fetches updates itself and keeps every one of them before Telegram hears that it arrived.
python-telegram-bot would acknowledge first and hold them in memory, where a killed process
loses paid orders; it gets the chat part, after the money is safe.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from telegram import Update
from telegram.error import Forbidden, NetworkError, RetryAfter

from webapp import clock
from webapp.bot import chat as chats
from webapp.bot.chat import Chat
from webapp.bot.flood_control import seconds_of
from webapp.bot.leases import RENEW_EVERY_SECONDS, Turn, release_leases_of_the_dead
from webapp.bot.poller import Poller
from webapp.bot.receivers import Receivers
from webapp.bot.wakeups import DATABASE_PAUSE_SECONDS, Stop, longer
from webapp.bot.worker import Worker
from webapp.bot_api.client import BotApi, BotApiError, Unauthorized
from webapp.config import Config
from webapp.db.extensions import NOT_MIGRATED, is_unmigrated, remedy, transaction
from webapp.db.models import InboxItem
from webapp.domain.owner import shops
from webapp.host import disks

log = logging.getLogger(__name__)

QUESTIONS_AT_ONCE = 32  # one at a time, a burst of 200 buyers leaves half past Telegram's 10 s
LOOK_EVERY_SECONDS = 0.1  # how soon is seen what another process kept
TICK_EVERY_SECONDS = 1.0
DRAIN_SECONDS = 8.0
LANES = ("questions", "money", "chat", "messages", "signals")


class Bot:
    """The loops of one bot process, each in a thread of its own, chat in this one."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.config: Config = app.config["STARFRONT"]
        self.worker = Worker(app)
        self.client: BotApi = self.worker.context.client
        self.stopping = threading.Event()
        # Rung when something was kept or written here, so that nobody waits for the next look.
        self.bells = {lane: threading.Event() for lane in LANES}
        # Without polling, updates come from the web process and have to be looked for.
        self.look_every = 0.5 if self.config.bot_mode == "polling" else LOOK_EVERY_SECONDS
        self.lane = ThreadPoolExecutor(QUESTIONS_AT_ONCE, thread_name_prefix="pre-checkout")
        self.places = threading.BoundedSemaphore(QUESTIONS_AT_ONCE)
        self.lines = Lines()
        self.receivers = Receivers(app, self.worker.holds, self.stopping)
        self.broken: BaseException | None = None
        self.turn = Turn(app, self.worker.name)

    async def run(self) -> int:
        """Work until told to stop; the exit code says whether something broke."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        # In a thread: a signal must be heard while Telegram is away.
        await asyncio.to_thread(self._introduce)
        chat = chats.application(self.app, self.client)
        await self._initialize(chat)
        threads = [
            # Daemons: one that hangs in the network must not hold up the exit.
            threading.Thread(target=self._loop, args=(work,), name=name, daemon=True)
            for name, work in self._duties()
        ]
        for thread in threads:
            thread.start()
        log.info("at work", extra={"event": "started", "mode": self.config.bot_mode})
        await self._answer_chat(chat)
        await asyncio.to_thread(self._drain, threads)
        await chat.shutdown()
        return 1 if self.broken else 0

    def stop(self) -> None:
        """Take nothing new; asked twice, go at once."""
        if self.stopping.is_set():
            os._exit(1)
        self._wake_all()

    def _duties(self) -> list[tuple[str, Callable[[], None]]]:
        duties = [
            ("questions", self._ask_lane),
            ("money", self._settle),
            ("messages", self._send),
            ("duties", self._tick),
        ]
        if self.receivers.listen():
            duties.append(("signals", self._hand_over))
        if self.config.bot_mode != "polling":
            return duties
        return [("poller", Poller(self).step), ("turn", self._renew_turn), *duties]

    def _loop(self, work: Callable[[], None]) -> None:
        pause = LOOK_EVERY_SECONDS
        while not self.stopping.is_set():
            try:
                work()
                pause = LOOK_EVERY_SECONDS
            except SQLAlchemyError:
                log.exception("the database is away")
                self.stopping.wait(pause := min(pause * 2, DATABASE_PAUSE_SECONDS))
            except BaseException as error:
                # Limping on would hide it; the platform starts a fresh process.
                log.exception("a duty broke")
                self.broken = error
                self._wake_all()

    def _ask_lane(self) -> None:
        self._wait("questions")
        if self.stopping.is_set():
            return  # whoever comes after has all the time there is for it
        for item in self.worker.claim_questions(QUESTIONS_AT_ONCE):
            if self.lines.join(item):
                self.places.acquire()
                self.lane.submit(self._answer, item)

    def _answer(self, item: InboxItem | None) -> None:
        while item:
            try:
                self.worker.answer(item)
            except Exception:
                log.exception("a pre-checkout was not answered")
            item = self.lines.next_after(item)
        self.places.release()

    def _settle(self) -> None:
        self._wait("money")
        while self.worker.settle_money() and not self.stopping.is_set():
            self.bells["messages"].set()
            self.bells["signals"].set()

    def _send(self) -> None:
        if not self.worker.send_messages():
            self._wait("messages")

    def _hand_over(self) -> None:
        if not self.receivers.hand_over():
            self._wait("signals")

    def _tick(self) -> None:
        self.worker.tick()
        self.stopping.wait(TICK_EVERY_SECONDS)

    def _renew_turn(self) -> None:
        if self.turn.is_mine():  # taken by the poller alone, which also knows when it cannot poll
            self.turn.renew()
        self.stopping.wait(RENEW_EVERY_SECONDS)

    async def _answer_chat(self, chat: Chat) -> None:
        while not self.stopping.is_set():
            try:
                items = await asyncio.to_thread(self.worker.claim_chat)
            except SQLAlchemyError:
                log.exception("the database is away")
                await asyncio.to_thread(self.stopping.wait, DATABASE_PAUSE_SECONDS)
                continue
            # At once: an answer that takes long is no reason for others to wait.
            await asyncio.gather(*(self._handle(chat, item) for item in items))
            if not items:
                await asyncio.to_thread(self._wait, "chat")

    async def _handle(self, chat: Chat, item: InboxItem) -> None:
        try:
            update = Update.de_json(json.loads(item.body), chat.bot)
            # process_update itself swallows what a handler raises; _remember_error keeps it.
            await chat.process_update(update)
            error = chat.bot_data["errors"].pop(update.update_id, None)
            if error is not None:
                raise error
        except Forbidden:
            # The person blocked the bot meanwhile: nobody is left to answer.
            await asyncio.to_thread(self.worker.finish, item)
        except RetryAfter as error:
            await asyncio.to_thread(self.worker.put_off, item, seconds_of(error))
        except Exception as error:
            await asyncio.to_thread(self.worker.fail, item, error)
        else:
            await asyncio.to_thread(self.worker.finish, item)

    async def _initialize(self, chat: Chat) -> None:
        while not self.stopping.is_set():
            try:
                await chat.initialize()
                return
            except (NetworkError, RetryAfter):
                log.warning("Telegram cannot be reached yet")
                await asyncio.sleep(1)

    def _introduce(self) -> None:
        """Learn that the token is good and that the database is this bot's."""
        pause = 1.0
        while not self.stopping.is_set():
            try:
                me = self.client.call("getMe")
                break
            except Unauthorized as error:
                raise Stop("Telegram does not know this BOT_TOKEN: copy it again from @BotFather.") from error
            except BotApiError as error:
                log.warning("Telegram cannot be reached yet: %s", error.description)
                self.stopping.wait(pause)
                pause = longer(pause)
        else:
            return
        self._claim_database(str(me["username"]), str(me.get("first_name", "")))

    def _claim_database(self, username: str, name: str) -> None:
        while not self.stopping.is_set():
            try:
                with self.app.app_context():
                    with transaction():
                        environment = self.config.bot_environment
                        shops.claim(self.config.bot_id, username, environment, bot_name=name)
                    release_leases_of_the_dead()
                    disks.note_process(disks.file_of(self.config.database_url), "bot")
                    return
            except shops.ForeignDatabase as error:
                raise Stop(str(error)) from error
            except SQLAlchemyError as error:
                if is_unmigrated(error):
                    raise Stop(NOT_MIGRATED) from error
                log.warning("the database is away: %s", remedy(error) or type(error).__name__)
                self.stopping.wait(DATABASE_PAUSE_SECONDS)

    def _drain(self, threads: list[threading.Thread]) -> None:
        """Let everything that has begun come to its end."""
        self._wake_all()
        self._let_go(self.turn.release)  # first: buyers elsewhere wait to be heard
        deadline = clock.ticks() + DRAIN_SECONDS
        for thread in threads:
            # The poller may sit in a long poll; nothing is lost with it.
            if thread.name != "poller":
                thread.join(max(0.1, deadline - clock.ticks()))
        # Not before, or what was just claimed would find nobody to answer it.
        self.lane.shutdown(wait=False)
        self._let_go(self.worker.let_go)
        log.info("stopped", extra={"event": "stopped"})

    def _let_go(self, let_go: Callable[[], None]) -> None:
        try:
            let_go()
        except SQLAlchemyError:
            log.warning("duties not handed over; they run out by themselves")

    def _wake_all(self) -> None:
        self.stopping.set()
        self.ring()

    def ring(self) -> None:
        """Have every lane look at once."""
        for bell in self.bells.values():
            bell.set()

    def _wait(self, lane: str) -> None:
        self.bells[lane].wait(self.look_every)
        self.bells[lane].clear()


class Lines:
    """Questions in hand, one payer's one after another: what Telegram said to the first decides the next.

    After an outage they come together, and all but the last have been given up.
    """

    def __init__(self) -> None:
        self._waiting: dict[int | None, deque[InboxItem]] = {}
        self._lock = threading.Lock()

    def join(self, item: InboxItem) -> bool:
        """Add a question to its payer's line, and tell whether it is the first."""
        with self._lock:
            waiting = self._waiting.get(item.telegram_id)
            if waiting is None:
                self._waiting[item.telegram_id] = deque()
                return True
            waiting.append(item)
            return False

    def next_after(self, item: InboxItem) -> InboxItem | None:
        """Return the next question of the same payer, or end the line."""
        with self._lock:
            waiting = self._waiting[item.telegram_id]
            if waiting:
                return waiting.popleft()
            del self._waiting[item.telegram_id]
            return None


def main(app: Flask) -> int:
    """Run the bot of a shop until it is told to stop, and return the exit code."""
    try:
        return asyncio.run(Bot(app).run())
    except Stop as reason:
        sys.stderr.write(f"The bot cannot start. {reason}\n")
        return 1
