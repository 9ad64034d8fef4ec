// One message of a chat: a bubble with its buttons, or Telegram's note about a payment.

import { toast } from "./dialogs.js";
import { clockTime, h } from "./dom.js";
import { icon, withStars } from "./icons.js";
import { mediaElement, mediaName } from "./media.js";
import { formatted } from "./text.js";

export const sentAt = (message) => new Date(message.date * 1000);

/** What Telegram says itself, and of whom; a message that is none of these was written by somebody. */
const NOTES = { successful_payment: paid, refunded_payment: refunded, write_access_allowed: allowed };

const noteOf = (message) => Object.keys(NOTES).find((kind) => message[kind]);

export const isService = (message) => Boolean(noteOf(message));

/** The element of a message; `on` has link, command, press, copy, prefill, reply, openApp and pay. */
export function messageElement(message, { bot, isLast, on, replied }) {
  if (isService(message)) return serviceNote(message, bot);
  const side = message.from === "person" ? "mine" : "theirs";
  return h(
    `div.message.is-${side}${isLast ? ".is-last" : ""}`,
    { "data-message": String(message.message_id) },
    h(
      `div.bubble${looks(message)}`,
      { ondblclick: () => on.reply(message) },
      replied && repliedCard(replied, bot),
      message.photo_url && h("img.photo", { src: message.photo_url, alt: "" }),
      message.invoice && invoiceCard(message.invoice),
      mediaElement(message),
      h(
        "div.text",
        { dir: "auto" },
        formatted(text(message), message.entities ?? message.caption_entities, on),
        stamp(message),
      ),
      message.reactions?.length ? h("div.reactions", {}, message.reactions.map(reaction)) : null,
    ),
    inlineKeyboard(message, on),
  );
}

function looks(message) {
  const isBare = message.photo && !text(message);
  const isAbove = message.photo && message.show_caption_above_media && text(message);
  return [
    message.invoice && ".has-invoice",
    message.photo && ".has-photo",
    isBare && ".is-bare",
    isAbove && ".is-caption-above",
  ]
    .filter(Boolean)
    .join("");
}

const reaction = (emoji) => h("span.reaction", {}, emoji);

/** A line of the message that another one replies to. */
export function repliedCard(message, bot) {
  const name = message.from === "person" ? "You" : bot.name;
  return h("div.replied", {}, h("b", {}, name), h("span", { dir: "auto" }, inALine(message, bot)));
}

export function preview(message, bot) {
  if (isService(message)) return inALine(message, bot);
  return (message.from === "person" && !message.invoice ? "You: " : "") + inALine(message, bot);
}

function inALine(message, bot) {
  if (isService(message)) return NOTES[noteOf(message)](message, bot);
  if (message.invoice) return message.invoice.title;
  return text(message).replace(/\s+/g, " ") || mediaName(message);
}

function text(message) {
  return message.text ?? message.caption ?? "";
}

function serviceNote(message, bot) {
  const words = NOTES[noteOf(message)](message, bot);
  return h("div.service", { "data-message": String(message.message_id) }, h("span", {}, withStars(words)));
}

function paid({ successful_payment: payment, title }, bot) {
  const price = `⭐ ${payment.total_amount}`;
  if (payment.is_first_recurring) return `You subscribed to ${title || bot.name} for ${price}`;
  const what = title ? ` for ${title}` : ` to ${bot.name}`;
  return `You paid ${price}${what}${payment.is_recurring ? " again" : ""}`;
}

function refunded({ refunded_payment: payment }, bot) {
  return `You received a refund of ⭐ ${payment.total_amount} from ${bot.name}`;
}

function allowed() {
  return "You allowed this bot to message you when you opened its web app";
}

function stamp(message) {
  const time = h("time", {}, clockTime(sentAt(message)));
  const edited = message.edit_date ? h("span", {}, "edited ") : null;
  return h("span.stamp", {}, edited, time, message.from === "person" ? icon("ticks") : null);
}

function invoiceCard(invoice) {
  return h(
    "div.invoice-card",
    {},
    invoice.photo_url && h("img.photo", { src: invoice.photo_url, alt: "" }),
    h("strong", {}, invoice.title),
    h("p", {}, invoice.description),
  );
}

function inlineKeyboard(message, on) {
  const rows = message.reply_markup?.inline_keyboard ?? (message.invoice ? [[payButton(message)]] : []);
  if (!rows.length) return null;
  return h(
    "div.keyboard",
    {},
    rows.map((row) =>
      h(
        "div.row",
        {},
        row.map((button) => inlineButton(button, message, on)),
      ),
    ),
  );
}

function payButton({ invoice }) {
  return { text: `Pay ⭐ ${invoice.total_amount ?? invoice.stars ?? ""}`, pay: true };
}

function inlineButton(button, message, on) {
  const press = async (event) => {
    const key = event.currentTarget;
    key.classList.add("is-busy");
    try {
      await act(button, message, on);
    } finally {
      key.classList.remove("is-busy");
    }
  };
  const corner = cornerOf(button);
  return h(
    `button.key${button.style ? `.is-${button.style}` : ""}`,
    { type: "button", disabled: Boolean(button.disabled), onclick: press },
    h("span", {}, withStars(button.text)),
    corner && icon(corner),
    icon("spinner"),
  );
}

function cornerOf(button) {
  if (button.web_app) return "window";
  if (button.url || button.login_url) return "out";
  if (button.copy_text) return "copy";
  return SWITCHES.some((name) => name in button) ? "reply" : null;
}

const SWITCHES = [
  "switch_inline_query_current_chat",
  "switch_inline_query",
  "switch_inline_query_chosen_chat",
];

function act(button, message, on) {
  if ("switch_inline_query_current_chat" in button) {
    return on.prefill(`@${on.username()} ${button.switch_inline_query_current_chat}`);
  }
  if (SWITCHES.some((name) => name in button)) return toast("Inline mode is not part of this sandbox.");
  if (button.pay) return on.pay(message.invoice.slug);
  if (button.web_app) return on.openApp({ from: "inline", url: button.web_app.url });
  if (button.url ?? button.login_url) return on.link(button.url ?? button.login_url.url);
  if (button.copy_text) return on.copy(button.copy_text.text);
  return on.press(message.message_id, button.callback_data);
}
