// The page's start: who holds the phone, what it shows, and what happens when the sandbox says something.

import * as api from "./api.js";
import { createChat } from "./chat.js";
import { ask, confirm } from "./dialogs.js";
import { clockTime, prefersStillness, wait } from "./dom.js";
import { createMiniApp } from "./frame.js";
import { buy } from "./invoice.js";
import { layer } from "./layers.js";
import { readTelegramLink } from "./links.js";
import { createPanel } from "./panel.js";
import { sendToSomebody } from "./sharing.js";
import { setState, store, watch } from "./store.js";
import { themeNamed, wear } from "./theme.js";
import { now } from "./time.js";
import { createChats, createGuide, createSettings, createStarsView, showView } from "./views.js";

const REFRESH_MILLISECONDS = 60; // a burst of events is one look at the state

const phone = document.getElementById("phone");
const screen = document.getElementById("screen");
const clock = document.getElementById("clock");

const on = {
  show,
  back: () => show("chats"),
  buy,
  pay: buy,
  openApp,
  openLink,
  openTelegramLink,
  link: openLink,
  openBot: () => show("chat"),
  prefill: (text) => {
    show("chat");
    chat.prefill(text);
  },
  haptic,
  told: (type, data) => panel?.told(type, data),
};

const chat = createChat(on);
const chats = createChats(on);
const guide = createGuide(on);
const settings = createSettings(on);
const starsView = createStarsView(on);
const app = createMiniApp(on);
const panel = store.bare ? null : createPanel();

start();

async function start() {
  store.settings.theme = themeNamed(store.settings.theme);
  wear(store.settings.theme);
  if (store.bare) document.documentElement.dataset.bare = "";
  tick();
  setInterval(tick, 1000);
  for (const view of [chats, settings, chat, guide, starsView]) layer.views.append(view.element ?? view);
  show("chat");
  setState(await firstState());
  watch(react());
  await redraw();
  api.follow(0, onEvent, onConnection);
  document.documentElement.dataset.ready = "";
  if (store.open)
    await openApp(store.open === "menu" ? { from: "menu" } : { from: "direct", start_param: store.open });
}

/** A sandbox that was started again may remember other things than this page does. */
async function onConnection(isConnected) {
  const wasCutOff = document.documentElement.classList.contains("is-cut-off");
  document.documentElement.classList.toggle("is-cut-off", !isConnected);
  if (isConnected && wasCutOff) setState(await api.state());
}

async function firstState() {
  for (;;) {
    const state = await api.state().catch(() => null);
    if (state) return state;
    await wait(1000);
  }
}

function tick() {
  clock.textContent = clockTime(now());
}

function show(name) {
  if (app.isOpen() && !app.isMinimised) app.minimise();
  showView(name);
}

async function openApp(options) {
  try {
    await app.open(options);
  } catch (error) {
    ask({ title: "The mini app did not open", message: error.message });
  }
}

/** Act on what changed since the last call: another person, theme or client. */
function react() {
  const seen = () => ({
    theme: store.settings.theme,
    launch: [
      store.person.id,
      store.person.language_code,
      store.settings.platform,
      store.settings.version,
    ].join(),
  });
  let before = seen();
  return () => {
    const now = seen();
    if (now.theme !== before.theme) {
      wear(now.theme);
      app.redraw();
      app.sendTheme();
    }
    const isRelaunched = now.launch !== before.launch && app.isOpen();
    before = now;
    if (isRelaunched) openApp(app.launch.options);
    redraw();
  };
}

async function redraw() {
  const messages = await chat.refresh();
  if (!messages) return;
  panel?.read(messages);
  chats.draw(messages);
  settings.draw();
  starsView.draw(messages);
}

function onEvent(event) {
  panel?.happened(event);
  if (isQuiet(event)) return;
  if (event.data?.method === "sendChatAction" && String(event.data.params?.chat_id) === String(store.person.id))
    chat.showTyping();
  clearTimeout(onEvent.timer);
  onEvent.timer = setTimeout(async () => setState(await api.state()), REFRESH_MILLISECONDS);
}

// The bot asks for updates all the time; nothing on the phone changes by that.
const isQuiet = ({ data }) => ["getUpdates", "getMe", "getWebhookInfo"].includes(data?.method);

async function openLink(href) {
  if (readTelegramLink(href, store.state.bot.username)) return openTelegramLink(href);
  window.open(href, "_blank", "noreferrer");
}

async function openTelegramLink(href) {
  const link = readTelegramLink(href, store.state.bot.username) ?? { kind: "other", href };
  switch (link.kind) {
    case "app":
      return openApp({ from: "direct", start_param: link.start_param, compact: link.compact });
    case "start":
      show("chat");
      return chat.send(`/start ${link.payload}`);
    case "invoice":
      return buy(link.slug);
    case "bot":
      return show("chat");
    case "share":
      return sendToSomebody(link.text);
    default:
      if (
        await confirm({
          title: "Leave the sandbox?",
          message: `${href} belongs to the real Telegram.`,
          yes: "Open",
        })
      ) {
        window.open(link.href, "_blank", "noreferrer");
      }
  }
}

const HAPTICS = {
  impact: ({ impact_style: style }) => style,
  notification: ({ notification_type: type }) => type,
  selection_change: () => "selection",
};

/** Show what a hand would feel: a short pulse around the phone. */
function haptic(data) {
  const kind = HAPTICS[data.type]?.(data);
  if (!kind) return;
  screen.dataset.haptic = kind;
  if (!prefersStillness()) phone.animate(PULSES[kind] ?? PULSES.light, { duration: 220, easing: "ease-out" });
  clearTimeout(haptic.timer);
  haptic.timer = setTimeout(() => delete screen.dataset.haptic, 420);
}

const nudge = (pixels) => [
  { transform: "none" },
  { transform: `translateX(${pixels}px)` },
  { transform: `translateX(${-pixels}px)` },
  { transform: "none" },
];
const PULSES = {
  light: nudge(1),
  soft: nudge(1),
  medium: nudge(2),
  rigid: nudge(2),
  heavy: nudge(3),
  error: nudge(4),
};

document.addEventListener("visibilitychange", () => {
  if (!app.isMinimised) app.send("visibility_changed", { is_visible: !document.hidden });
});
