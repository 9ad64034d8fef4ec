// The conversation with the bot: its messages, the composer, commands and the menu button.

import * as api from "./api.js";
import { ask, toast } from "./dialogs.js";
import { dayName, fill, h, prefersStillness } from "./dom.js";
import { botAvatar, icon } from "./icons.js";
import { isService, messageElement, sentAt } from "./message.js";
import { botAsSeen, store } from "./store.js";

const TYPING_MILLISECONDS = 5000; // how long Telegram shows a chat action

/** The chat's view; `on` has back, link, openApp and pay. */
export function createChat(on) {
  let messages = [];
  let shownPerson = null;
  let drawn = new Map();
  let typingUntil = 0;

  const list = h("div.messages", { role: "log", "aria-label": "Messages", tabindex: "0" });
  const status = h("small", {}, "bot");
  const name = h("strong", {});
  const unread = h("span", {}, "Chats");
  const foot = h("div.chat-foot");
  const view = h(
    "section.view.chat",
    { "data-view": "chat", "aria-label": "Chat with the bot" },
    h(
      "header.bar.glass",
      {},
      h(
        "button.bar-back",
        { type: "button", "aria-label": "Back to chats", onclick: on.back },
        icon("back"),
        unread,
      ),
      h("div.bar-title", {}, name, status),
      botAvatar(),
    ),
    list,
    foot,
  );
  const composer = createComposer({ send, openApp: on.openApp });
  const does = { ...on, command: send, press, copy };

  /** Fetch and draw the person's messages; null if somebody else holds the phone by then. */
  async function refresh() {
    const person = store.person;
    const answer = await api.chat(person.id);
    if (person.id !== store.person.id) return null;
    messages = answer.messages ?? answer;
    draw(store.person);
    return messages;
  }

  function draw(person) {
    const { bot } = store.state;
    if (shownPerson !== person.id) {
      drawn = new Map();
      list.replaceChildren();
      shownPerson = person.id;
    }
    name.textContent = bot.name;
    const stick = list.scrollHeight - list.scrollTop - list.clientHeight < 80 || drawn.size === 0;
    const first = drawn.size === 0;
    const elements = messages.length ? timeline(bot) : [startCard(botAsSeen())];
    list.replaceChildren(...elements);
    if (stick) toEnd(first ? "instant" : undefined);
    drawFoot(person);
  }

  function timeline(bot) {
    const kept = new Map();
    const elements = [];
    let day = null;
    messages.forEach((message, index) => {
      const today = dayName(sentAt(message));
      if (today !== day) elements.push(h("div.service.is-day", {}, h("span", {}, today)));
      day = today;
      const next = messages[index + 1];
      const isLast = !next || isService(next) || next.from !== message.from || dayName(sentAt(next)) !== day;
      // A message that looks as before keeps its element, so that focus and pressed buttons survive.
      const looks = JSON.stringify([message, isLast]);
      const before = drawn.get(message.message_id);
      const element =
        before?.looks === looks ? before.element : messageElement(message, { bot, isLast, on: does });
      if (!before && drawn.size) element.classList.add("is-new");
      kept.set(message.message_id, { looks, element });
      elements.push(element);
    });
    drawn = kept;
    return elements;
  }

  function drawFoot(person) {
    const wanted = person.blocked ? "blocked" : messages.length ? "composer" : "start";
    if (foot.dataset.shows === wanted && wanted !== "composer") return;
    if (foot.dataset.shows !== wanted) {
      foot.dataset.shows = wanted;
      if (wanted === "start") {
        fill(
          foot,
          footButton("Start", "start", () => send("/start")),
        );
      } else if (wanted === "blocked") {
        const unblock = async () => api.changePerson(person.id, { blocked: false });
        fill(foot, footButton("Unblock", "unblock", unblock));
      } else {
        fill(foot, composer.element);
      }
    }
    composer.update(botAsSeen(), lastKeyboard(messages));
  }

  async function send(text) {
    const words = text.trim();
    if (!words) return;
    await api.write(store.person.id, words);
    await refresh();
    toEnd();
  }

  function toEnd(behavior = prefersStillness() ? "instant" : "smooth") {
    list.scrollTo({ top: list.scrollHeight, behavior });
  }

  async function press(messageId, data) {
    const answer = await api.press(store.person.id, messageId, data);
    if (!answer?.text) return;
    if (answer.show_alert) ask({ message: answer.text, buttons: [{ id: "ok", type: "ok" }] });
    else toast(answer.text);
  }

  async function copy(text) {
    await navigator.clipboard?.writeText(text).catch(() => {});
    toast("Copied.");
  }

  function showTyping() {
    typingUntil = Date.now() + TYPING_MILLISECONDS;
    status.textContent = "typing…";
    setTimeout(() => {
      if (Date.now() >= typingUntil) status.textContent = "bot";
    }, TYPING_MILLISECONDS);
  }

  return {
    element: view,
    refresh,
    send,
    showTyping,
    prefill: composer.prefill,
  };
}

function startCard(bot) {
  const description = bot.description || bot.short_description;
  return h(
    "div.start-card",
    {},
    botAvatar(),
    h("h2", {}, `What can ${bot.name} do?`),
    h("p", { dir: "auto" }, description || "Press Start to begin."),
  );
}

function footButton(label, test, onclick) {
  return h("button.foot-button", { type: "button", "data-test": test, onclick }, label);
}

function lastKeyboard(messages) {
  const last = messages.findLast(
    ({ from, reply_markup: markup }) => from === "bot" && (markup?.keyboard || markup?.remove_keyboard),
  );
  return last?.reply_markup.keyboard ?? null;
}

function createComposer({ send, openApp }) {
  let commands = [];
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
  const element = h(
    "div.composer-area",
    {},
    popover,
    h("div.composer.glass", {}, menu, h("div.field", {}, field, slash), sendButton),
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
    field.value = "";
    grow();
    field.focus();
    await send(text);
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

  function update(bot, keyboard) {
    commands = bot.commands ?? [];
    slash.hidden = !commands.length;
    drawMenu(bot.menu_button);
    keys.hidden = !keyboard;
    if (keyboard)
      fill(
        keys,
        keyboard.map((row) => h("div.row", {}, row.map(replyKey))),
      );
  }

  function drawMenu(button) {
    menu.hidden = button?.type !== "web_app";
    if (menu.hidden || menu.textContent === button.text) return;
    menu.onclick = () => openApp({ from: "menu", url: button.web_app?.url });
    fill(menu, icon("window"), h("span", {}, button.text));
  }

  function replyKey(key) {
    const { text, web_app: app } = typeof key === "string" ? { text: key } : key;
    const onclick = () => (app ? openApp({ from: "keyboard", url: app.url, button: text }) : send(text));
    return h("button.reply-key", { type: "button", onclick }, text);
  }

  return {
    element,
    update,
    prefill(text) {
      field.value = text;
      grow();
      field.focus();
    },
  };
}
