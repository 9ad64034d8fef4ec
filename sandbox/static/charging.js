// The panel's form for a charge that nobody asked the bot about, with whatever is to be wrong with it.

import * as api from "./api.js";
import { fill, h, stars } from "./dom.js";
import { icon } from "./icons.js";
import { store } from "./store.js";

const MOST_INVOICES = 20;

export function createCharging() {
  const invoice = h("select", { "data-test": "charge-invoice", onchange: suggest });
  const person = h("select", { "data-test": "charge-person" });
  const amount = h("input", { type: "number", min: "1", required: true, "data-test": "charge-amount" });
  const payload = h("input", {
    type: "text",
    required: true,
    spellcheck: "false",
    "data-test": "charge-payload",
  });
  const currency = h(
    "select",
    {},
    ["XTR", "USD"].map((value) => h("option", { value }, value)),
  );
  const told = h("input.switch", {
    type: "checkbox",
    role: "switch",
    checked: true,
    "data-test": "charge-told",
  });
  const problem = h("p.problem", { role: "alert", hidden: true });
  const form = h(
    "form.fields",
    { onsubmit: submit },
    field("Invoice", invoice),
    field("Who pays", person),
    field("Stars", amount),
    field("Payload", payload),
    field("Currency", currency),
    field("Tell the bot", told),
    h("button.chip.is-main", { type: "submit", "data-test": "charge" }, "Charge"),
    problem,
  );
  const element = fold("Charge without asking the bot", { "data-test": "charging", ontoggle: draw }, form);
  let known = [];

  async function draw() {
    if (!element.open) return;
    known = (await api.invoices()).slice(-MOST_INVOICES).reverse();
    const before = invoice.value;
    options(
      person,
      store.state.people.map(({ id, first_name: name }) => [String(id), name]),
      store.person.id,
    );
    options(
      invoice,
      [...known.map((one) => [one.slug, invoiceName(one)]), ["", "None at all"]],
      known[0]?.slug,
    );
    if (invoice.value !== before || !payload.value) suggest();
  }

  /** Put in what would be right, to be changed into what is wrong. */
  function suggest() {
    const chosen = known.find(({ slug }) => slug === invoice.value);
    amount.value = chosen?.stars ?? 1;
    payload.value = chosen?.payload ?? "nobody-made-this";
  }

  async function submit(event) {
    event.preventDefault();
    problem.hidden = true;
    const slug = invoice.value ? { slug: invoice.value } : {};
    try {
      await api.charge({
        ...slug,
        person: Number(person.value),
        amount: Number(amount.value),
        payload: payload.value,
        currency: currency.value,
        silent: !told.checked,
      });
    } catch (error) {
      problem.textContent = PROBLEMS[error.message] ?? error.message;
      problem.hidden = false;
    }
  }

  return { element, draw };
}

const PROBLEMS = { BALANCE_TOO_LOW: "Whoever is to pay has too few Stars." };

const invoiceName = (one) => `${one.title}, ${stars(one.stars)} Stars, paid ${one.paid_count} times`;

/** A part of the panel that is closed until somebody wants it. */
export function fold(title, props, ...children) {
  return h("details.block.fold", props, h("summary", {}, title, icon("chevron")), children);
}

export function field(label, control) {
  return h("label.labelled", {}, h("span", {}, label), control);
}

/** Fill a select anew if its choices changed; what was chosen stays chosen if it can. */
function options(select, choices, fallback) {
  const looks = JSON.stringify(choices);
  if (select.dataset.looks === looks) return;
  const before = select.value;
  select.dataset.looks = looks;
  fill(
    select,
    choices.map(([value, text]) => h("option", { value }, text)),
  );
  const isThere = choices.some(([value]) => value === before) && before !== "";
  select.value = isThere ? before : String(fallback ?? "");
}
