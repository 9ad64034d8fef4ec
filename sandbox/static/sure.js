// A button for what cannot be undone: the first press asks, the second does it.

import { h } from "./dom.js";

const PATIENCE_MILLISECONDS = 4000;

export function sureButton(spec, { label, question, test, onSure }) {
  let timer = null;
  const button = h(
    spec,
    { type: "button", "data-test": test, "aria-live": "polite", onclick: press, onblur: calm },
    label,
  );

  function press() {
    if (button.classList.contains("is-asking")) {
      calm();
      onSure();
      return;
    }
    button.classList.add("is-asking");
    button.textContent = question;
    timer = setTimeout(calm, PATIENCE_MILLISECONDS);
  }

  function calm() {
    clearTimeout(timer);
    button.classList.remove("is-asking");
    button.textContent = label;
  }

  return button;
}
