"""Chat updates, handed to python-telegram-bot's application once they are safe in the inbox."""

import asyncio
import json
import logging

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from telegram import Update
from telegram.error import Forbidden, NetworkError, RetryAfter
from telegram.ext import ApplicationBuilder, ContextTypes
from telegram.request import HTTPXRequest

from webapp.bot import items
from webapp.bot.chat import ChatApplication, add_handlers
from webapp.bot.flood_control import RateLimiter, seconds_of
from webapp.bot.wakeups import CHAT, DATABASE_PAUSE_SECONDS, Wakeups
from webapp.bot.worker import Worker
from webapp.bot_api import trust
from webapp.bot_api.client import BotApi, takes_proxy
from webapp.config import Config
from webapp.db.models import InboxItem

log = logging.getLogger(__name__)


class Dispatcher:
    """The chat of one process, in the event loop of its main thread; threads beside it ask the database."""

    def __init__(self, app: Flask, worker: Worker, wakeups: Wakeups) -> None:
        self.worker = worker
        self.wakeups = wakeups
        self.application = build_application(app, worker.context.client)

    async def initialize(self) -> None:
        """Wait until Telegram can be reached, or until the process ends."""
        while not self.wakeups.stopping.is_set():
            try:
                await self.application.initialize()
                return
            except (NetworkError, RetryAfter):
                log.warning("Telegram cannot be reached yet")
                await asyncio.sleep(1)

    async def run(self) -> None:
        """Answer what people write, until the process ends."""
        while not self.wakeups.stopping.is_set():
            try:
                claimed = await asyncio.to_thread(self.worker.claim_chat)
            except SQLAlchemyError:
                log.exception("the database is away")
                await asyncio.to_thread(self.wakeups.pause, DATABASE_PAUSE_SECONDS)
                continue
            # At once: an answer that takes long is no reason for others to wait.
            await asyncio.gather(*(self._dispatch(item) for item in claimed))
            if not claimed:
                await asyncio.to_thread(self.wakeups.wait, CHAT)

    async def shutdown(self) -> None:
        """Close what python-telegram-bot has open."""
        await self.application.shutdown()

    async def _dispatch(self, item: InboxItem) -> None:
        """Answer an item, and note what became of it."""
        try:
            await self._process(item)
        except Forbidden:
            # The person blocked the bot meanwhile: nobody is left to answer.
            await asyncio.to_thread(self.worker.finish, item)
        except RetryAfter as error:
            await asyncio.to_thread(self.worker.put_off, item, seconds_of(error))
        except Exception as error:
            await asyncio.to_thread(self.worker.fail, item, error)
        else:
            await asyncio.to_thread(self.worker.finish, item)

    async def _process(self, item: InboxItem) -> None:
        update = Update.de_json(json.loads(item.body), self.application.bot)
        # process_update itself swallows what a handler raises; _remember_error keeps it.
        await self.application.process_update(update)
        error = self.application.bot_data["errors"].pop(update.update_id, None)
        if error is not None:
            raise error


def build_application(app: Flask, client: BotApi) -> ChatApplication:
    """Return the part of python-telegram-bot that calls handlers; it fetches nothing itself."""
    config: Config = app.config["STARFRONT"]
    application = (
        ApplicationBuilder()
        .token(config.bot_token)
        .base_url(f"{config.bot_api_url}{{token}}{config.bot_api_path}")
        .request(_request(config, items.AT_ONCE))
        .get_updates_request(_request(config, 1))
        .rate_limiter(RateLimiter(client))
        .updater(None)
        .build()
    )
    add_handlers(application)
    application.add_error_handler(_remember_error)
    application.bot_data.update(app=app, errors={})
    return application


def _request(config: Config, connections: int) -> HTTPXRequest:
    how = {"trust_env": takes_proxy(config.bot_api_url), "verify": trust.authorities()}
    return HTTPXRequest(connection_pool_size=connections, httpx_kwargs=how)


async def _remember_error(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    if isinstance(update, Update) and context.error:
        context.bot_data["errors"][update.update_id] = context.error
