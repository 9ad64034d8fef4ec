// Every icon of the sandbox, drawn on a 24 x 24 grid.

import { h } from "./dom.js";

const STAR = "M12 3.4 14.7 8.88l6.05.88-4.38 4.26 1.04 6.02L12 17.2l-5.41 2.84 1.04-6.02L3.25 9.76l6.05-.88Z";

const LINES = {
  back: '<path d="M15 4.5 7.5 12l7.5 7.5"/>',
  close: '<path d="m6 6 12 12M18 6 6 18"/>',
  down: '<path d="m5 9 7 7 7-7"/>',
  chevron: '<path d="m9 5 7 7-7 7"/>',
  plus: '<path d="M12 5v14M5 12h14"/>',
  check: '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
  reload: '<path d="M19.5 12a7.5 7.5 0 1 1-2.2-5.3L19.5 9"/><path d="M19.5 4v5h-5"/>',
  settings:
    '<circle cx="12" cy="12" r="3"/><path d="M12 3.5v2.2M12 18.3v2.2M3.5 12h2.2M18.3 12h2.2M6 6l1.6 1.6M16.4 16.4 18 18M18 6l-1.6 1.6M7.6 16.4 6 18"/>',
  slash: '<rect x="3.5" y="3.5" width="17" height="17" rx="5"/><path d="m13.6 8-3.2 8"/>',
  clock: '<circle cx="12" cy="12" r="8.5"/><path d="M12 7v5l3.5 2"/>',
  chats:
    '<path d="M12 4.5c-4.7 0-8.5 3.1-8.5 7 0 2.2 1.2 4.1 3.1 5.4-.1 1.1-.6 2-1.3 2.8 1.6 0 3-.5 4.1-1.4.8.2 1.7.3 2.6.3 4.7 0 8.5-3.1 8.5-7.1s-3.8-7-8.5-7Z"/>',
  moon: '<path d="M19.5 14.2A8 8 0 1 1 9.8 4.5a6.5 6.5 0 0 0 9.7 9.7Z"/>',
  sun: '<circle cx="12" cy="12" r="4"/><path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M18.4 5.6 17 7M7 17l-1.4 1.4"/>',
  drop: '<path d="M12 3.5c3.4 4 6 7 6 10.2a6 6 0 0 1-12 0c0-3.2 2.6-6.2 6-10.2Z"/>',
  out: '<path d="M7 17 17 7M9 7h8v8"/>',
  into: '<path d="M17 7 7 17M15 17H7V9"/>',
  window: '<rect x="3.5" y="5" width="17" height="14" rx="3"/><path d="M3.5 9.5h17"/>',
  trouble: '<path d="M12 4.2 3 19.5h18Z"/><path d="M12 10v4.5M12 17v.1"/>',
  pulse: '<path d="M3 12h4l2.5-6 5 12 2.5-6h4"/>',
  receipt: '<path d="M6 3.5h12v17l-3-2-3 2-3-2-3 2Z"/><path d="M9 8.5h6M9 12.5h6"/>',
  sliders:
    '<path d="M5 7h8M17 7h2M5 17h2M11 17h8"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>',
  copy: '<rect x="8.5" y="8.5" width="11" height="11" rx="3"/><path d="M15.5 5.5a2 2 0 0 0-2-2h-7a3 3 0 0 0-3 3v7a2 2 0 0 0 2 2"/>',
  clip: '<path d="m19 11.5-7.3 7.3a4.6 4.6 0 0 1-6.5-6.5l7.9-7.9a3 3 0 0 1 4.3 4.3l-7.7 7.7a1.5 1.5 0 0 1-2.1-2.1l6.8-6.9"/>',
  photo:
    '<rect x="3.5" y="5" width="17" height="14" rx="3"/><circle cx="9" cy="10" r="1.6"/><path d="m4.5 17 4.6-4 3 2.6 3.3-3.1 4.3 4"/>',
  file: '<path d="M7.5 3.5h6l4.5 4.5v10a2.5 2.5 0 0 1-2.5 2.5h-8A2.5 2.5 0 0 1 5 18V6a2.5 2.5 0 0 1 2.5-2.5Z"/><path d="M13 3.8V8.5h4.8"/>',
  pin: '<path d="M12 20.5c4-4.2 6.2-7.2 6.2-10.2a6.2 6.2 0 0 0-12.4 0c0 3 2.2 6 6.2 10.2Z"/><circle cx="12" cy="10.2" r="2.2"/>',
  person: '<circle cx="12" cy="8" r="3.8"/><path d="M4.8 19.8c.9-3.4 3.7-5.3 7.2-5.3s6.3 1.9 7.2 5.3"/>',
  reply: '<path d="M9.5 5.5 4 11l5.5 5.5V13c4.5 0 7.7 1.2 10.5 5-.6-5.3-3.8-8.9-10.5-9Z"/>',
  keys: '<rect x="3.5" y="5.5" width="17" height="13" rx="3.5"/><path d="M8 10h.1M12 10h.1M16 10h.1M9 14.3h6"/>',
  language:
    '<path d="M4 6h9M8.5 4v2M11 6c-.8 3.6-3 6.2-6.5 8M6.5 9c1 2 2.7 3.6 5 4.7M12.5 20l4-9.5 4 9.5M14 17h5"/>',
};

const FILLED = {
  send: '<path d="M3.7 10.9 19.4 4c1-.4 1.9.3 1.6 1.4l-3.3 13.8c-.2 1-1.2 1.3-2 .7l-4.3-3.2-2.3 2.2c-.5.5-1 .3-1.1-.4l-.4-4.2 8.2-7.4-10.3 6.4-4.2-1.3c-.8-.3-.9-.9.4-1.1Z"/>',
  more: '<circle cx="5.5" cy="12" r="1.7"/><circle cx="12" cy="12" r="1.7"/><circle cx="18.5" cy="12" r="1.7"/>',
  verified:
    '<path d="m12 2 2.3 1.7 2.9-.3 1.2 2.6 2.6 1.2-.3 2.9L22.4 12l-1.7 1.9.3 2.9-2.6 1.2-1.2 2.6-2.9-.3L12 22l-2.3-1.7-2.9.3L5.6 18 3 16.8l.3-2.9L1.6 12l1.7-1.9L3 7.2 5.6 6l1.2-2.6 2.9.3Z"/><path d="m8 12.3 2.7 2.7L16 9.7" fill="none" stroke="#fff" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>',
};

const DRAWN = {
  star: `<path d="${STAR}" fill="url(#star-gold)" stroke="url(#star-gold)" stroke-width="2.4" stroke-linejoin="round"/><path d="M11.2 6.6 9.9 9.3c-.2.5-.6.8-1.1.9l-3.2.5c2.6.9 5.7-.1 7.1-2.2l-.7-1.9c-.1-.3-.6-.3-.8 0Z" fill="#fff" opacity=".38"/>`,
  "star-plain": `<path d="${STAR}" fill="currentColor" stroke="currentColor" stroke-width="2.4" stroke-linejoin="round"/>`,
  ticks:
    '<path d="m2.5 12.5 4 4 8-9M11 15.3l1.2 1.2 8.3-9" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/>',
  spinner:
    '<circle cx="12" cy="12" r="9" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" stroke-dasharray="38 20"/>',
};

/** An icon for decoration; give its button an aria-label. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  if (LINES[name]) {
    svg.innerHTML = `<g fill="none" stroke="currentColor" stroke-width="1.9" stroke-linecap="round" stroke-linejoin="round">${LINES[name]}</g>`;
  } else if (FILLED[name]) {
    svg.innerHTML = `<g fill="currentColor">${FILLED[name]}</g>`;
  } else {
    svg.innerHTML = DRAWN[name];
  }
  return svg;
}

/** Text in which Telegram's star is the drawn star, spoken as "Stars". */
export function withStars(text) {
  const parts = String(text).split(/⭐\uFE0F?/);
  return parts.flatMap((part, index) => (index === 0 ? [part] : [icon("star"), part]));
}

const AVATAR_COLOURS = [
  ["#ff885e", "#ff516a"],
  ["#ffcd6a", "#ffa85c"],
  ["#82b1ff", "#665fff"],
  ["#a0de7e", "#54cb68"],
  ["#53edd6", "#28c9b7"],
  ["#72d5fd", "#2a9ef1"],
  ["#e0a2f3", "#d669ed"],
];

export function avatar(person) {
  const [top, bottom] = AVATAR_COLOURS[Number(person.id) % AVATAR_COLOURS.length];
  const initials = (person.first_name?.[0] ?? "") + (person.last_name?.[0] ?? "");
  const circle = h("span.avatar", { "aria-hidden": "true" }, initials.toUpperCase());
  circle.style.background = `linear-gradient(${top}, ${bottom})`;
  return circle;
}

export function botAvatar() {
  return h("span.avatar.avatar-bot", { "aria-hidden": "true" }, icon("star"));
}
