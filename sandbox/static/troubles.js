// The panel's tab for making things go wrong on purpose.

import * as api from "./api.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { store } from "./store.js";

const CLAIMS = {
  "": "The truth",
  failed: "It failed",
  cancelled: "It was cancelled",
  pending: "It is pending",
  none: "Nothing at all",
};

const METHODS = {
  "*": "any call",
  createInvoiceLink: "making an invoice",
  answerPreCheckoutQuery: "answering a pre-checkout",
  sendMessage: "sending a message",
  refundStarPayment: "refunding",
  editUserStarSubscription: "canceling a subscription",
  setWebhook: "setting the webhook",
  getUpdates: "asking for updates",
  getStarTransactions: "reading the statement",
};

// What a Bot API call can come back with; `make` is the trouble as the sandbox takes it.
const FAILURES = {
  429: { label: "Too many requests", make: { status: 429, retry_after: 3 } },
  500: { label: "Telegram is down (500)", make: { status: 500 } },
  400: { label: "Bad request (400)", make: { status: 400 } },
  401: { label: "Wrong token (401)", make: { status: 401 } },
  403: { label: "Forbidden (403)", make: { status: 403 } },
  409: { label: "Conflict (409)", make: { status: 409 } },
  lost: { label: "Done, but the answer is lost", make: { lost_answer: true } },
  garbage: { label: "Garbage instead of JSON", make: { garbage: true } },
  slow: { label: "Slow, 3 seconds", make: { latency_seconds: 3 } },
};

export const isTroubled = (troubles) =>
  Boolean(
    troubles &&
    (troubles.duplicate ||
      troubles.delay_seconds ||
      troubles.lose ||
      troubles.reorder ||
      troubles.client_status ||
      troubles.statement_lag_seconds ||
      troubles.statement_reorder ||
      troubles.balance_too_low ||
      troubles.ask_on_renewal ||
      Object.keys(troubles.api ?? {}).length),
  );

export function createTroublesTab() {
  const change = (part) => api.makeTrouble({ ...store.state.troubles, ...part });
  const switches = Object.entries(SWITCHES).map(([name, label]) => switchLine(name, label, change));
  const [reorder, ...moneySwitches] = switches;
  const duplicate = stepper("Send each update again", "duplicate", "times more", (n) =>
    change({ duplicate: n }),
  );
  const delay = stepper("Hold each update back", "delay", "seconds", (n) => change({ delay_seconds: n }));
  const lose = stepper("Lose the next updates", "lose", "of them", (n) => change({ lose: n }));
  const lag = stepper("Show new rows late", "lag", "minutes", (n) =>
    change({ statement_lag_seconds: n * 60 }),
  );
  const claims = h("div.claims", {
    role: "radiogroup",
    "aria-label": "What the phone tells the page after a payment",
  });
  const failing = h("ul.failing", { "aria-label": "Calls that will fail" });
  const calm = h(
    "button.chip",
    { type: "button", "data-test": "calm", onclick: () => api.makeTrouble(CALM) },
    icon("check"),
    "End all troubles",
  );

  return {
    element: h(
      "div.tab-body",
      {},
      h("p.lead", {}, "Real networks do all of this. Your shop should not lose a Star to any of it."),
      block(
        "Updates on their way to the bot",
        duplicate.element,
        delay.element,
        lose.element,
        reorder.element,
      ),
      block("Telegram's books", lag.element, ...moneySwitches.map(({ element }) => element)),
      block("Calls from the bot to Telegram", callForm(change), failing),
      block("What the phone tells the page after a payment", claims),
      calm,
    ),
    draw() {
      const troubles = store.state.troubles ?? {};
      duplicate.show(troubles.duplicate ?? 0);
      delay.show(troubles.delay_seconds ?? 0);
      lose.show(troubles.lose ?? 0);
      lag.show((troubles.statement_lag_seconds ?? 0) / 60);
      for (const one of switches) one.show(troubles);
      fill(
        claims,
        Object.entries(CLAIMS).map(([value, label]) => claim(value, label, troubles, change)),
      );
      fill(
        failing,
        Object.entries(troubles.api ?? {}).map(([method, one]) => failingCall(method, one, change)),
      );
      calm.hidden = !isTroubled(troubles);
    },
  };
}

const CALM = {}; // whatever is not named ends

const SWITCHES = {
  reorder: "Shuffle their order",
  statement_reorder: "Shuffle rows of the last minute",
  balance_too_low: "The bot has too few Stars to refund",
  ask_on_renewal: "Ask the bot before a renewal",
};

function switchLine(name, label, change) {
  const control = h("input.switch", {
    type: "checkbox",
    role: "switch",
    "data-test": `trouble-${name}`,
    onchange: () => change({ [name]: control.checked }),
  });
  return {
    element: h("label.line", {}, h("span", {}, label), control),
    show(troubles) {
      control.checked = Boolean(troubles[name]);
    },
  };
}

function block(title, ...children) {
  return h("section.block", {}, h("h3", {}, title), children);
}

function stepper(label, test, unit, onChange) {
  let value = 0;
  const shown = h("output", { "data-test": `trouble-${test}` });
  const step = (by) => () => onChange(Math.max(0, value + by));
  const less = h("button", { type: "button", "aria-label": `${label}: fewer`, onclick: step(-1) }, "−");
  const more = h("button", { type: "button", "aria-label": `${label}: more`, onclick: step(1) }, "+");
  return {
    element: h("div.line", {}, h("span", {}, label), h("div.stepper", {}, less, shown, more)),
    show(number) {
      value = number;
      less.disabled = number === 0;
      shown.textContent = number === 0 ? "no" : `${number} ${number === 1 ? unit.replace(/s\b/, "") : unit}`;
      shown.classList.toggle("is-on", number > 0);
    },
  };
}

function claim(value, label, troubles, change) {
  return h(
    "button.chip",
    {
      type: "button",
      role: "radio",
      "aria-checked": String((troubles.client_status ?? "") === value),
      "data-test": `claim-${value || "truth"}`,
      onclick: () => change({ client_status: value || null }),
    },
    label,
  );
}

function callForm(change) {
  const option = ([value, one]) => h("option", { value }, one.label ?? one);
  const method = h(
    "select",
    { "aria-label": "Which call", "data-test": "trouble-method" },
    Object.entries(METHODS).map(option),
  );
  const failure = h(
    "select",
    { "aria-label": "What goes wrong", "data-test": "trouble-failure" },
    Object.entries(FAILURES).map(option),
  );
  const times = h("input", {
    type: "number",
    min: "1",
    max: "99",
    value: "1",
    "aria-label": "How many times",
  });
  const add = (event) => {
    event.preventDefault();
    const one = { ...FAILURES[failure.value].make, times: Number(times.value) };
    change({ api: { ...store.state.troubles?.api, [method.value]: one } });
  };
  return h(
    "form.call-form",
    { onsubmit: add },
    h("span", {}, "The next"),
    times,
    h("span", {}, "of"),
    method,
    h("span", {}, "get"),
    failure,
    h("button.chip.is-main", { type: "submit", "data-test": "trouble-add" }, "Arrange it"),
  );
}

function failingCall(method, one, change) {
  const remove = () => {
    const { [method]: _, ...others } = store.state.troubles.api;
    change({ api: others });
  };
  return h(
    "li",
    {},
    h("code", {}, method === "*" ? "any call" : method),
    h("span", {}, `${failureName(one)}${one.times ? `, ${one.times} more` : ""}`),
    h(
      "button",
      { type: "button", "aria-label": `End the trouble with ${method}`, onclick: remove },
      icon("close"),
    ),
  );
}

function failureName(one) {
  if (one.lost_answer) return FAILURES.lost.label;
  if (one.garbage) return FAILURES.garbage.label;
  if (one.status) return FAILURES[one.status]?.label ?? `Status ${one.status}`;
  return `Slow, ${one.latency_seconds} seconds`;
}
