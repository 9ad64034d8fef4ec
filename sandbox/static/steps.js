// A newcomer's first visit, a step at a time: buy something, then see that trouble changes nothing.

import * as api from "./api.js";
import { toast } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { icon, withStars } from "./icons.js";
import { store } from "./store.js";

const SEEN_KEY = "sandbox:steps-seen";

export function createSteps() {
  const list = h("ol", {});
  const element = h("section.card.steps", { hidden: true, "aria-label": "First steps" }, list);
  const seen = { opened: false, told: null, isAgain: false };
  let messages = [];

  /** What there is to do, whether it was done, what that showed, and how the sandbox can do it. */
  function steps() {
    const paid = messages.findLast((message) => message.successful_payment);
    const isBack = messages.some((message) => message.refunded_payment);
    const charge = paid?.successful_payment.telegram_payment_charge_id;
    return [
      { text: "Press Start on the phone", isDone: messages.length > 0 || seen.opened },
      { text: "Open the shop", isDone: seen.opened || Boolean(paid) },
      { text: `Buy something: you have ⭐ ${store.person?.stars}, and they are free here`, isDone: Boolean(paid) },
      {
        text: "Make Telegram deliver the payment twice",
        isDone: seen.isAgain || isBack,
        showed: "One charge, one message. Nothing was counted twice.",
        act: seen.told && { label: "Deliver it again", run: () => api.deliverAgain(seen.told) },
      },
      {
        text: "Give the Stars back from Telegram's side",
        isDone: isBack,
        showed: "The upgrade is closed, the chat says why, and the balance is whole again.",
        act: charge && { label: "Refund it", run: () => api.refund(charge) },
      },
    ];
  }

  function draw() {
    const all = steps();
    const next = all.findIndex((step) => !step.isDone);
    element.hidden = isSeen();
    fill(list, ...all.map((step, index) => stepElement(step, index === next)), next < 0 && end());
  }

  function end() {
    return h(
      "li.steps-end",
      {},
      h("p", {}, "That is the shop. More ways to break it are under Trouble."),
      h("button.chip.is-main", { type: "button", "data-test": "steps-end", onclick: close }, "Got it"),
    );
  }

  function close() {
    localStorage.setItem(SEEN_KEY, "yes");
    draw();
  }

  return {
    element,
    draw,
    opened() {
      seen.opened = true;
      draw();
    },
    read(chat) {
      messages = chat;
      draw();
    },
    happened({ type, data }) {
      if (type === "update" && data.message?.successful_payment) seen.told = data.update_id;
      if (type === "again" && data.update_id === seen.told) seen.isAgain = true;
      draw();
    },
  };
}

const run = (act) => act.run().catch((error) => toast(error.message));

const isSeen = () => localStorage.getItem(SEEN_KEY) === "yes";

function stepElement({ text, isDone, showed, act }, isNext) {
  return h(
    `li${isDone ? ".is-done" : ""}${isNext ? ".is-next" : ""}`,
    isNext ? { "aria-current": "step" } : {},
    h("span", {}, isDone ? icon("check") : null),
    h(
      "div",
      {},
      withStars(text),
      isDone && showed && h("small", {}, showed),
      isNext && act && h("button.chip.is-main", { type: "button", "data-test": "step", onclick: () => run(act) }, act.label),
    ),
  );
}
