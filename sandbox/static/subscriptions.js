// A person's subscriptions where Telegram keeps them: Settings, My Stars.

import * as api from "./api.js";
import { ask, toast } from "./dialogs.js";
import { clockTime, dateName, h, stars, starsInWords } from "./dom.js";
import { icon } from "./icons.js";
import { picture } from "./invoice.js";
import { per } from "./periods.js";
import { openSheet } from "./sheet.js";
import { balance, packs, starHero, topUp } from "./stars.js";
import { store } from "./store.js";

const DAY_SECONDS = 86_400;

const UNTIL = {
  active: "renews on",
  canceled: "expires on",
  failed: "payment failed on",
  ended: "expired on",
};

/** The person's subscriptions, those that run before those that ended. */
export function subscriptionsOf(person) {
  const mine = store.state.subscriptions.filter((one) => one.person === person.id);
  const isOver = (one) => Number(one.state === "ended");
  return mine.toSorted((a, b) => isOver(a) - isOver(b) || b.paid_until - a.paid_until);
}

export function subscriptionRow(one, on) {
  return h(
    "button.setting",
    { type: "button", "data-test": "subscription", onclick: () => openSubscription(one, on) },
    thumbnail(one),
    h(
      "span.setting-text",
      {},
      one.title,
      h(`small${one.state === "failed" ? ".is-bad" : ""}`, {}, `${UNTIL[one.state]} ${endOf(one)}`),
    ),
    h(
      "span.per",
      {},
      h("b.amount", {}, icon("star"), stars(one.stars)),
      h("small", {}, `per ${per(one.period_seconds)}`),
    ),
  );
}

function thumbnail({ photo_url: photo }) {
  return photo ? h("img.thumbnail", { src: photo, alt: "" }) : h("span.thumbnail.is-plain", {}, icon("star"));
}

/** The day on which the period ends; the minute too where periods are that short. */
function endOf(one) {
  const end = new Date(one.paid_until * 1000);
  return one.period_seconds < DAY_SECONDS ? `${dateName(end)}, ${clockTime(end)}` : dateName(end);
}

function openSubscription(one, on) {
  const sheet = openSheet({ label: one.title, test: "subscription-sheet", onDismiss: () => sheet.close() });
  sheet.corner(balance());
  sheet.show(
    one.state,
    picture(one),
    h("h2", {}, one.title),
    h("p.question", {}, h("b", {}, icon("star"), " ", stars(one.stars)), ` per ${per(one.period_seconds)}`),
    h(
      "dl.facts",
      {},
      fact("To", store.state.bot.name),
      fact("Subscribed", dateName(new Date(one.date * 1000))),
      fact(capital(UNTIL[one.state]), endOf(one)),
    ),
    ...offers(one, { sheet, on }),
  );
}

const fact = (name, value) => [h("dt", {}, name), h("dd", {}, value)];
const capital = (text) => text[0].toUpperCase() + text.slice(1);

/** What the sheet says below the facts, and the button that goes with it. */
function offers(one, { sheet, on }) {
  const { bot } = store.state;
  const change = (verb, said) => () => act(one, verb, said, sheet);
  const cancel = action(
    "Cancel Subscription",
    "cancel-subscription",
    change("cancel", "is canceled"),
    ".is-quiet",
  );
  if (one.state === "failed") return [...failure(one, sheet), cancel];
  if (one.state === "active") return [note(`If you cancel now, it stays yours until ${endOf(one)}.`), cancel];
  if (one.state === "ended") {
    const again = async () => {
      await sheet.close();
      on.buy(one.slug);
    };
    return [note("This subscription has ended."), action("Subscribe Again", "subscribe-again", again)];
  }
  if (one.canceled_by_bot) return [note(`${bot.name} has canceled this subscription. You cannot renew it.`)];
  return [
    note(`You canceled this subscription. It stays yours until ${endOf(one)}.`),
    action("Renew Subscription", "renew-subscription", change("resume", "renews again")),
  ];
}

function failure(one, sheet) {
  const missing = one.stars - store.person.stars;
  if (missing <= 0) return [note("The last renewal failed. Telegram tries again once you have more Stars.")];
  return [
    h("p.short", { role: "status" }, icon("star"), `You need ${starsInWords(missing)} more to renew.`),
    action("Get More Stars", "top-up", () => offerTopUp(missing, sheet)),
  ];
}

function offerTopUp(missing, sheet) {
  sheet.show(
    "top-up",
    starHero(`${starsInWords(missing)} Needed`, "With them, Telegram renews the subscription at once."),
    packs({
      missing,
      onPick: async (pack, button) => {
        await topUp(store.person, pack, button);
        await sheet.close();
      },
    }),
  );
}

const note = (text) => h("p.description", {}, text);

function action(label, test, onclick, kind = "") {
  return h(`button.big${kind}`, { type: "button", "data-test": test, onclick }, h("span", {}, label));
}

async function act(one, verb, said, sheet) {
  try {
    await api.changeSubscription(one.id, verb);
    await sheet.close();
    toast(`${one.title} ${said}.`, { image: icon("star") });
  } catch (error) {
    await sheet.close();
    ask({ title: "That did not work", message: error.message });
  }
}
