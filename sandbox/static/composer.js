// What is below the chat: the field, the buttons beside it, commands, attachments and the bot's keyboard.

import { createAttach } from "./attach.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { keyboardElement } from "./keys.js";
import { repliedCard } from "./message.js";
import { botAsSeen, store } from "./store.js";

/** The composer; `on` has send, sent and openApp. */
export function createComposer(on) {
  const { send, openApp } = on;
  let commands = [];
  let answered = null; // the message that the next one replies to
  let keyboard = null;
  const folded = new Map(); // by message, whether the person folded its keyboard away
  const field = h("textarea", {
    rows: 1,
    placeholder: "Message",
    "aria-label": "Message",
    enterkeyhint: "send",
    oninput: grow,
    onkeydown: (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        submit();
      } else if (event.key === "Escape") {
        toggleCommands(false);
      }
    },
  });
  const menu = h("button.menu-button", { type: "button", "data-test": "menu-button" });
  const slash = h(
    "button.slash",
    {
      type: "button",
      "aria-label": "Commands",
      "data-test": "commands",
      "aria-expanded": "false",
      onclick: () => toggleCommands(popover.hidden),
    },
    icon("slash"),
  );
  const sendButton = h(
    "button.send",
    { type: "button", "aria-label": "Send", "data-test": "send", disabled: true, onclick: submit },
    icon("send"),
  );
  const popover = h("div.commands", { hidden: true, role: "menu", "aria-label": "Commands" });
  const keys = h("div.reply-keyboard", { hidden: true });
  const fold = h(
    "button.slash",
    { type: "button", "aria-label": "The bot's keyboard", "data-test": "keyboard", onclick: toggleKeys },
    icon("keys"),
  );
  const attach = createAttach({
    person: () => store.person.id,
    sent: on.sent,
    takeWords() {
      const taken = { words: field.value.trim(), replyTo: replyTo() };
      field.value = "";
      reply(null);
      grow();
      return taken;
    },
  });
  const answering = h("div.answering.glass", { hidden: true, "data-test": "answering" });
  const element = h(
    "div.composer-area",
    {},
    popover,
    attach.menu,
    attach.inputs,
    answering,
    h(
      "div.composer.glass",
      {},
      menu,
      attach.button,
      h("div.field", {}, field, h("div.field-buttons", {}, fold, slash)),
      sendButton,
    ),
    keys,
  );

  function grow() {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, 120)}px`;
    sendButton.disabled = !field.value.trim();
    const typed = field.value.match(/^\/(\w*)$/);
    toggleCommands(Boolean(typed), typed?.[1]);
  }

  async function submit() {
    const text = field.value;
    if (!text.trim()) return;
    const more = replyTo();
    field.value = "";
    reply(null);
    grow();
    field.focus();
    await send(text, more);
  }

  function toggleCommands(open, beginning = "") {
    const fitting = commands.filter(({ command }) => command.startsWith(beginning));
    popover.hidden = !open || !fitting.length;
    slash.setAttribute("aria-expanded", String(!popover.hidden));
    fill(popover, fitting.map(commandItem));
  }

  function commandItem({ command, description }) {
    const choose = () => {
      field.value = "";
      grow();
      toggleCommands(false);
      send(`/${command}`);
    };
    return h(
      "button",
      { type: "button", role: "menuitem", onclick: choose },
      h("b", {}, `/${command}`),
      h("span", {}, description),
    );
  }

  function update(bot, last) {
    commands = bot.commands ?? [];
    slash.hidden = !commands.length;
    drawMenu(bot.menu_button);
    if (last?.message.message_id !== keyboard?.message.message_id) reply(last?.markup.force_reply ? last.message : null);
    keyboard = last;
    field.placeholder = last?.markup.input_field_placeholder ?? "Message";
    drawKeys();
  }

  function drawKeys() {
    const rows = keyboard?.markup.keyboard;
    fold.hidden = !rows;
    element.classList.toggle("is-tight", Boolean(rows) && !menu.hidden);
    keys.hidden = !rows || isFolded();
    fold.setAttribute("aria-pressed", String(!keys.hidden));
    if (rows) fill(keys, keyboardElement(keyboard.markup, { ...attach, send, openApp }));
  }

  /** Telegram folds a keyboard for one time away once it was used; the person can do so at any time. */
  function isFolded() {
    const { markup, message, isUsed } = keyboard;
    return folded.get(message.message_id) ?? Boolean(markup.one_time_keyboard && isUsed);
  }

  function toggleKeys() {
    folded.set(keyboard.message.message_id, !isFolded());
    drawKeys();
  }

  function reply(message) {
    answered = message;
    answering.hidden = !message;
    if (!message) return;
    fill(
      answering,
      icon("reply"),
      repliedCard(message, botAsSeen()),
      h(
        "button.slash",
        { type: "button", "aria-label": "Do not reply", onclick: () => reply(null) },
        icon("close"),
      ),
    );
    field.focus({ preventScroll: true });
  }

  const replyTo = () => (answered ? { reply_to_message_id: answered.message_id } : {});

  function drawMenu(button) {
    menu.hidden = button?.type !== "web_app";
    if (menu.hidden || menu.textContent === button.text) return;
    menu.onclick = () => openApp({ from: "menu", url: button.web_app?.url });
    menu.setAttribute("aria-label", button.text);
    fill(menu, icon("window"), h("span", {}, button.text));
  }

  return {
    element,
    update,
    reply,
    prefill(text) {
      field.value = text;
      grow();
      field.focus();
    },
  };
}
