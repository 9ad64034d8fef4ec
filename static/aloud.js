// Tells what was swapped to people who do not see it, and keeps their place when it is swapped away.
(() => {
  "use strict";
  const all = (name, listener) => document.addEventListener(name, listener);
  const held = new WeakSet(); // requests begun from within what they replace
  let isLost = false;

  const holds = (target) => target.contains(document.activeElement);
  // Before its button is disabled, and with that loses the focus.
  all("htmx:beforeRequest", ({ detail: { target, xhr } }) => { if (holds(target)) held.add(xhr); });
  all("htmx:beforeSwap", ({ detail: { target, xhr } }) => { isLost = holds(target) || held.has(xhr); });
  all("htmx:load", ({ detail: { elt } }) => {
    if (!elt.matches("main, .offer, [aria-live]")) return; // what changed beside it
    const told = elt.querySelector("h1, h2, button, a, p");
    if (told && isLost && document.activeElement === document.body) {
      if (told.tabIndex < 0) told.tabIndex = -1; // a heading can be gone to, but not by Tab
      told.focus({ preventScroll: true });
    } else if (told && elt.matches("main, [data-order]")) {
      document.getElementById("aloud").textContent = elt.querySelector("h1, h2").textContent;
    }
    isLost = false;
  });
})();
