// The first steps of a newcomer, ticked off as they happen; gone once something was bought.

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";

export function createSteps() {
  const list = h("ol", {});
  const element = h("section.card.steps", { hidden: true, "aria-label": "First steps" }, list);
  const done = { started: false, opened: false, paid: false };

  function draw() {
    element.hidden = done.paid;
    fill(
      list,
      step(done.started, "Press Start on the phone"),
      step(done.opened, "Open the shop"),
      step(done.paid, "Buy something; Stars are free here"),
    );
  }

  return {
    element,
    opened() {
      if (done.opened) return;
      done.opened = true;
      draw();
    },
    read(messages) {
      done.started = messages.length > 0;
      done.paid = messages.some((message) => message.successful_payment);
      draw();
    },
  };
}

function step(isDone, text) {
  return h(`li${isDone ? ".is-done" : ""}`, {}, h("span", {}, isDone ? icon("check") : null), text);
}
