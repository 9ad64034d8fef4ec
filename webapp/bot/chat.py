"""What the bot answers in the chat."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeAlias

from flask import Flask
from telegram import ChatMember, InlineKeyboardMarkup, MenuButton, Update, User
from telegram.error import BadRequest, TelegramError
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    ChatMemberHandler,
    CommandHandler,
    ContextTypes,
    MessageHandler,
    filters,
)

from webapp import clock
from webapp.bot_api.registration import menu_button
from webapp.config import Config
from webapp.db.transactions import transaction
from webapp.domain.catalogue import catalogue
from webapp.domain.owner import support
from webapp.domain.people import init_data, sign_in_codes, users
from webapp.domain.queue import outbox
from webapp.errors import ProductNotFound, RateLimited
from webapp.i18n import localize
from webapp.texts import chat as answers
from webapp.texts.message import Message

log = logging.getLogger(__name__)

ChatApplication: TypeAlias = "Application[Any, Any, Any, Any, Any, Any]"
Handler: TypeAlias = Callable[[Update, ContextTypes.DEFAULT_TYPE], Coroutine[Any, Any, None]]
SIGN_IN = "code"  # the start parameter that asks for one


def add_handlers(application: ChatApplication) -> None:
    """Register what the bot answers to commands, texts and taps."""
    private = filters.ChatType.PRIVATE
    for command, handler in _commands().items():
        application.add_handler(CommandHandler(command, handler, filters=private))
    application.add_handler(MessageHandler(private & filters.StatusUpdate.WRITE_ACCESS_ALLOWED, on_let_in))
    application.add_handler(ChatMemberHandler(on_let_in, ChatMemberHandler.MY_CHAT_MEMBER))
    application.add_handler(CallbackQueryHandler(on_answer_button, pattern=r"^answer:\d{1,16}$"))
    application.add_handler(MessageHandler(private & filters.TEXT, _says(answers.help_)))


def _commands() -> dict[str, Handler]:
    return {
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


async def on_let_in(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Send what could not be sent before to a person who lets the bot write again."""
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
        wording = localize.worded(product)
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
    """Send a code that signs this person in where their client shows an old launch."""
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
    """Link to the settings of language, and set the menu button in the language of now."""
    await _say(update, context, answers.language)
    await _show_menu_button(update, context)


async def on_news(update: Update, context: ContextTypes.DEFAULT_TYPE, *, wanted: bool) -> None:
    """Turn the owner's news on or off for a person, even if they never opened the shop."""
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
    """Prompt an owner for the answer to a person, in the chat that showed what the person wrote."""
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
            button = menu_button(app.config["STARFRONT"], localize.spoken())
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
    """Speak the language that a person chose in the shop, or has in Telegram, inside the block."""
    if person is None:
        return localize.speaking(None)
    known = users.get(person.id)
    return localize.speaking(known.language if known else None, person.language_code)
