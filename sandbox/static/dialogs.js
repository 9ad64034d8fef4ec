// Telegram's alerts and the short notes that slide in at the bottom.

import { fill, h, settled, wait } from "./dom.js";
import { withStars } from "./icons.js";
import { closeLayer, isOpen, layer, openLayer } from "./layers.js";

const TEXTS = { ok: "OK", close: "Close", cancel: "Cancel" };
const TOAST_MILLISECONDS = 3200;

export const isAsking = () => isOpen("dialogs");

/** Ask with one to three buttons; resolves with the chosen button's id, or undefined when dismissed. */
export async function ask({ title, message, buttons = [{ id: "", type: "close" }] }) {
  while (isAsking()) await wait(50);
  return new Promise((resolve) => {
    const answer = async (id) => {
      document.removeEventListener("keydown", onKey);
      dialog.classList.remove("is-shown");
      closeLayer("dialogs");
      resolve(id);
      await settled(dialog, 240);
      dialog.parentElement?.remove();
    };
    const onKey = (event) => {
      if (event.key === "Escape") answer(undefined);
    };
    const dialog = h(
      "div.dialog",
      {
        role: "alertdialog",
        tabindex: "-1",
        "aria-modal": "true",
        "aria-labelledby": "dialog-title",
        "aria-describedby": "dialog-text",
        "data-test": "dialog",
      },
      h(
        "div.dialog-body",
        {},
        title && h("h2", { id: "dialog-title", dir: "auto" }, title),
        h("p", { id: "dialog-text", dir: "auto" }, withStars(message)),
      ),
      h(
        `div.dialog-buttons${buttons.length > 2 || buttons.some(isLong) ? ".is-stacked" : ""}`,
        {},
        buttons.map((button) => dialogButton(button, answer)),
      ),
    );
    fill(layer.dialogs, h("div.dialog-backdrop", {}, dialog));
    openLayer("dialogs");
    document.addEventListener("keydown", onKey);
    requestAnimationFrame(() => {
      dialog.classList.add("is-shown");
      dialog.focus({ preventScroll: true });
    });
  });
}

const isLong = (button) => (button.text ?? "").length > 18;

function dialogButton(button, answer) {
  const kind = button.type === "destructive" ? ".is-destructive" : "";
  const main = button.type === "cancel" ? "" : ".is-main";
  return h(
    `button${kind}${main}`,
    {
      type: "button",
      "data-test": `dialog-button-${button.id || button.type}`,
      onclick: () => answer(button.id),
    },
    button.text || TEXTS[button.type] || "OK",
  );
}

/** A question with a yes and a Cancel. */
export async function confirm({ title, message, yes, destructive = false }) {
  const buttons = [
    { id: "cancel", type: "cancel" },
    { id: "yes", type: destructive ? "destructive" : "default", text: yes },
  ];
  return (await ask({ title, message, buttons })) === "yes";
}

export async function toast(text, { title, image } = {}) {
  const area = document.getElementById("toasts");
  const note = h(
    "div.toast",
    { "data-test": "toast" },
    image,
    h("div", {}, title && h("strong", {}, title), h("span", {}, withStars(text))),
  );
  area.append(note);
  while (area.children.length > 2) area.firstChild.remove();
  requestAnimationFrame(() => note.classList.add("is-shown"));
  await wait(TOAST_MILLISECONDS);
  note.classList.remove("is-shown");
  await settled(note, 300);
  note.remove();
}
