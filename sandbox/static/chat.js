// The conversation with the bot: its messages, the composer, commands and the menu button.

import * as api from "./api.js";
import { ask, toast } from "./dialogs.js";
import { dayName, fill, h, prefersStillness } from "./dom.js";
import { botAvatar, icon } from "./icons.js";
import { createComposer } from "./composer.js";
import { lastKeyboard } from "./keys.js";
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
  let isAtEnd = true;
  list.addEventListener("scroll", () => {
    isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  });
  // A keyboard or a reply below the chat takes room from it: the last words stay in sight.
  new ResizeObserver(() => isAtEnd && toEnd("instant")).observe(list);
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
  const composer = createComposer({ send, sent, openApp: on.openApp });
  const does = {
    ...on,
    command: send,
    press,
    copy,
    reply: (message) => composer.reply(message),
    username: () => store.state.bot.username,
  };

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
    const stick = isAtEnd || drawn.size === 0;
    const first = drawn.size === 0;
    const elements = messages.length ? timeline(bot) : [startCard(botAsSeen())];
    list.replaceChildren(...elements);
    drawFoot(person);
    if (stick) toEnd(first ? "instant" : undefined);
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
      const replied = messages.find((one) => one.message_id === message.reply_to_message_id);
      const looks = JSON.stringify([message, isLast, replied]);
      const before = drawn.get(message.message_id);
      const element =
        before?.looks === looks ? before.element : messageElement(message, { bot, isLast, on: does, replied });
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

  async function send(text, more = {}) {
    const words = text.trim();
    if (!words) return;
    await api.write(store.person.id, words, more);
    await sent();
  }

  async function sent() {
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
