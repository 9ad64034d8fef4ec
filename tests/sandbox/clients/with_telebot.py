"""The bot, with pyTelegramBotAPI."""

import os
from typing import Any

import telebot
from telebot import apihelper
from telebot.types import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    LabeledPrice,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)

PAYLOAD = '{"order": 1, "ok": true}'
apihelper.API_URL = os.environ["BOT_API"] + "/bot{0}/{1}"
bot = telebot.TeleBot(os.environ["TOKEN"])
charges: dict[int, str] = {}


@bot.message_handler(commands=["start"])
def on_start(message: Any) -> None:
    keys = ReplyKeyboardMarkup(resize_keyboard=True)
    keys.row("Buy", "Statement")
    keys.row(KeyboardButton("My number", request_contact=True))
    bot.send_message(message.chat.id, "Welcome", reply_markup=keys)


@bot.message_handler(func=lambda message: message.text == "Buy")
def on_buy(message: Any) -> None:
    bot.send_invoice(message.chat.id, "Atlas", "Charts", PAYLOAD, "", "XTR", [LabeledPrice("Atlas", 30)])


@bot.pre_checkout_query_handler(func=lambda query: True)
def on_pre_checkout(query: Any) -> None:
    bot.answer_pre_checkout_query(query.id, ok=query.invoice_payload == PAYLOAD, error_message="Not ours")


@bot.message_handler(content_types=["successful_payment"])
def on_paid(message: Any) -> None:
    charges[message.from_user.id] = message.successful_payment.telegram_payment_charge_id
    keyboard = InlineKeyboardMarkup().add(InlineKeyboardButton("Refund", callback_data="refund"))
    bot.send_message(message.chat.id, "*Thanks*\\!", "MarkdownV2", reply_markup=keyboard)


@bot.callback_query_handler(func=lambda query: query.data == "refund")
def on_refund(query: Any) -> None:
    bot.refund_star_payment(query.from_user.id, charges[query.from_user.id])
    bot.answer_callback_query(query.id, "Refunded", show_alert=True)
    bot.edit_message_text(
        "<b>Refunded</b>", query.message.chat.id, query.message.message_id, parse_mode="HTML"
    )


@bot.message_handler(func=lambda message: message.text == "Statement")
def on_statement(message: Any) -> None:
    rows = bot.get_star_transactions().transactions
    told = " ".join(f"{'+' if row.source else '-'}{row.amount}" for row in rows)
    bot.send_message(message.chat.id, f"Statement: {told}", reply_markup=ReplyKeyboardRemove())


@bot.message_handler(content_types=["contact"])
def on_contact(message: Any) -> None:
    bot.reply_to(message, f"Number: {message.contact.phone_number}")


if __name__ == "__main__":
    bot.infinity_polling(timeout=5, long_polling_timeout=5)
