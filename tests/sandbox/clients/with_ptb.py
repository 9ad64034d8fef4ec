"""The bot, with python-telegram-bot."""

import os
from typing import Any

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    LabeledPrice,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    Update,
)
from telegram.constants import ParseMode
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    MessageHandler,
    PreCheckoutQueryHandler,
    filters,
)

Context = ContextTypes.DEFAULT_TYPE
PAYLOAD = '{"order": 1, "ok": true}'


async def on_start(update: Update, context: Context) -> None:
    keys = [["Buy", "Statement"], [KeyboardButton("My number", request_contact=True)]]
    await update.message.reply_text("Welcome", reply_markup=ReplyKeyboardMarkup(keys, resize_keyboard=True))


async def on_buy(update: Update, context: Context) -> None:
    prices = [LabeledPrice("Atlas", 30)]
    await update.message.reply_invoice("Atlas", "Charts", PAYLOAD, "XTR", prices, provider_token="")


async def on_pre_checkout(update: Update, context: Context) -> None:
    query = update.pre_checkout_query
    await query.answer(ok=query.invoice_payload == PAYLOAD, error_message="Not ours")


async def on_paid(update: Update, context: Context) -> None:
    context.user_data["charge"] = update.message.successful_payment.telegram_payment_charge_id
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Refund", callback_data="refund")]])
    await update.message.reply_text("*Thanks*\\!", ParseMode.MARKDOWN_V2, reply_markup=keyboard)


async def on_refund(update: Update, context: Context) -> None:
    query: Any = update.callback_query
    await context.bot.refund_star_payment(query.from_user.id, context.user_data["charge"])
    await query.answer("Refunded", show_alert=True)
    await query.edit_message_text("<b>Refunded</b>", parse_mode=ParseMode.HTML)


async def on_statement(update: Update, context: Context) -> None:
    rows = (await context.bot.get_star_transactions()).transactions
    told = " ".join(f"{'+' if row.source else '-'}{row.amount}" for row in rows)
    await update.message.reply_text(f"Statement: {told}", reply_markup=ReplyKeyboardRemove())


async def on_contact(update: Update, context: Context) -> None:
    await update.message.reply_text(f"Number: {update.message.contact.phone_number}", do_quote=True)


def main() -> None:
    app = Application.builder().token(os.environ["TOKEN"]).base_url(f"{os.environ['BOT_API']}/bot").build()
    app.add_handler(CommandHandler("start", on_start))
    app.add_handler(MessageHandler(filters.Text(["Buy"]), on_buy))
    app.add_handler(MessageHandler(filters.Text(["Statement"]), on_statement))
    app.add_handler(MessageHandler(filters.CONTACT, on_contact))
    app.add_handler(PreCheckoutQueryHandler(on_pre_checkout))
    app.add_handler(MessageHandler(filters.SUCCESSFUL_PAYMENT, on_paid))
    app.add_handler(CallbackQueryHandler(on_refund, "refund"))
    app.run_polling()


if __name__ == "__main__":
    main()
