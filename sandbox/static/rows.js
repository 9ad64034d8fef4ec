// Rows of the statement that are no purchases: the form that books them, and what the panel calls them.

import * as api from "./api.js";
import { field, fold } from "./charging.js";
import { h } from "./dom.js";
import { now } from "./time.js";

const CHANNEL = { id: -1001234567890, type: "channel", title: "Night sky" };

// Each as the Bot API would tell it.
const ROWS = {
  withdrawal: {
    label: "Withdrawal to Fragment",
    make: () => ({ receiver: { type: "fragment", withdrawal_state: succeeded() } }),
  },
  pending: {
    label: "Withdrawal under way",
    make: () => ({ receiver: { type: "fragment", withdrawal_state: { type: "pending" } } }),
  },
  ads: { label: "Advertisement", make: () => ({ receiver: { type: "telegram_ads" } }) },
  broadcast: {
    label: "Paid broadcast",
    make: () => ({ receiver: { type: "telegram_api", request_count: 10 } }),
  },
  affiliate: {
    label: "Commission from another bot",
    make: () => ({
      nanostar_amount: 500_000_000,
      source: { type: "affiliate_program", commission_per_mille: 50 },
    }),
  },
  chat: { label: "From a channel", make: () => ({ source: { type: "chat", chat: CHANNEL } }) },
  other: { label: "Something else", make: () => ({ source: { type: "other" } }) },
  unknown: { label: "A kind nobody knows yet", make: () => ({ source: { type: "comet_dust" } }) },
};

const NAMES = {
  fragment: "Withdrawal to Fragment",
  telegram_ads: "Advertisement",
  telegram_api: "Paid broadcast",
  affiliate_program: "Commission from another bot",
  chat: "From a channel",
  other: "Something else",
};

export const rowName = ({ type } = {}) =>
  NAMES[type] ?? (type ? `A row of type ${type}` : "A row of no type");

function succeeded() {
  return { type: "succeeded", date: Math.floor(now() / 1000), url: "https://fragment.com/" };
}

export function createRowForm() {
  const kind = h(
    "select",
    { "data-test": "row-kind" },
    Object.entries(ROWS).map(([value, { label }]) => h("option", { value }, label)),
  );
  const amount = h("input", {
    type: "number",
    min: "0",
    value: "100",
    required: true,
    "data-test": "row-amount",
  });
  const submit = (event) => {
    event.preventDefault();
    api.book({ amount: Number(amount.value), ...ROWS[kind.value].make() });
  };
  return fold(
    "Book a row of another kind",
    { "data-test": "row-form" },
    h(
      "form.fields.is-short",
      { onsubmit: submit },
      field("Kind", kind),
      field("Stars", amount),
      h("button.chip.is-main", { type: "submit", "data-test": "row-book" }, "Book it"),
    ),
  );
}
