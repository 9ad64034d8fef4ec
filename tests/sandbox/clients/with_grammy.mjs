// The bot, with grammY.

const { Bot, InlineKeyboard, Keyboard } = await import(process.env.GRAMMY);

const PAYLOAD = '{"order": 1, "ok": true}';
const bot = new Bot(process.env.TOKEN, { client: { apiRoot: process.env.BOT_API } });
const charges = new Map();

bot.command("start", (ctx) => {
  const keys = new Keyboard().text("Buy").text("Statement").row().requestContact("My number").resized();
  return ctx.reply("Welcome", { reply_markup: keys });
});

bot.hears("Buy", (ctx) =>
  ctx.replyWithInvoice("Atlas", "Charts", PAYLOAD, "XTR", [{ label: "Atlas", amount: 30 }]),
);

bot.on("pre_checkout_query", (ctx) =>
  ctx.answerPreCheckoutQuery(ctx.preCheckoutQuery.invoice_payload === PAYLOAD, { error_message: "Not ours" }),
);

bot.on("message:successful_payment", (ctx) => {
  charges.set(ctx.from.id, ctx.message.successful_payment.telegram_payment_charge_id);
  const keyboard = new InlineKeyboard().text("Refund", "refund");
  return ctx.reply("*Thanks*\\!", { parse_mode: "MarkdownV2", reply_markup: keyboard });
});

bot.callbackQuery("refund", async (ctx) => {
  await ctx.api.refundStarPayment(ctx.from.id, charges.get(ctx.from.id));
  await ctx.answerCallbackQuery({ text: "Refunded", show_alert: true });
  await ctx.editMessageText("<b>Refunded</b>", { parse_mode: "HTML" });
});

bot.hears("Statement", async (ctx) => {
  const { transactions } = await ctx.api.getStarTransactions();
  const told = transactions.map((row) => `${row.source ? "+" : "-"}${row.amount}`).join(" ");
  return ctx.reply(`Statement: ${told}`, { reply_markup: { remove_keyboard: true } });
});

bot.on("message:contact", (ctx) =>
  ctx.reply(`Number: ${ctx.message.contact.phone_number}`, {
    reply_parameters: { message_id: ctx.message.message_id },
  }),
);

await bot.start();
