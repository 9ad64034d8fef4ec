// The panel's tab that tells what happened, in sentences, with the raw matter one tap away.

import * as api from "./api.js";
import { toast } from "./dialogs.js";
import { clockTime, dateName, fill, h } from "./dom.js";
import { icon, withStars } from "./icons.js";
import { store } from "./store.js";
import { now } from "./time.js";

const MOST_ENTRIES = 300;
const KINDS = { call: "Bot calls", update: "Updates", app: "Mini App" };

// What a Bot API method means, said plainly.
const CALLS = {
  getMe: () => "The bot asked who it is",
  setWebhook: (it) => `The bot asked for updates by webhook${dropped(it)}`,
  deleteWebhook: (it) => `The bot gave up its webhook${dropped(it)}`,
  setMyCommands: () => "The bot set its commands",
  setMyDescription: () => "The bot set its description",
  setMyShortDescription: () => "The bot set its short description",
  setChatMenuButton: () => "The bot set the menu button",
  createInvoiceLink: (it) => `The shop made an invoice: ${it.title}, ⭐ ${price(it)}`,
  sendInvoice: (it) => `The bot sent ${person(it.chat_id)} an invoice: ${it.title}, ⭐ ${price(it)}`,
  answerPreCheckoutQuery: (it) =>
    isTrue(it.ok) ? "The bot approved the payment" : `The bot declined: ${it.error_message}`,
  sendMessage: (it) => `The bot wrote to ${person(it.chat_id)}: ${short(it.text)}`,
  editMessageText: (it) => `The bot changed a message: ${short(it.text)}`,
  sendPhoto: (it) => `The bot sent ${person(it.chat_id)} a photo`,
  sendDocument: (it) => `The bot sent ${person(it.chat_id)} a file`,
  editMessageCaption: (it) => `The bot changed a caption: ${short(it.caption ?? "")}`,
  editMessageMedia: () => "The bot changed a photo or a file",
  deleteMessage: () => "The bot took a message away",
  getFile: () => "The bot asked for a file",
  answerCallbackQuery: () => "The bot answered a button",
  refundStarPayment: (it) => `The bot refunded ${person(it.user_id)}`,
  editUserStarSubscription: (it) =>
    isTrue(it.is_canceled)
      ? `The bot canceled a subscription of ${person(it.user_id)}`
      : `The bot lets ${person(it.user_id)} renew again`,
  getStarTransactions: () => "The bot read Telegram's statement",
  getMyStarBalance: () => "The bot asked for its balance",
  sendChatAction: () => "The bot is typing",
};

// Calls that come all the time and mean nothing by themselves, unless they fail.
const ROUTINE = new Set(["getUpdates", "getWebhookInfo", "getMe", "sendChatAction"]);

const BUTTONS = {
  web_app_setup_main_button: "main button",
  web_app_setup_secondary_button: "second button",
  web_app_setup_back_button: "back button",
};

const ASKS = {
  web_app_open_invoice: "The page opened an invoice",
  web_app_open_popup: "The page asked something",
  web_app_open_link: "The page opened a link",
  web_app_open_tg_link: "The page opened a Telegram link",
  web_app_close: "The page closed itself",
  web_app_ready: "The page is ready",
  web_app_trigger_haptic_feedback: "The page made the phone buzz",
};

export function createLogTab() {
  const shown = new Set(Object.keys(KINDS));
  const log = h("div.log", { role: "log", "aria-live": "off", "aria-label": "What happened" });
  const empty = h(
    "div.empty",
    {},
    icon("pulse"),
    h("strong", {}, "Nothing yet"),
    h("span", {}, "Press Start on the phone. Each call and each update will be told here as it happens."),
  );
  const filters = h(
    "div.log-tools",
    { role: "group", "aria-label": "Show" },
    Object.entries(KINDS).map(filter),
  );

  const waiting = h("p.waiting", { role: "status", hidden: true, "data-test": "waiting" });

  function filter([kind, label]) {
    const toggle = (event) => {
      if (shown.has(kind)) shown.delete(kind);
      else shown.add(kind);
      event.currentTarget.setAttribute("aria-pressed", String(shown.has(kind)));
      for (const entry of log.children) entry.hidden = isHidden(entry.dataset.kind);
    };
    return h("button.chip", { type: "button", "aria-pressed": "true", onclick: toggle }, label);
  }

  const isHidden = (kind) => Object.hasOwn(KINDS, kind) && !shown.has(kind);

  function add(told) {
    if (!told) return;
    empty.hidden = true;
    const entry = entryElement(told);
    entry.hidden = isHidden(told.kind);
    log.prepend(entry);
    while (log.children.length > MOST_ENTRIES) log.lastChild.remove();
  }

  return {
    element: h("div.tab-body", {}, filters, waiting, empty, log),
    draw() {
      const { pending } = store.state;
      waiting.hidden = pending.length === 0;
      fill(
        waiting,
        `${pending.length === 1 ? "One update waits" : `${pending.length} updates wait`} for the bot.`,
      );
    },
    happened: (event) => add(tell(event)),
    told: (type, data) => add(asks(type, data)),
  };
}

const ICONS = { call: "out", update: "into", app: "window", time: "clock" };

function entryElement({ kind, title, detail, raw, at, isBad, again }) {
  const pre = h("pre");
  const open = () => {
    if (!pre.textContent) pre.textContent = JSON.stringify(raw, null, 2);
  };
  return h(
    `details.entry${isBad ? ".is-bad" : ""}`,
    { "data-kind": kind, ontoggle: open },
    h(
      "summary",
      {},
      h("span.entry-icon", {}, icon(ICONS[kind])),
      h("span.entry-title", {}, withStars(title), detail && h("small", {}, withStars(detail))),
      h("time", {}, `${clockTime(at)}:${String(at.getSeconds()).padStart(2, "0")}`),
    ),
    again && h("div.chips", {}, againButton(again)),
    pre,
  );
}

/** Telegram may deliver an update twice, also one that was confirmed long ago. */
function againButton({ update_id: number }) {
  const deliver = () => api.deliverAgain(number).catch((error) => toast(error.message));
  return h(
    "button.chip",
    { type: "button", "data-test": "deliver-again", onclick: deliver },
    "Deliver it again",
  );
}

const buttonsSeen = new Map();

/** What the Mini App asked of the phone, or null where that is nothing new. */
function asks(type, data) {
  const asked = { kind: "app", detail: detailOf(type, data), raw: { [type]: data }, at: now() };
  if (!BUTTONS[type]) return ASKS[type] ? { ...asked, title: ASKS[type] } : null;
  // Pages set their buttons again and again; a button that was hidden and stays so is no news.
  const looks = data.is_visible ? (data.text ?? "shown") : "hidden";
  const before = buttonsSeen.get(type) ?? "hidden";
  buttonsSeen.set(type, looks);
  if (looks === before) return null;
  return { ...asked, title: `The page ${data.is_visible ? "shows" : "hid"} the ${BUTTONS[type]}` };
}

/** An event of the sandbox in words, or null where it says nothing to a person. */
function tell({ type, data, at }) {
  const when = at ? new Date(typeof at === "number" ? at * 1000 : at) : now();
  const said = TOLD[type]?.(data ?? {});
  return said ? { raw: data, at: when, ...said } : null;
}

const TOLD = {
  call: tellCall,
  update: tellUpdate,
  again: ({ update_id: number }) => ({
    kind: "update",
    title: "Telegram delivers an update once more",
    detail: `update ${number}`,
  }),
  expired: ({ updates }) => ({
    kind: "update",
    title: `Too old to be delivered: ${updates.length === 1 ? "an update" : `${updates.length} updates`}`,
    detail: `update ${updates.join(", ")}`,
    isBad: true,
  }),
  client_script: ({ said }) => ({ kind: "app", title: said }),
  clock: ({ now: moment }) => {
    const to = new Date(moment * 1000);
    return { kind: "time", title: `The clock jumped to ${dateName(to)}, ${clockTime(to)}` };
  },
};

function tellCall({ method, params, result, error, ok, status }) {
  const isBad = ok === false || Boolean(error) || status >= 400;
  if (ROUTINE.has(method) && !isBad) return null;
  const title = CALLS[method]?.(params ?? {}) ?? `The bot called ${method}`;
  return {
    kind: "call",
    title,
    detail: isBad ? (error?.description ?? error ?? `answered ${status}`) : method,
    isBad,
    raw: { method, params, result, error },
  };
}

function tellUpdate(update) {
  const detail = `update ${update.update_id}${update.lost ? ", lost on the way" : ""}`;
  return {
    kind: "update",
    title: updateWords(update),
    detail,
    raw: update,
    isBad: update.lost,
    again: update,
  };
}

function updateWords(update) {
  const { message, callback_query: press, pre_checkout_query: question, subscription } = update;
  if (message?.successful_payment) {
    const {
      total_amount: amount,
      is_recurring: isPlan,
      is_first_recurring: isFirst,
    } = message.successful_payment;
    return `${who(message)} paid ⭐ ${amount}${isPlan ? (isFirst ? " for a first period" : " for another period") : ""}`;
  }
  if (message?.refunded_payment)
    return `${who(message)} was refunded ⭐ ${message.refunded_payment.total_amount}`;
  if (message?.write_access_allowed) return `${who(message)} let the bot write`;
  if (message) return `${who(message)} wrote: ${short(message.text ?? "")}`;
  if (press) return `${press.from.first_name} pressed a button`;
  if (question) return `May ${question.from.first_name} pay ⭐ ${question.total_amount}?`;
  if (subscription) return `${subscription.user.first_name}'s subscription ${STATES[subscription.state]}`;
  return `An update: ${Object.keys(update)
    .filter((key) => !["update_id", "lost"].includes(key))
    .join(", ")}`;
}

const STATES = {
  active: "renews again",
  canceled: "will not renew",
  failed: "could not be renewed",
};

const who = (message) => message.from?.first_name ?? "Somebody";

function person(id) {
  return store.state.people.find((one) => String(one.id) === String(id))?.first_name ?? id;
}

function price({ prices }) {
  const list = typeof prices === "string" ? JSON.parse(prices) : prices;
  return list?.[0]?.amount ?? "?";
}

const dropped = (it) => (isTrue(it.drop_pending_updates) ? ", and let go what waited" : "");

const isTrue = (value) => value === true || value === "true" || value === "True";

function short(text = "") {
  const line = text
    .replace(/<[^>]+>/g, "")
    .replace(/\s+/g, " ")
    .trim();
  return line.length > 70 ? `${line.slice(0, 69)}…` : line;
}

function detailOf(type, data) {
  return (
    data.text ??
    data.message ??
    data.url ??
    data.slug ??
    data.path_full ??
    data.impact_style ??
    data.notification_type ??
    type
  );
}
