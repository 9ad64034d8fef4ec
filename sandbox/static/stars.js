// Telegram Stars: the packs, the top-up sheet and the person's balance.

import * as api from "./api.js";
import { toast } from "./dialogs.js";
import { h, stars, starsInWords } from "./dom.js";
import { icon } from "./icons.js";
import { openSheet } from "./sheet.js";
import { store } from "./store.js";

const PACKS = [50, 100, 250, 500, 1000, 2500]; // Stars, as Telegram sells them

export function balance(person = store.person) {
  return h(
    "span.balance",
    { "data-test": "balance", "aria-label": `Balance: ${starsInWords(person.stars)}` },
    h("small", {}, "Balance"),
    h("b", {}, icon("star"), stars(person.stars)),
  );
}

/** The list of packs; the smallest one that covers what is missing comes first among equals: it is marked. */
export function packs({ missing = 0, onPick }) {
  const enough = PACKS.find((pack) => pack >= missing) ?? PACKS.at(-1);
  return h(
    "ul.packs",
    {},
    PACKS.map((pack) =>
      h(
        "li",
        {},
        h(
          `button.pack${missing && pack === enough ? ".is-enough" : ""}`,
          {
            type: "button",
            "data-test": `pack-${pack}`,
            onclick: (event) => onPick(pack, event.currentTarget),
          },
          icon("star"),
          h("span", {}, starsInWords(pack)),
          missing && pack === enough ? h("em", {}, "enough") : null,
          h("small", {}, "Free here"),
        ),
      ),
    ),
  );
}

/** Put Stars on the account; the server's answer is awaited so that the next payment sees them. */
export async function topUp(person, pack, button) {
  button?.classList.add("is-busy");
  try {
    const answer = await api.topUp(person.id, pack);
    person.stars = answer?.stars ?? person.stars + pack;
  } finally {
    button?.classList.remove("is-busy");
  }
}

/** The sheet behind "Get Stars" in settings. */
export function openTopUp() {
  const sheet = openSheet({ label: "Get Stars", test: "top-up-sheet", onDismiss: () => sheet.close() });
  const person = store.person;
  const show = () => {
    sheet.corner(balance(person));
    sheet.show(
      "top-up",
      starHero("Get Stars", "Stars pay for things in mini apps. In this sandbox they cost nothing."),
      packs({
        onPick: async (pack, button) => {
          await topUp(person, pack, button);
          await sheet.close();
          toast(`${starsInWords(pack)} added to the balance.`, { image: icon("star") });
        },
      }),
    );
  };
  show();
}

export function starHero(title, ...text) {
  return h("div.hero", {}, h("div.hero-star", {}, icon("star")), h("h2", {}, title), h("p", {}, ...text));
}
