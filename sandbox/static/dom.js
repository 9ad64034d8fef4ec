// The few helpers every other module builds its elements with.

import { now } from "./time.js";

/** An element: h("button.primary", { type: "button", onclick }, "Text", child). */
export function h(spec, props = {}, ...children) {
  const [tag, ...classes] = spec.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child);
  }
  return element;
}

/** Replace what an element holds; what had the focus keeps it if it is named and comes back. */
export function fill(element, ...children) {
  const named = element.contains(document.activeElement) && document.activeElement.dataset.test;
  element.replaceChildren();
  append(element, children);
  if (named) element.querySelector(`[data-test="${named}"]`)?.focus({ preventScroll: true });
  return element;
}

export function wait(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

export const prefersStillness = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Resolve when the element's transition has run, or would have. */
export function settled(element, milliseconds = 420) {
  return prefersStillness()
    ? Promise.resolve()
    : Promise.race([
        new Promise((resolve) =>
          element.addEventListener("transitionend", (event) => {
            if (event.target === element) resolve();
          }),
        ),
        wait(milliseconds),
      ]);
}

export function clockTime(date) {
  return date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

export function dayName(date) {
  const days = Math.round((startOfDay(now()) - startOfDay(date)) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return dateName(date);
}

/** "25 December", and the year if it is another one. */
export function dateName(date) {
  const year = date.getFullYear() === now().getFullYear() ? undefined : "numeric";
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "long", year });
}

function startOfDay(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

export function stars(amount) {
  return Number(amount).toLocaleString("en-US");
}

/** "1 Star", "250 Stars". */
export function starsInWords(amount) {
  return `${stars(amount)} ${Number(amount) === 1 ? "Star" : "Stars"}`;
}
