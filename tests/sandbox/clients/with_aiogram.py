"""The bot, with aiogram."""

import asyncio
import os

from aiogram import Bot, Dispatcher, F
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.enums import ParseMode
from aiogram.filters import CommandStart
from aiogram.types import CallbackQuery, LabeledPrice, Message, PreCheckoutQuery, ReplyKeyboardRemove
from aiogram.utils.keyboard import InlineKeyboardBuilder, ReplyKeyboardBuilder

PAYLOAD = '{"order": 1, "ok": true}'
dispatcher = Dispatcher()
charges: dict[int, str] = {}


@dispatcher.message(CommandStart())
async def on_start(message: Message) -> None:
    keys = ReplyKeyboardBuilder()
    keys.button(text="Buy").button(text="Statement").button(text="My number", request_contact=True)
    await message.answer("Welcome", reply_markup=keys.as_markup(resize_keyboard=True))


@dispatcher.message(F.text == "Buy")
async def on_buy(message: Message) -> None:
    prices = [LabeledPrice(label="Atlas", amount=30)]
    await message.answer_invoice("Atlas", "Charts", PAYLOAD, "XTR", prices)


@dispatcher.pre_checkout_query()
async def on_pre_checkout(query: PreCheckoutQuery) -> None:
    await query.answer(ok=query.invoice_payload == PAYLOAD, error_message="Not ours")


@dispatcher.message(F.successful_payment)
async def on_paid(message: Message) -> None:
    charges[message.from_user.id] = message.successful_payment.telegram_payment_charge_id
    keyboard = InlineKeyboardBuilder().button(text="Refund", callback_data="refund").as_markup()
    await message.answer("*Thanks*\\!", reply_markup=keyboard, parse_mode=ParseMode.MARKDOWN_V2)


@dispatcher.callback_query(F.data == "refund")
async def on_refund(query: CallbackQuery, bot: Bot) -> None:
    await bot.refund_star_payment(query.from_user.id, charges[query.from_user.id])
    await query.answer("Refunded", show_alert=True)
    await query.message.edit_text("<b>Refunded</b>")


@dispatcher.message(F.text == "Statement")
async def on_statement(message: Message, bot: Bot) -> None:
    rows = (await bot.get_star_transactions()).transactions
    told = " ".join(f"{'+' if row.source else '-'}{row.amount}" for row in rows)
    await message.answer(f"Statement: {told}", reply_markup=ReplyKeyboardRemove())


@dispatcher.message(F.contact)
async def on_contact(message: Message) -> None:
    await message.reply(f"Number: {message.contact.phone_number}")


async def main() -> None:
    session = AiohttpSession(api=TelegramAPIServer.from_base(os.environ["BOT_API"]))
    default = DefaultBotProperties(parse_mode=ParseMode.HTML)
    await dispatcher.start_polling(Bot(os.environ["TOKEN"], session=session, default=default))


if __name__ == "__main__":
    asyncio.run(main())
