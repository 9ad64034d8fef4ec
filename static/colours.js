// Keeps every text readable whatever theme Telegram sends: 4.5 to 1 against what lies behind it (WCAG 1.4.3).
(() => {
  "use strict";
  const root = document.documentElement;
  const hex = (part) => part.toString(16).padStart(2, "0");
  const set = (name, colour) => root.style.setProperty(name, `#${colour.map(hex).join("")}`);

  function read(name) {
    const told = getComputedStyle(root).getPropertyValue(name).trim().replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3");
    return [1, 3, 5].map((at) => parseInt(told.slice(at, at + 2), 16) || 0);
  }

  function luminance(colour) {
    const [red, green, blue] = colour.map((part) => (part > 10 ? ((part / 255 + .055) / 1.055) ** 2.4 : part / 3294.6));
    return .2126 * red + .7152 * green + .0722 * blue;
  }

  const isDark = (colour) => luminance(colour) < .179; // where black and white stand out alike

  function contrast(one, other) {
    const [less, more] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (more + .05) / (less + .05);
  }

  /** The colour, moved towards black or white as far as it must be to stand out against all of these. */
  function against(grounds, colour, least) {
    const pole = isDark(grounds[0]) ? 255 : 0;
    for (let share = 0; share < 1; share += .05) {
      const moved = colour.map((part) => Math.round(part + (pole - part) * share));
      if (grounds.every((ground) => contrast(moved, ground) >= least)) return moved;
    }
    return [pole, pole, pole];
  }

  function correct() {
    for (const name of Object.keys(TEXTS).concat(GROUNDS, "--tab", "--accent")) root.style.removeProperty(name);
    const ground = read("--bg");
    // No text reads on light and on dark alike: then all stands on one ground.
    for (const name of GROUNDS) if (isDark(read(name)) !== isDark(ground)) set(name, ground);
    const grounds = ["--bg", ...GROUNDS].map(read);
    const accent = read("--accent");
    // A little more than asked for: prices stand on a tint of their own.
    for (const [name, least] of Object.entries(TEXTS)) set(name, against(grounds, read(name), least));
    set("--tab", against(grounds, accent, 5));
    set("--accent", against([read("--on-accent")], accent, 4.6));
  }

  const TEXTS = { "--text": 7, "--hint": 5, "--link": 5, "--good": 6, "--bad": 5 };
  const GROUNDS = ["--card", "--bar"];
  let seen = "";

  function look() {
    const theme = String(root.style.cssText.match(/--tg-theme[^;]+/g) || "");
    if (theme === seen) return;
    seen = theme;
    correct();
  }

  look();
  new MutationObserver(look).observe(root, { attributeFilter: ["style"] });
})();
