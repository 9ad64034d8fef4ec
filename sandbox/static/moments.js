// The card that moves the sandbox's clock: dates, expiry and renewals follow it.

import * as api from "./api.js";
import { clockTime, dateName, fill, h } from "./dom.js";
import { store } from "./store.js";
import { now } from "./time.js";

const DAY_SECONDS = 86_400;
const JUMPS = {
  "day-back": { label: "− 1 day", jump: { seconds: -DAY_SECONDS } },
  day: { label: "+ 1 day", jump: { seconds: DAY_SECONDS } },
  month: { label: "+ 30 days", jump: { seconds: 30 * DAY_SECONDS } },
  now: { label: "Now", jump: { offset_seconds: 0 } },
};

export function createTimeCard() {
  const shown = h("output", { "data-test": "sandbox-time" });
  const chips = Object.entries(JUMPS).map(([name, { label, jump }]) =>
    h("button.chip", { type: "button", "data-test": `jump-${name}`, onclick: () => api.jump(jump) }, label),
  );
  const back = chips.at(-1);
  const hint = h(
    "p.card-hint",
    { hidden: true },
    "Telegram lives at this time: renewals come, and what waits expires. The shop keeps this machine's time, and lets nobody in by a clock that differs; come back to Now to open it.",
  );

  function draw() {
    const moment = now();
    const offset = store.state.clock.offset_seconds;
    fill(shown, `${dateName(moment)}, ${clockTime(moment)}`);
    shown.classList.toggle("is-moved", offset !== 0);
    back.hidden = hint.hidden = offset === 0;
  }

  setInterval(() => store.state && draw(), 1000);
  return {
    element: h(
      "section.card",
      {},
      h("header", {}, h("h2", {}, "The time"), shown),
      h("div.jumps", { role: "group", "aria-label": "Move the clock" }, chips),
      hint,
    ),
    draw,
  };
}
