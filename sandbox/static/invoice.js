// Paying an invoice: Telegram's confirmation sheet, from the first look to what the Mini App is told.

import * as api from "./api.js";
import { burst } from "./burst.js";
import { ask, toast } from "./dialogs.js";
import { h, stars, starsInWords } from "./dom.js";
import { icon } from "./icons.js";
import { lasting, per } from "./periods.js";
import { openSheet } from "./sheet.js";
import { balance, packs, starHero, topUp } from "./stars.js";
import { store } from "./store.js";

// What the buyer reads; every other text comes from the bot and is shown as it is.
const SENTENCES = {
  BOT_PRECHECKOUT_TIMEOUT: "The bot did not answer in time. You have not been charged.",
  BOT_PRECHECKOUT_FAILED: "The bot could not take this payment. You have not been charged.",
  FORM_EXPIRED: "This payment form has expired. Please open it again.",
  FORM_SUBMIT_DUPLICATE: "This payment has been sent already.",
  SUBSCRIPTION_ALREADY_ACTIVE: "You already have this subscription. It renews automatically.",
};

let paying = null;

/**
 * Show an invoice and let the person pay it.
 *
 * Resolves with the status a Mini App is told: paid, cancelled, failed or pending; or null where the
 * client keeps silent.
 */
export function buy(slug) {
  // One sheet at a time: a second invoice waits for the first to be closed.
  const turn = Promise.resolve(paying).then(() => purchase(slug));
  paying = turn.catch(() => {});
  return turn;
}

function purchase(slug) {
  return new Promise((resolve) => {
    const finish = async (status) => {
      await sheet.close();
      resolve(status);
    };
    const sheet = openSheet({
      label: "Confirm your purchase",
      test: "invoice-sheet",
      onDismiss: () => finish("cancelled"),
    });
    sheet.show("loading", h("div.sheet-wait", { "aria-label": "Loading the invoice" }, icon("spinner")));
    api.invoice(slug).then(
      (invoice) => review({ slug, invoice, person: store.person, sheet, finish }),
      async () => {
        await finish("failed");
        ask({ title: "Invoice not found", message: "This invoice does not exist any more." });
      },
    );
  });
}

function review(purchase) {
  const { invoice, person, sheet } = purchase;
  const missing = invoice.stars - person.stars;
  sheet.corner(balance(person));
  sheet.show(
    missing > 0 ? "short" : "confirm",
    picture(invoice),
    h("h2", {}, invoice.subscription_period ? "Confirm Your Subscription" : "Confirm Your Purchase"),
    h("p.question", {}, question(invoice)),
    invoice.description && h("p.description", { dir: "auto" }, invoice.description),
    missing > 0
      ? h("p.short", { role: "status" }, icon("star"), `You need ${starsInWords(missing)} more.`)
      : null,
    missing > 0 ? moreStarsButton(purchase, missing) : confirmButton(purchase),
    terms(invoice),
    h("p.fine", {}, "Paid with Telegram Stars of this sandbox. No money moves."),
  );
}

/** The picture of what is sold, or a star where it has none. */
export function picture(invoice) {
  const star = h("span.picture-badge", {}, icon("star"));
  if (!invoice.photo_url) return h("div.picture.is-plain", {}, icon("star"));
  const image = h("img", { src: invoice.photo_url, alt: "" });
  const frame = h("div.picture", {}, image, star);
  image.addEventListener("error", () => {
    frame.classList.add("is-plain");
    frame.replaceChildren(icon("star"));
  });
  return frame;
}

function question(invoice) {
  const price = h("b", {}, icon("star"), " ", starsInWords(invoice.stars));
  const title = h("b", {}, invoice.title);
  const bot = h("b", {}, store.state.bot.name);
  if (invoice.subscription_period) {
    const period = per(invoice.subscription_period);
    return ["Do you want to subscribe to ", title, " in ", bot, " for ", price, ` per ${period}?`];
  }
  return ["Do you want to buy ", title, " in ", bot, " for ", price, "?"];
}

function confirmButton(purchase) {
  return h(
    "button.big",
    {
      type: "button",
      "data-test": "confirm-payment",
      onclick: (event) => pay(purchase, event.currentTarget),
    },
    h("span", {}, payWords(purchase.invoice)),
    icon("spinner"),
  );
}

function payWords({ stars: price, subscription_period: period }) {
  const amount = [icon("star-plain"), stars(price)];
  return period ? ["Subscribe for ", amount, ` / ${per(period)}`] : ["Confirm and Pay ", amount];
}

/** What must be known before the first of many payments. */
function terms({ subscription_period: period }) {
  return (
    period && h("p.fine", {}, `Renews every ${lasting(period)} until you cancel it in Settings, My Stars.`)
  );
}

function moreStarsButton(purchase, missing) {
  return h(
    "button.big",
    { type: "button", "data-test": "top-up", onclick: () => offerTopUp(purchase, missing) },
    h("span", {}, "Get more Stars"),
  );
}

function offerTopUp(purchase, missing) {
  const { invoice, person, sheet } = purchase;
  sheet.corner(balance(person));
  sheet.show(
    "top-up",
    starHero(
      `${starsInWords(missing)} Needed`,
      "Buy Stars to get ",
      h("b", {}, invoice.title),
      " in ",
      store.state.bot.name,
      ".",
    ),
    packs({
      missing,
      onPick: async (pack, button) => {
        await topUp(person, pack, button);
        review(purchase);
      },
    }),
  );
}

async function pay(purchase, button) {
  const { slug, person, sheet, finish } = purchase;
  if (button.classList.contains("is-busy")) return;
  button.classList.add("is-busy");
  button.setAttribute("aria-busy", "true");
  sheet.lock(true);
  const outcome = await api
    .pay(slug, person.id)
    .catch((error) => ({ status: "failed", error: error.message }));
  sheet.lock(false);
  if (outcome.error === "BALANCE_TOO_LOW") {
    const fresh = (await api.state()).people.find((one) => one.id === person.id);
    Object.assign(person, fresh);
    offerTopUp(purchase, Math.max(purchase.invoice.stars - person.stars, 1));
    return;
  }
  // A trouble may make the client keep silent about a real payment, or lie.
  await finish(outcome.status === "none" ? null : outcome.status);
  report(purchase, outcome);
}

function report({ invoice }, outcome) {
  if (outcome.charge_id || outcome.status === "paid") {
    burst(document.getElementById("screen"));
    const price = starsInWords(invoice.stars);
    const isPlan = Boolean(invoice.subscription_period);
    toast(isPlan ? `You subscribed to ${invoice.title}.` : `You got ${invoice.title} for ${price}.`, {
      title: isPlan ? "Subscription started" : "Purchase complete",
      image: icon("star"),
    });
  } else if (outcome.status === "pending") {
    toast("The payment is still being processed.");
  } else if (outcome.error) {
    ask({
      title: "Payment failed",
      message: SENTENCES[outcome.error] ?? outcome.error,
      buttons: [{ id: "ok", type: "ok" }],
    });
  }
}
