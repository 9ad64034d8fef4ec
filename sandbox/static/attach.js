// What a person can send besides words: a photo, a file, a place, a contact.

import * as api from "./api.js";
import { ask, confirm } from "./dialogs.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

const GREENWICH = { latitude: 51.4779, longitude: -0.0015 };

/** The attach button and its menu; `on` has sent and takeWords, which hands over what stands in the field. */
export function createAttach(on) {
  const pictures = picker("photos", "image/png,image/jpeg,image/gif,image/webp");
  const files = picker("documents", "");
  const menu = h(
    "div.commands.attach-menu",
    { hidden: true, role: "menu", "aria-label": "Attach" },
    item("photo", "Photo", () => pictures.click()),
    item("file", "File", () => files.click()),
    item("pin", "Location", shareLocation),
    item("person", "Contact", shareContact),
  );
  const button = h(
    "button.slash.attach",
    {
      type: "button",
      "aria-label": "Attach",
      "aria-expanded": "false",
      "data-test": "attach",
      onclick: () => toggle(menu.hidden),
    },
    icon("clip"),
  );
  document.addEventListener("click", (event) => {
    if (!menu.hidden && !menu.contains(event.target) && !button.contains(event.target)) toggle(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !menu.hidden) {
      toggle(false);
      button.focus();
    }
  });

  function toggle(open) {
    menu.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (open) menu.querySelector("button").focus({ preventScroll: true });
  }

  function item(symbol, label, choose) {
    const onclick = () => {
      toggle(false);
      choose();
    };
    return h(
      "button",
      { type: "button", role: "menuitem", "data-test": `attach-${symbol}`, onclick },
      icon(symbol),
      h("b", {}, label),
    );
  }

  function picker(kind, accept) {
    const onchange = async (event) => {
      const [file] = event.target.files;
      event.target.value = "";
      if (file) await send(kind, file);
    };
    return h("input", { type: "file", accept, hidden: true, "data-test": `pick-${kind}`, onchange });
  }

  async function send(kind, file) {
    const { words, replyTo } = on.takeWords();
    const body = { name: file.name, type: file.type, content: await inBase64(file) };
    try {
      await api.sendFile(on.person(), kind, { ...body, ...(words && { caption: words }), ...replyTo });
    } catch (error) {
      await ask({ title: "This file was not sent", message: error.message });
    }
    await on.sent();
  }

  async function shareContact() {
    const wanted = await confirm({
      title: "Share your phone number?",
      message: "The bot will know your phone number. Here, it is a number that nobody has.",
      yes: "Share",
    });
    if (!wanted) return;
    await api.shareContact(on.person());
    await on.sent();
  }

  async function shareLocation() {
    const wanted = await confirm({
      title: "Share your location?",
      message: "The bot will know where you are. Here, that is the Royal Observatory in Greenwich.",
      yes: "Share",
    });
    if (!wanted) return;
    await api.shareLocation(on.person(), GREENWICH);
    await on.sent();
  }

  return { button, menu, inputs: [pictures, files], shareContact, shareLocation };
}

function inBase64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
