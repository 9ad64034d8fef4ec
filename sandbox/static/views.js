// The phone's own screens around the chat: the list of chats, a short guide, settings.

import { clockTime, dayName, fill, h, starsInWords, stars } from "./dom.js";
import { avatar, botAvatar, icon, withStars } from "./icons.js";
import { preview, sentAt } from "./message.js";
import { openTopUp, starHero } from "./stars.js";
import { botAsSeen, set, store } from "./store.js";
import { subscriptionRow, subscriptionsOf } from "./subscriptions.js";
import { THEMES } from "./theme.js";

export const LANGUAGES = {
  en: "English",
  de: "Deutsch",
  es: "Español",
  fr: "Français",
  it: "Italiano",
  "pt-br": "Português",
  ru: "Русский",
  uk: "Українська",
  ar: "العربية",
  fa: "فارسی",
  hi: "हिन्दी",
  ja: "日本語",
  "zh-hans": "简体中文",
};

const PARENTS = { chat: "chats", guide: "chats", stars: "settings" };

/** Show one view: what it was opened from moves aside, what it had opened slides away. */
export function showView(name) {
  for (const view of document.querySelectorAll("#views > .view")) {
    const one = view.dataset.view;
    const isRoot = !PARENTS[one];
    view.dataset.place = one === name ? "here" : PARENTS[name] === one ? "behind" : isRoot ? "away" : "right";
    view.inert = one !== name;
  }
}

function tabBar(current, on) {
  const tab = (name, label, symbol) =>
    h(
      "button",
      { type: "button", "aria-current": name === current ? "page" : null, onclick: () => on.show(name) },
      icon(symbol),
      label,
    );
  return h(
    "nav.tabs.glass",
    { "aria-label": "Telegram" },
    tab("chats", "Chats", "chats"),
    tab("settings", "Settings", "settings"),
  );
}

export function createChats(on) {
  const list = h("ul.chat-list");
  const element = h(
    "section.view",
    { "data-view": "chats", "aria-label": "Chats" },
    h("header.bar.glass", {}, h("div.bar-title", {}, h("strong", {}, "Chats"))),
    h("div.scroll", {}, list),
    tabBar("chats", on),
  );
  return {
    element,
    draw(messages) {
      const bot = botAsSeen();
      const last = messages.at(-1);
      fill(
        list,
        chatRow({
          test: "chat-bot",
          picture: botAvatar(),
          name: bot.name,
          when: last && when(sentAt(last)),
          text: last ? preview(last, bot) : (bot.short_description ?? "Tap to open"),
          onclick: () => on.show("chat"),
          open: bot.menu_button?.type === "web_app" ? () => on.openApp({ from: "menu" }) : null,
        }),
        chatRow({
          picture: h("span.avatar.avatar-telegram", { "aria-hidden": "true" }, icon("send")),
          test: "chat-guide",
          name: "Telegram in a box",
          verified: true,
          text: "What this phone is, in four messages.",
          onclick: () => on.show("guide"),
        }),
      );
    },
  };
}

function when(date) {
  return dayName(date) === "Today" ? clockTime(date) : dayName(date);
}

function chatRow({ picture, name, verified, when: time, text, onclick, open, test }) {
  return h(
    "li",
    {},
    h(
      "button.chat-row",
      { type: "button", "data-test": test, onclick },
      picture,
      h("strong", {}, name, verified && icon("verified")),
      h("time", {}, time ?? ""),
      h("span.chat-preview", {}, withStars(text)),
    ),
    open && h("button.open-pill", { type: "button", "data-test": "open-app", onclick: open }, "Open"),
  );
}

const GUIDE = [
  "This is Telegram, played by the sandbox: the chat, the Mini App, the Stars and the servers behind them.",
  "The shop is the real one. Its web pages, its bot and its database run next door and believe that this is Telegram.",
  "Open the chat with the bot, press Start, open the shop and buy something. Stars cost nothing here; get more of them in Settings.",
  "Beside the phone you can see every call, change who holds it, and make things go wrong on purpose.",
];

export function createGuide(on) {
  return h(
    "section.view.chat",
    { "data-view": "guide", "aria-label": "Telegram in a box" },
    h(
      "header.bar.glass",
      {},
      h(
        "button.bar-back",
        { type: "button", "aria-label": "Back to chats", onclick: () => on.show("chats") },
        icon("back"),
        "Chats",
      ),
      h(
        "div.bar-title",
        {},
        h("strong", {}, "Telegram in a box", icon("verified")),
        h("small", {}, "service notifications"),
      ),
      h("span.avatar.avatar-telegram", { "aria-hidden": "true" }, icon("send")),
    ),
    h(
      "div.messages",
      { tabindex: "0" },
      h("div.service.is-day", {}, h("span", {}, "Today")),
      GUIDE.map((text, index) =>
        h(
          `div.message.is-theirs${index === GUIDE.length - 1 ? ".is-last" : ""}`,
          {},
          h("div.bubble", {}, h("div.text", {}, text)),
        ),
      ),
    ),
  );
}

export function createSettings(on) {
  const body = h("div.scroll.grouped");
  const element = h(
    "section.view",
    { "data-view": "settings", "aria-label": "Settings" },
    h("header.bar.glass", {}, h("div.bar-title", {}, h("strong", {}, "Settings"))),
    body,
    tabBar("settings", on),
  );
  return {
    element,
    draw() {
      const { person } = store;
      fill(
        body,
        h(
          "div.profile",
          {},
          avatar(person),
          h("h2", {}, [person.first_name, person.last_name].filter(Boolean).join(" ")),
          h("p", {}, person.username ? `@${person.username}` : `id ${person.id}`),
        ),
        group(
          row({
            symbol: "star",
            label: "My Stars",
            value: stars(person.stars),
            onclick: () => on.show("stars"),
          }),
        ),
        group(
          ...Object.entries(THEMES).map(([name, theme]) =>
            row({
              symbol: theme.icon,
              label: theme.label,
              value: name === store.settings.theme ? icon("check") : "",
              pressed: name === store.settings.theme,
              onclick: () => set({ theme: name }),
            }),
          ),
        ),
        group(
          row({
            symbol: "language",
            label: "Language",
            value: LANGUAGES[person.language_code] ?? person.language_code ?? "",
          }),
        ),
      );
    },
  };
}

export function createStarsView(on) {
  const body = h("div.scroll.grouped");
  const element = h(
    "section.view",
    { "data-view": "stars", "aria-label": "My Stars" },
    h(
      "header.bar.glass",
      {},
      h(
        "button.bar-back",
        { type: "button", "aria-label": "Back to settings", onclick: () => on.show("settings") },
        icon("back"),
        "Settings",
      ),
      h("div.bar-title", {}, h("strong", {}, "My Stars")),
    ),
    body,
  );
  return {
    element,
    draw(messages) {
      const { person } = store;
      const subscriptions = subscriptionsOf(person);
      const payments = messages.filter((one) => one.successful_payment ?? one.refunded_payment).reverse();
      fill(
        body,
        starHero("Telegram Stars", "Your balance is ", h("b", {}, starsInWords(person.stars)), "."),
        h(
          "button.big",
          { type: "button", "data-test": "get-stars", onclick: openTopUp },
          h("span", {}, "Get More Stars"),
        ),
        subscriptions.length ? h("h3.group-title", {}, "My Subscriptions") : null,
        subscriptions.length ? group(...subscriptions.map((one) => subscriptionRow(one, on))) : null,
        payments.length ? h("h3.group-title", {}, "Transactions") : null,
        payments.length ? group(...payments.map(payment)) : null,
      );
    },
  };
}

function payment(message) {
  const isRefund = Boolean(message.refunded_payment);
  const amount = (message.successful_payment ?? message.refunded_payment).total_amount;
  return h(
    "div.setting",
    {},
    botAvatar(),
    h(
      "span.setting-text",
      {},
      message.title ?? store.state.bot.name,
      h("small", {}, `${isRefund ? "Refund, " : ""}${when(sentAt(message))}`),
    ),
    h(
      `b.amount${isRefund ? ".is-plus" : ".is-minus"}`,
      {},
      `${isRefund ? "+" : "−"}${stars(amount)}`,
      icon("star"),
    ),
  );
}

function group(...rows) {
  return h("div.group", {}, rows);
}

function row({ symbol, label, value, pressed, onclick, test = `setting-${symbol}` }) {
  const parts = [
    h(`span.setting-icon.is-${symbol}`, {}, icon(symbol)),
    h("span.setting-text", {}, label),
    h("span.setting-value", {}, value),
    onclick && pressed === undefined && icon("chevron"),
  ];
  if (!onclick) return h("div.setting", {}, parts);
  return h(
    "button.setting",
    {
      type: "button",
      "data-test": test,
      "aria-pressed": pressed === undefined ? null : String(pressed),
      onclick,
    },
    parts,
  );
}
