// The panel's list of subscriptions: what Telegram, or the person, does to each next.

import * as api from "./api.js";
import { dateName, fill, h, stars } from "./dom.js";
import { avatar, icon } from "./icons.js";
import { store } from "./store.js";

const SAYS = { active: "renews", canceled: "ends", failed: "failed", ended: "ended" };
const LOOKS = { active: ".is-good", failed: ".is-bad" };

export function createRenewals() {
  const list = h("ul.renewals");
  const problem = h("p.problem", { role: "alert", hidden: true });
  const element = h("section.block", { hidden: true }, h("h3", {}, "Subscriptions"), list, problem);
  let drawn = null;

  async function change(one, verb) {
    problem.hidden = true;
    try {
      await api.changeSubscription(one.id, verb);
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  }

  return {
    element,
    draw() {
      const all = store.state.subscriptions;
      const looks = JSON.stringify(all);
      if (looks === drawn) return;
      drawn = looks;
      element.hidden = all.length === 0;
      fill(
        list,
        all.toReversed().map((one) => row(one, change)),
      );
    },
  };
}

function row(one, change) {
  const person = store.state.people.find(({ id }) => id === one.person);
  return h(
    "li",
    { "data-test": "renewal" },
    avatar(person),
    h(
      "span.transaction-text",
      {},
      one.title,
      h("small", {}, `${person.first_name} · `, icon("star"), ` ${stars(one.stars)}`),
    ),
    h(
      `span.tag${LOOKS[one.state] ?? ""}`,
      { "data-test": "renewal-state" },
      `${SAYS[one.state]} ${dateName(new Date(one.paid_until * 1000))}`,
    ),
    one.state === "ended" ? null : h("div.chips", {}, ...verbs(one, person.first_name, change)),
  );
}

function verbs(one, name, change) {
  const verb = (does, label) =>
    h("button.chip", { type: "button", "data-test": does, onclick: () => change(one, does) }, label);
  if (one.canceled_by_bot) return [h("small", {}, `The bot has canceled it; ${name} cannot resume it.`)];
  if (one.canceled) return [verb("resume", `${name} resumes`)];
  return [verb("renew", "Renew now"), verb("fail", "Fail"), verb("cancel", `${name} cancels`)];
}
