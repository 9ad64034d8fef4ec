// The panel's tab with Telegram's own books: every Star that came and went, and refunds made by Telegram.

import * as api from "./api.js";
import { toast } from "./dialogs.js";
import { clockTime, dayName, fill, h, stars, starsInWords } from "./dom.js";
import { avatar, icon } from "./icons.js";
import { store } from "./store.js";
import { sureButton } from "./sure.js";

export function createStatementTab() {
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
    const answer = await api.statement();
    const transactions = answer.transactions ?? answer;
    const looks = JSON.stringify(transactions);
    if (looks === drawn) return;
    drawn = looks;
    const refunded = new Set(transactions.filter(isOutgoing).map((one) => one.id));
    empty.hidden = transactions.length > 0;
    fill(
      rows,
      transactions.toReversed().map((one) => row(one, refunded)),
    );
  }

  return {
    element: h("div.tab-body", {}, h("div.sum", {}, h("span", {}, "The bot's balance"), sum), empty, rows),
    draw,
  };
}

const isOutgoing = (transaction) => Boolean(transaction.receiver);

function row(transaction, refunded) {
  const outgoing = isOutgoing(transaction);
  const partner = (transaction.source ?? transaction.receiver)?.user ?? { id: 0, first_name: "Telegram" };
  const date = new Date(transaction.date * 1000);
  return h(
    "div.transaction",
    { "data-test": "transaction" },
    avatar(partner),
    h(
      "span.transaction-text",
      {},
      outgoing ? `Refund to ${partner.first_name}` : `${partner.first_name} paid`,
      h("small", { title: transaction.id }, `${dayName(date)} ${clockTime(date)} · ${transaction.id}`),
    ),
    h(
      "span.transaction-end",
      {},
      h(
        `b.amount${outgoing ? ".is-minus" : ".is-plus"}`,
        {},
        `${outgoing ? "−" : "+"}${stars(transaction.amount)}`,
        icon("star"),
      ),
      outgoing
        ? null
        : refunded.has(transaction.id)
          ? h("span.tag", {}, "refunded")
          : refundButton(transaction, partner),
    ),
  );
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
