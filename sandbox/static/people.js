// The cards left of the phone: who holds it, and how it is set.

import * as api from "./api.js";
import { toast } from "./dialogs.js";
import { fill, h, stars, starsInWords } from "./dom.js";
import { avatar, icon } from "./icons.js";
import { set, store } from "./store.js";
import { THEMES } from "./theme.js";
import { LANGUAGES } from "./views.js";

const PLATFORMS = {
  ios: "iPhone",
  android: "Android",
  tdesktop: "Desktop",
  macos: "macOS",
  weba: "Web A",
  webk: "Web K",
};
const VERSIONS = ["6.0", "6.1", "6.2", "6.4", "6.9", "7.0", "7.7", "7.10", "8.0", "9.0", "9.1"]; // of the Mini Apps API
const TOP_UPS = [100, 500, 2500];

export function createPeopleCard() {
  const list = h("ul.people", { role: "radiogroup", "aria-label": "People" });
  const form = newPersonForm();
  const add = h(
    "button.card-action",
    { type: "button", "aria-label": "Add a person", "data-test": "add-person", onclick: () => form.toggle() },
    icon("plus"),
  );
  return {
    element: h(
      "section.card",
      {},
      h("header", {}, h("h2", {}, "Who holds the phone"), add),
      form.element,
      list,
    ),
    draw() {
      fill(list, store.state.people.map(personRow));
    },
  };
}

function personRow(person) {
  const holds = person.id === store.person.id;
  return h(
    `li${holds ? ".is-chosen" : ""}`,
    {},
    h(
      "button.person",
      {
        type: "button",
        role: "radio",
        "aria-checked": String(holds),
        "data-test": `person-${person.id}`,
        onclick: () => set({ person: String(person.id) }),
      },
      avatar(person),
      h(
        "span.person-name",
        {},
        [person.first_name, person.last_name].filter(Boolean).join(" "),
        h(
          "small",
          {},
          [person.username && `@${person.username}`, LANGUAGES[person.language_code]]
            .filter(Boolean)
            .join(" · "),
        ),
      ),
      person.blocked ? h("span.tag.is-bad", {}, "blocked the bot") : null,
      h("b.amount", { "aria-label": starsInWords(person.stars) }, icon("star"), stars(person.stars)),
    ),
    holds && personTools(person),
  );
}

function personTools(person) {
  const give = async (amount) => {
    await api.topUp(person.id, amount);
    toast(`${starsInWords(amount)} for ${person.first_name}.`, { image: icon("star") });
  };
  return h(
    "div.person-tools",
    {},
    TOP_UPS.map((amount) =>
      h(
        "button.chip",
        {
          type: "button",
          "aria-label": `Give ${starsInWords(amount)}`,
          "data-test": `give-${amount}`,
          onclick: () => give(amount),
        },
        "+",
        stars(amount),
        icon("star"),
      ),
    ),
    h(
      "button.chip",
      {
        type: "button",
        "aria-pressed": String(Boolean(person.blocked)),
        "data-test": "block-bot",
        "aria-label": `${person.first_name} blocks the bot`,
        onclick: () => api.changePerson(person.id, { blocked: !person.blocked }),
      },
      "Block",
    ),
  );
}

function newPersonForm() {
  const name = h("input", {
    name: "first_name",
    required: true,
    maxlength: "64",
    placeholder: "First name",
    "aria-label": "First name",
  });
  const problem = h("p.problem", { role: "alert", hidden: true });
  const form = h(
    "form.new-person",
    { hidden: true, onsubmit: submit },
    name,
    h("button.chip.is-main", { type: "submit" }, "Add"),
    problem,
  );

  async function submit(event) {
    event.preventDefault();
    problem.hidden = true;
    try {
      const person = await api.addPerson({ first_name: name.value.trim(), stars: 500, language_code: "en" });
      name.value = "";
      form.hidden = true;
      set({ person: String(person.id) });
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  }

  return {
    element: form,
    toggle() {
      form.hidden = !form.hidden;
      if (!form.hidden) name.focus();
    },
  };
}

export function createDeviceCard() {
  const themes = h("div.segments", { role: "radiogroup", "aria-label": "Theme" });
  const language = select("Language", "language", LANGUAGES, (code) =>
    api.changePerson(store.person.id, { language_code: code }),
  );
  const platform = select("Client", "platform", PLATFORMS, (value) => set({ platform: value }));
  const versions = Object.fromEntries(VERSIONS.map((one) => [one, `Bot API ${one}`]));
  const version = select("Version", "version", versions, (value) => set({ version: value }));
  return {
    element: h(
      "section.card",
      {},
      h("header", {}, h("h2", {}, "The phone")),
      themes,
      language.element,
      platform.element,
      version.element,
    ),
    draw() {
      const { settings, person } = store;
      fill(
        themes,
        Object.entries(THEMES).map(([name, theme]) => themeChoice(name, theme)),
      );
      language.choose(person.language_code);
      platform.choose(settings.platform);
      version.choose(settings.version);
    },
  };
}

function themeChoice(name, theme) {
  return h(
    "button",
    {
      type: "button",
      role: "radio",
      "aria-checked": String(name === store.settings.theme),
      "data-test": `theme-${name}`,
      onclick: () => set({ theme: name }),
    },
    icon(theme.icon),
    theme.label,
  );
}

function select(label, test, options, onChoose) {
  const field = h(
    "select",
    { "data-test": test, onchange: () => onChoose(field.value) },
    Object.entries(options).map(([value, text]) => h("option", { value }, text)),
  );
  return {
    element: h("label.line", {}, h("span", {}, label), field),
    choose(value) {
      // A value the list does not know, such as another language, is offered as it is.
      if (value && !(value in options) && !field.querySelector(`[value="${CSS.escape(value)}"]`)) {
        field.append(h("option", { value }, value));
      }
      field.value = value ?? "";
    },
  };
}
