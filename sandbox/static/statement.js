// The panel's tab with Telegram's own books: every Star that came and went, and what Telegram may do about it.

import * as api from "./api.js";
import { createCharging } from "./charging.js";
import { toast } from "./dialogs.js";
import { clockTime, dayName, fill, h, stars, starsInWords } from "./dom.js";
import { avatar, icon } from "./icons.js";
import { createRenewals } from "./renewals.js";
import { createRowForm, rowName } from "./rows.js";
import { store } from "./store.js";
import { sureButton } from "./sure.js";

export function createStatementTab() {
  const renewals = createRenewals();
  const charging = createCharging();
  const rows = h("div.transactions");
  const sum = h("b", { "data-test": "bot-balance" });
  const empty = h(
    "div.empty",
    {},
    icon("receipt"),
    h("strong", {}, "No Stars have moved"),
    h("span", {}, "What people pay the bot is written here, as getStarTransactions tells it."),
  );
  let drawn = null;

  async function draw() {
    fill(sum, icon("star"), stars(store.state.balance ?? 0));
    renewals.draw();
    charging.draw();
    const transactions = await api.statement();
    const looks = JSON.stringify(transactions);
    if (looks === drawn) return;
    drawn = looks;
    const refunded = new Set(transactions.filter((one) => one.receiver).map((one) => one.id));
    empty.hidden = transactions.length > 0;
    fill(
      rows,
      transactions.toReversed().map((one) => row(one, refunded)),
    );
  }

  return {
    element: h(
      "div.tab-body",
      {},
      h("div.sum", {}, h("span", {}, "The bot's balance"), sum),
      renewals.element,
      charging.element,
      createRowForm(),
      empty,
      rows,
    ),
    draw,
  };
}

function row(transaction, refunded) {
  const isOutgoing = Boolean(transaction.receiver);
  const partner = transaction.source ?? transaction.receiver;
  const isPayment = partner?.transaction_type === "invoice_payment" && Boolean(transaction.source);
  const isOpen = isPayment && !refunded.has(transaction.id);
  const more = h(
    "div.chips",
    { hidden: true },
    isPayment ? tellButton(transaction) : null,
    isOpen ? clawBacks(transaction) : null,
  );
  return h(
    "div.transaction",
    { "data-test": "transaction" },
    partner?.user
      ? avatar(partner.user)
      : h("span.avatar.avatar-telegram", { "aria-hidden": "true" }, icon("send")),
    h(
      "span.transaction-text",
      {},
      title(partner, isOutgoing),
      h(
        "small",
        { title: String(transaction.id) },
        `${moment(transaction.date)} · ${transaction.id ?? "no id"}`,
      ),
    ),
    h(
      "span.transaction-end",
      {},
      h(
        `b.amount${isOutgoing ? ".is-minus" : ".is-plus"}`,
        {},
        `${isOutgoing ? "−" : "+"}${amountWords(transaction)}`,
        icon("star"),
      ),
      h(
        "span.transaction-tools",
        {},
        isPayment && !isOpen ? h("span.tag", {}, "refunded") : null,
        isOpen ? refundButton(transaction, partner.user) : null,
        isPayment ? moreButton(more) : null,
      ),
    ),
    more,
  );
}

function title(partner, isOutgoing) {
  const name = partner?.user?.first_name;
  if (!name) return rowName(partner);
  if (isOutgoing) return `Refund to ${name}`;
  return partner.subscription_period ? `${name} paid for a period` : `${name} paid`;
}

// Rows may be as strange as one likes; whoever rehearses them wants to see them.
function moment(date) {
  const at = new Date(date * 1000);
  return Number.isNaN(at.getTime()) ? "no date" : `${dayName(at)} ${clockTime(at)}`;
}

function amountWords({ amount, nanostar_amount: nano }) {
  const whole = Number.isFinite(amount) ? stars(amount) : String(amount);
  return nano ? `${whole}.${String(nano).padStart(9, "0").replace(/0+$/, "")}` : whole;
}

function moreButton(more) {
  const toggle = (event) => {
    more.hidden = !more.hidden;
    event.currentTarget.setAttribute("aria-expanded", String(!more.hidden));
  };
  return h(
    "button.chip.is-icon",
    {
      type: "button",
      "aria-label": "What else may happen to this charge",
      "aria-expanded": "false",
      "data-test": "more",
      onclick: toggle,
    },
    icon("more"),
  );
}

function tellButton({ id }) {
  const tell = async () => {
    await api.tellAgain(id);
    toast("The bot is told of this charge once more.");
  };
  return h("button.chip", { type: "button", "data-test": "tell-again", onclick: tell }, "Tell the bot again");
}

/** The store took the money back: Telegram takes the Stars from the bot, and may say so or not. */
function clawBacks({ id }) {
  const button = (label, test, how) =>
    sureButton("button.chip", { label, question: "Really?", test, onSure: () => api.chargeBack(id, how) });
  return [
    button("Chargeback", "chargeback", {}),
    button("Chargeback, bot not told", "chargeback-silent", { silent: true }),
  ];
}

/** A refund that Telegram or a store decided on: the bot is only told. */
function refundButton(transaction, partner) {
  return sureButton("button.chip", {
    label: "Refund",
    question: "Really?",
    test: "refund",
    onSure: async () => {
      await api.refund(transaction.id);
      toast(`${starsInWords(transaction.amount)} went back to ${partner.first_name}.`, {
        image: icon("star"),
      });
    },
  });
}
