// The keyboard that the bot puts below the chat: which one is there now, and what its keys do.

import { h } from "./dom.js";
import { toast } from "./dialogs.js";

const UNPLAYED = {
  request_users: "Choosing people",
  request_chat: "Choosing a chat",
  request_poll: "Making a poll",
  request_managed_bot: "Making a bot",
};

/** What the bot's last word on keyboards is: { markup, message, isUsed }, or null. */
export function lastKeyboard(messages) {
  const at = messages.findLastIndex((one) => one.from === "bot" && one.reply_keyboard);
  const message = messages[at];
  if (!message || message.reply_keyboard.remove_keyboard) return null;
  const isUsed = messages.slice(at + 1).some(({ from }) => from === "person");
  // Who was asked to reply has replied, or written something else.
  if (message.reply_keyboard.force_reply && isUsed) return null;
  return { markup: message.reply_keyboard, message, isUsed };
}

/** The rows of a keyboard; `on` has send, openApp, shareContact and shareLocation. */
export function keyboardElement({ keyboard, resize_keyboard: fits }, on) {
  const rows = keyboard.filter((row) => row.length);
  return h(
    `div.reply-keys${fits ? ".is-fitted" : ""}`,
    { role: "group", "aria-label": "The bot's keyboard" },
    rows.map((row) => h("div.row", {}, row.map(keyOf(on)))),
  );
}

const keyOf = (on) => (key) => {
  const button = typeof key === "string" ? { text: key } : key;
  const style = button.style ? `.is-${button.style}` : "";
  return h(
    `button.reply-key${style}`,
    { type: "button", "data-test": "reply-key", onclick: () => press(button, on) },
    button.text,
  );
};

function press(button, on) {
  if (button.web_app) return on.openApp({ from: "keyboard", url: button.web_app.url, button: button.text });
  if (button.request_contact) return on.shareContact();
  if (button.request_location) return on.shareLocation();
  const unplayed = Object.keys(UNPLAYED).find((name) => button[name]);
  if (unplayed) return toast(`${UNPLAYED[unplayed]} is not part of this sandbox.`);
  return on.send(button.text);
}
