// A sheet that slides up from the bottom of the phone, one at a time.

import { fill, h, settled } from "./dom.js";
import { icon } from "./icons.js";
import { closeLayer, layer, openLayer } from "./layers.js";

/** Open a sheet; `onDismiss` is called when the person closes it, which alone does not take it away. */
export function openSheet({ label, test, onDismiss }) {
  let locked = false;
  const body = h("div.sheet-body");
  const corner = h("div.sheet-corner");
  const dismiss = () => {
    if (!locked) onDismiss();
  };
  const sheet = h(
    "section.sheet",
    { role: "dialog", "aria-modal": "true", "aria-label": label, "data-test": test, tabindex: "-1" },
    h(
      "header.sheet-header",
      {},
      h(
        "button.round",
        { type: "button", "aria-label": "Close", "data-test": "sheet-close", onclick: dismiss },
        icon("close"),
      ),
      corner,
    ),
    body,
  );
  const backdrop = h("div.sheet-backdrop", { onclick: dismiss });
  const onKey = (event) => {
    if (event.key === "Escape" && !layer.sheets.inert) dismiss();
  };
  fill(layer.sheets, backdrop, sheet);
  openLayer("sheets");
  document.addEventListener("keydown", onKey);
  requestAnimationFrame(() => layer.sheets.classList.add("is-shown"));

  return {
    /** Replace what the sheet holds and say what state that is, for styles and tests. */
    show(state, ...children) {
      sheet.dataset.state = state;
      fill(body, ...children);
      // The sheet itself takes the focus: Enter must never pay by accident.
      sheet.focus({ preventScroll: true });
    },
    corner(...children) {
      fill(corner, ...children);
    },
    /** While money moves the sheet cannot be closed. */
    lock(value) {
      locked = value;
      sheet.classList.toggle("is-locked", value);
      sheet.querySelector("[data-test=sheet-close]").disabled = value;
    },
    async close() {
      document.removeEventListener("keydown", onKey);
      layer.sheets.classList.remove("is-shown");
      closeLayer("sheets");
      await settled(sheet, 360);
      sheet.remove();
      backdrop.remove();
    },
  };
}
