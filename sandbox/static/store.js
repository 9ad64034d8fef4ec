// What the page knows: the server's state, who holds the phone and how it is set.

import { setOffset } from "./time.js";

const SETTINGS_KEY = "sandbox:settings";
const watchers = new Set();

const query = new URLSearchParams(location.search);

export const store = {
  state: null,
  person: null,
  settings: {
    person: null,
    theme: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
    platform: "weba",
    version: "9.1",
    ...remembered(),
    ...fromAddress(),
  },
  bare: query.get("bare") === "1",
  open: query.get("open"),
};

/** Call back after every change; returns how to stop. */
export function watch(callback) {
  watchers.add(callback);
  return () => watchers.delete(callback);
}

export function setState(state) {
  store.state = state;
  setOffset(state.clock.offset_seconds);
  store.person = choosePerson(state.people);
  tell();
}

/** The bot as the person who holds the phone sees it: in their language, with a button of their own. */
export function botAsSeen() {
  const { bot } = store.state;
  const { id, language_code: code, commands } = store.person ?? {};
  return { ...bot, ...bot.faces[code], commands, menu_button: bot.buttons[id] ?? bot.menu_button };
}

export function set(change) {
  Object.assign(store.settings, change);
  // A page opened at a fixed state must not change what the next plain visit sees.
  if (![...query.keys()].length) remember();
  if (store.state) store.person = choosePerson(store.state.people);
  tell();
}

function choosePerson(people) {
  return people.find((person) => String(person.id) === String(store.settings.person)) ?? people[0] ?? null;
}

function tell() {
  for (const callback of watchers) callback(store);
}

function fromAddress() {
  const chosen = {};
  for (const name of ["person", "theme", "platform", "version"]) {
    if (query.has(name)) chosen[name] = query.get(name);
  }
  return chosen;
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(SETTINGS_KEY)) ?? {};
  } catch {
    return {};
  }
}

function remember() {
  localStorage.setItem(SETTINGS_KEY, JSON.stringify(store.settings));
}
