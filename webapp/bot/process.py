"""The bot process, from its start to its end.

It fetches updates itself and keeps every one of them before Telegram hears that it arrived.
python-telegram-bot would acknowledge first and hold them in memory, where a killed process
loses paid orders; it gets the chat part, after the money is safe.
"""

import asyncio
import json
import logging
import math
import os
import random
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeAlias

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from telegram import ChatMember, InlineKeyboardMarkup, MenuButton, Update, User
from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter, TelegramError
from telegram.ext import (
    Application,
    ApplicationBuilder,
    BaseRateLimiter,
    CallbackQueryHandler,
    ChatMemberHandler,
    CommandHandler,
    ContextTypes,
    MessageHandler,
    filters,
)
from telegram.request import HTTPXRequest

from webapp import clock
from webapp.bot.receivers import Receivers
from webapp.bot.worker import ITEMS_AT_ONCE, Worker
from webapp.bot_api.client import (
    BotApi,
    BotApiError,
    Conflict,
    NotReached,
    OutcomeUnknown,
    TooManyRequests,
    Unauthorized,
    chat_of,
    takes_proxy,
)
from webapp.bot_api.registration import ALLOWED_UPDATES, menu_button
from webapp.config import Config
from webapp.db.extensions import NOT_MIGRATED, is_unmigrated, remedy, transaction
from webapp.db.models import InboxItem
from webapp.domain.catalogue import catalogue
from webapp.domain.owner import shops, support
from webapp.domain.people import init_data, sign_in_codes, users
from webapp.domain.queue import inbox, outbox
from webapp.errors import ProductNotFound
from webapp.errors import TooManyRequests as RateLimited
from webapp.host import disks
from webapp.i18n import speech
from webapp.texts import chat as answers
from webapp.texts.message import Message
from webapp.usecases import receiving
from webapp.usecases.turns import RENEW_EVERY_SECONDS, Turn, let_go_for_the_dead

log = logging.getLogger(__name__)

Chat: TypeAlias = "Application[Any, Any, Any, Any, Any, Any]"
Handler: TypeAlias = Callable[[Update, ContextTypes.DEFAULT_TYPE], Coroutine[Any, Any, None]]

# How long Telegram may hold a poll open; it allows up to 50. Nothing is heard for as long, and a little
# longer, after a poll that the network swallowed.
POLL_SECONDS = 10
POLL_SLACK_SECONDS = 5
OTHER_POLL = "other getUpdates request"  # in Telegram's words for a conflict of two polls
UPDATES_AT_ONCE = 100  # Bot API: getUpdates, limit
QUESTIONS_AT_ONCE = 32  # one at a time, a burst of 200 buyers leaves half past Telegram's 10 s
LOOK_EVERY_SECONDS = 0.1  # how soon is seen what another process kept
TICK_EVERY_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 5.0  # with its jitter; a buyer waits ten for the answer to a question
JITTER = 1.5  # at most so many times the pause
DATABASE_PAUSE_SECONDS = 3.0  # buyers wait for a database that is back to be noticed
DRAIN_SECONDS = 8.0
TURN_LOOK_SECONDS = 1.0  # how soon a process that stands by notices that nobody polls
# What another poll of ours may take to end after its process did; conflicts beyond that are somebody else's.
CONFLICT_SECONDS = 2.0 * (POLL_SECONDS + POLL_SLACK_SECONDS)
CONFLICTS_FORGOTTEN_SECONDS = 120.0
GAP_SECONDS = 2.0 * (POLL_SECONDS + POLL_SLACK_SECONDS)  # as long as two polls may take
SIGN_IN = "code"  # the start parameter that asks for one
LANES = ("questions", "money", "chat", "messages", "signals")


class Stop(Exception):
    """The bot cannot work like this; the sentence says what to do."""


class Bot:
    """The loops of one bot process, each in a thread of its own, chat in this one."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.config: Config = app.config["STARFRONT"]
        self.worker = Worker(app)
        self.client: BotApi = self.worker.checkout.client
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
        chat = _chat_application(self.app, self.client)
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
            await asyncio.to_thread(self.worker.put_off, item, _seconds(error))
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
                pause = _longer(pause)
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
                    let_go_for_the_dead()
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
        self._let_go(self.turn.let_go)  # first: buyers elsewhere wait to be heard
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


class Poller:
    """Fetches updates; Telegram hears that they arrived by the next poll's offset, after the commit."""

    def __init__(self, bot: Bot) -> None:
        self.bot = bot
        self.offset: int | None = None
        self.pause = 1.0
        self.heard_at = clock.ticks()
        self.conflicts: list[float] = []  # when others polled, of late

    def step(self) -> None:
        """Poll once, or wait after a failure or while another process polls."""
        if not self._is_our_turn():
            self.bot.stopping.wait(TURN_LOOK_SECONDS)
            return
        try:
            updates = self._fetch()
        except Unauthorized as error:
            raise Stop("Telegram no longer knows this BOT_TOKEN.") from error
        except Conflict as error:
            self._note_conflict(error)
            self._wait(self.pause)
        except TooManyRequests as error:
            self._wait(error.retry_after_seconds)
        except BotApiError as error:
            if not isinstance(error, NotReached | OutcomeUnknown):
                log.error("Telegram refused the poll: %s", error.description)
            self._wait(self.pause)
        else:
            self.pause = 1.0
            self._look_back()
            self._keep(updates)

    def _is_our_turn(self) -> bool:
        if self.bot.turn.is_mine():
            return True
        # Another process may have polled meanwhile, and numbers may have begun anew: what was next for this
        # one would confirm, unread, whatever is below it.
        self.offset = None
        return self.bot.turn.renew()

    def _note_conflict(self, error: Conflict) -> None:
        """Say that another program polls; a poll of a process that just ended is none."""
        ticks = clock.ticks()
        recent = [at for at in self.conflicts if ticks - at < CONFLICTS_FORGOTTEN_SECONDS]
        self.conflicts = [*recent, ticks]
        if OTHER_POLL in error.description and ticks - self.conflicts[0] <= CONFLICT_SECONDS:
            return
        log.error("not polling: %s. Only one program may poll, and none while a webhook is set.", error)

    def _look_back(self) -> None:
        """After a gap, ask the statement for what may have expired in it."""
        ticks = clock.ticks()
        if ticks - self.heard_at > GAP_SECONDS:
            self.bot.worker.reconcile_soon()
        self.heard_at = ticks

    def _fetch(self) -> list[dict[str, Any]]:
        asked: dict[str, Any] = {
            "timeout": POLL_SECONDS,
            "limit": UPDATES_AT_ONCE,
            "allowed_updates": list(ALLOWED_UPDATES),
        }
        if self.offset is not None:
            asked["offset"] = self.offset
        updates: list[dict[str, Any]] = self.bot.client.call(
            "getUpdates", asked, timeout_seconds=POLL_SECONDS + POLL_SLACK_SECONDS
        )
        return updates

    def _keep(self, updates: list[dict[str, Any]]) -> None:
        if not updates:
            return
        with self.bot.app.app_context():
            # Questions first: they wait for nobody's payment to be booked.
            for update in sorted(updates, key=_is_patient):
                receiving.receive(update, "polling", self.bot.worker.checkout)
                self.bot.ring()
        # Only what is committed may be confirmed.
        ids = [
            one["update_id"] for one in updates if isinstance(one, dict) and type(one.get("update_id")) is int
        ]
        self.offset = max(ids) + 1 if ids else self.offset

    def _wait(self, seconds: float) -> None:
        self.bot.stopping.wait(seconds * random.uniform(1, JITTER))  # noqa: S311 - no secret
        self.pause = _longer(self.pause)


def _longer(pause: float) -> float:
    return min(pause * 2, LONGEST_PAUSE_SECONDS / JITTER)


def _is_patient(update: object) -> bool:
    return not (isinstance(update, dict) and inbox.PRE_CHECKOUT in update)


class FloodControl(BaseRateLimiter[None]):
    """Has chat keep the pauses that Telegram asked this process for, whoever heard of them."""

    def __init__(self, client: BotApi) -> None:
        self.client = client

    async def initialize(self) -> None:
        """Need nothing."""

    async def shutdown(self) -> None:
        """Leave nothing."""

    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, Any]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: None,  # noqa: ARG002
    ) -> Any:
        """Call Telegram unless it asked for silence.

        :raise RetryAfter: it did, now or before
        """
        chat = chat_of(data)
        if left := self.client.pause_seconds(endpoint, chat):
            raise RetryAfter(math.ceil(left))
        try:
            return await callback(*args, **kwargs)
        except RetryAfter as error:
            self.client.keep_silent(endpoint, _seconds(error), chat)
            raise


def _seconds(error: RetryAfter) -> float:
    # What is public about it changes its type with a coming release of the library.
    return error._retry_after.total_seconds()


def _chat_application(app: Flask, client: BotApi) -> Chat:
    config: Config = app.config["STARFRONT"]
    chat = (
        ApplicationBuilder()
        .token(config.bot_token)
        .base_url(f"{config.bot_api_url}{{token}}{config.bot_api_path}")
        .request(
            HTTPXRequest(
                connection_pool_size=ITEMS_AT_ONCE,
                httpx_kwargs={"trust_env": takes_proxy(config.bot_api_url)},
            )
        )
        .rate_limiter(FloodControl(client))
        .updater(None)
        .build()
    )
    private = filters.ChatType.PRIVATE
    handlers: dict[str, Handler] = {
        "start": on_start,
        "shop": _says(answers.shop),
        "help": _says(answers.help_),
        "paysupport": _says(answers.payment_support),
        "support": _says(answers.support),
        "terms": _says(answers.terms),
        "language": on_language,
        "code": on_code,
        "news_off": partial(on_news, wanted=False),
        "news_on": partial(on_news, wanted=True),
    }
    for command, handler in handlers.items():
        chat.add_handler(CommandHandler(command, handler, filters=private))
    chat.add_handler(MessageHandler(private & filters.StatusUpdate.WRITE_ACCESS_ALLOWED, on_let_in))
    chat.add_handler(ChatMemberHandler(on_let_in, ChatMemberHandler.MY_CHAT_MEMBER))
    chat.add_handler(CallbackQueryHandler(on_answer_button, pattern=r"^answer:\d{1,16}$"))
    chat.add_handler(MessageHandler(private & filters.TEXT, _says(answers.help_)))
    chat.add_error_handler(_remember_error)
    chat.bot_data.update(app=app, errors={})
    return chat


async def on_let_in(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Tell somebody who lets the bot write again, or for the first time, what could not be told before."""
    member = update.my_chat_member and update.my_chat_member.new_chat_member
    if update.effective_user is None or (member and member.status != ChatMember.MEMBER):
        return
    app: Flask = context.bot_data["app"]
    telegram_id = update.effective_user.id

    def revive() -> None:
        with app.app_context(), transaction():
            outbox.revive(telegram_id, clock.now())

    await asyncio.to_thread(revive)


async def on_start(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Greet; a deep link that names a product shows the product."""
    await on_let_in(update, context)
    slug = context.args[0] if context.args else ""
    if slug == SIGN_IN:
        await on_code(update, context)
        return

    def words() -> Message:
        try:
            product = catalogue.get(slug)
        except ProductNotFound:
            return answers.greeting(update.effective_user.first_name if update.effective_user else "")
        wording = speech.worded(product)
        return answers.product(
            wording.title,
            wording.description,
            product.stars,
            product.slug,
            is_plan=product.is_subscription,
        )

    await _say(update, context, words)
    await _show_menu_button(update, context)


async def on_code(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Write a code with which the same person signs in where their client shows an old launch."""
    app: Flask = context.bot_data["app"]
    person = update.effective_user
    if person is None:
        return

    def words() -> Message:
        try:
            with transaction():
                code = sign_in_codes.make(person.id, app.extensions["keys"], clock.now())
        except RateLimited:
            return answers.too_many_codes()
        log.info("sign-in code made", extra={"event": "code_made", "telegram_id": person.id})
        return answers.sign_in_code(code)

    await _say(update, context, words)


async def on_language(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Lead to where a language is chosen, and have the menu button speak the one that counts now."""
    await _say(update, context, answers.language)
    await _show_menu_button(update, context)


async def on_news(update: Update, context: ContextTypes.DEFAULT_TYPE, *, wanted: bool) -> None:
    """Have somebody get the owner's news, or none, also if they never opened the shop."""
    app: Flask = context.bot_data["app"]
    person = update.effective_user
    if person is None:
        return

    def choose() -> None:
        with app.app_context(), transaction():
            if users.get(person.id) is None:
                users.provision(init_data.profile_of(person.to_json()), clock.now())
            users.choose_news(person.id, clock.now(), wanted=wanted)

    await asyncio.to_thread(choose)
    await _say(update, context, partial(answers.news_chosen, wanted=wanted))


async def on_answer_button(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Ask an owner for the answer to a person, in the chat where what they wrote was read."""
    app: Flask = context.bot_data["app"]
    query, where = update.callback_query, update.effective_chat
    if query is None or where is None or query.data is None:
        return
    config: Config = app.config["STARFRONT"]
    telegram_id = int(query.data.partition(":")[2])

    def ask() -> None:
        with app.app_context(), transaction():
            support.prompt(telegram_id, where.id, query.id, clock.now())

    if where.id in config.owner_chats:
        await asyncio.to_thread(ask)
    try:
        await query.answer()  # the button stops waiting
    except BadRequest as error:
        log.info("a button was not answered: %s", error)  # it waited too long


async def _show_menu_button(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    app: Flask = context.bot_data["app"]
    if update.effective_chat is None:
        return

    def worded() -> MenuButton | None:
        with app.app_context(), _speaking(update.effective_user):
            button = menu_button(app.config["STARFRONT"], speech.spoken())
            return MenuButton.de_json(button, context.bot)

    try:
        await context.bot.set_chat_menu_button(update.effective_chat.id, await asyncio.to_thread(worded))
    except TelegramError as error:
        # The shop's English button stays, and opens the same.
        log.warning("the menu button was not set: %s", error)


def _says(words: Callable[[], Message]) -> Handler:
    async def handler(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        await _say(update, context, words)

    return handler


async def _say(update: Update, context: ContextTypes.DEFAULT_TYPE, words: Callable[[], Message]) -> None:
    if update.effective_message is None:
        return
    app: Flask = context.bot_data["app"]

    def worded() -> tuple[str, dict[str, Any] | None]:
        with app.app_context(), _speaking(update.effective_user):
            message = words()
            return message.text, message.reply_markup()

    text, markup = await asyncio.to_thread(worded)
    keyboard = InlineKeyboardMarkup.de_json(markup, context.bot) if markup else None
    await update.effective_message.reply_text(text, reply_markup=keyboard)


def _speaking(person: User | None) -> AbstractContextManager[None]:
    """Say everything inside the block in the language a person chose in the shop, or has in Telegram."""
    if person is None:
        return speech.speaking(None)
    known = users.get(person.id)
    return speech.speaking(known.language if known else None, person.language_code)


async def _remember_error(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    if isinstance(update, Update) and context.error:
        context.bot_data["errors"][update.update_id] = context.error


def main(app: Flask) -> int:
    """Run the bot of a shop until it is told to stop, and return the exit code."""
    try:
        return asyncio.run(Bot(app).run())
    except Stop as reason:
        sys.stderr.write(f"The bot cannot start. {reason}\n")
        return 1
