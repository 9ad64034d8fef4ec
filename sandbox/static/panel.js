// The control panel beside the phone: cards on the left, what happens at Telegram on the right.

import * as api from "./api.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { createLogTab } from "./log.js";
import { createTimeCard } from "./moments.js";
import { createDeviceCard, createPeopleCard } from "./people.js";
import { createStatementTab } from "./statement.js";
import { createSteps } from "./steps.js";
import { store, watch } from "./store.js";
import { sureButton } from "./sure.js";
import { createTroublesTab, isTroubled } from "./troubles.js";

const TAB_KEY = "sandbox:tab";

export function createPanel() {
  const steps = createSteps();
  const people = createPeopleCard();
  const device = createDeviceCard();
  const time = createTimeCard();
  const log = createLogTab();
  const troubles = createTroublesTab();
  const statement = createStatementTab();
  const dot = h("i.dot", { hidden: true, role: "img", "aria-label": "in force" });
  const tabs = createTabs({
    log: { label: ["What happened"], panel: log.element },
    troubles: { label: ["Trouble", dot], panel: troubles.element },
    statement: { label: ["Stars"], panel: statement.element },
  });

  const standIn = h("p.stand-in", { role: "status", hidden: true, "data-test": "stand-in" });

  const panel = document.getElementById("panel");
  const root = document.documentElement;
  const opener = h(
    "button.panel-open",
    {
      type: "button",
      "aria-controls": "panel",
      "aria-expanded": "false",
      "data-test": "panel-open",
      onclick: () => open(true),
    },
    icon("sliders"),
    "Controls",
  );
  const closer = h(
    "button.panel-close",
    { type: "button", "data-test": "panel-close", onclick: () => open(false) },
    "Done",
  );
  document.body.append(opener);
  fill(
    panel,
    closer,
    h(
      "div.side.side-left",
      {},
      brand(),
      standIn,
      steps.element,
      people.element,
      time.element,
      device.element,
      startOver(),
    ),
    h("div.side.side-right", {}, cutOff(), tabs),
  );

  function open(isOpen) {
    root.toggleAttribute("data-panel", isOpen);
    opener.setAttribute("aria-expanded", String(isOpen));
    (isOpen ? closer : opener).focus();
  }

  function draw() {
    steps.draw();
    people.draw();
    device.draw();
    time.draw();
    log.draw();
    troubles.draw();
    statement.draw();
    const { said, is_stand_in: isStandIn, is_settled: isSettled } = store.state.client_script;
    standIn.hidden = !(isStandIn && isSettled);
    fill(standIn, said);
    dot.hidden = !isTroubled(store.state.troubles);
  }

  watch(draw);
  return {
    happened(event) {
      steps.happened(event);
      log.happened(event);
    },
    read: steps.read,
    told(type, data) {
      steps.opened();
      log.told(type, data);
    },
  };
}

function brand() {
  return h(
    "header.brand",
    {},
    h("h1", {}, icon("star"), "Starfront"),
    h("p", {}, "Telegram in a box. The shop on the phone is the real one; only Telegram is played."),
  );
}

function cutOff() {
  return h(
    "p.cut-off",
    { role: "status" },
    "The sandbox has stopped answering. Start it again; this page will find it.",
  );
}

function startOver() {
  return sureButton("button.start-over", {
    label: "Start over",
    question: "Press again to forget all chats, Stars and payments",
    test: "start-over",
    onSure: async () => {
      await api.reset();
      forgetPlaces();
      location.reload();
    },
  });
}

/** What Mini Apps keep in this browser on Telegram's behalf goes with the rest. */
function forgetPlaces() {
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith("sandbox:cloud:")) localStorage.removeItem(key);
  }
}

/** Tabs by the ARIA pattern: arrow keys move between them, the chosen one is remembered. */
function createTabs(tabs) {
  const names = Object.keys(tabs);
  const heads = names.map((name) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${name}`,
        "aria-controls": `tabpanel-${name}`,
        "data-test": `tab-${name}`,
        onclick: () => choose(name),
      },
      tabs[name].label,
    ),
  );
  const panels = names.map((name) => {
    const { panel } = tabs[name];
    panel.id = `tabpanel-${name}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", `tab-${name}`);
    return panel;
  });
  const list = h(
    "div.segments",
    { role: "tablist", "aria-label": "Telegram's side", onkeydown: move },
    heads,
  );

  function choose(name) {
    names.forEach((one, index) => {
      heads[index].setAttribute("aria-selected", String(one === name));
      heads[index].tabIndex = one === name ? 0 : -1;
      panels[index].hidden = one !== name;
    });
    sessionStorage.setItem(TAB_KEY, name);
  }

  function move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = (heads.indexOf(document.activeElement) + step + heads.length) % heads.length;
    choose(names[at]);
    heads[at].focus();
  }

  const last = sessionStorage.getItem(TAB_KEY);
  choose(names.includes(last) ? last : names[0]);
  return h("section.card.tabbed", {}, list, panels);
}
