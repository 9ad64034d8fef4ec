// Message text with its entities, the way Telegram formats it.

import { h } from "./dom.js";
import { withStars } from "./icons.js";

const TAGS = {
  bold: "b",
  italic: "i",
  underline: "u",
  strikethrough: "s",
  code: "code",
  pre: "pre",
  blockquote: "blockquote",
  expandable_blockquote: "blockquote",
};

// Telegram's server finds these by itself and sends them as entities; here the phone does.
const FOUND = [
  ["url", /(?:https?:\/\/|(?<![\w@./])t\.me\/)[^\s<>"]*[^\s<>".,!?)\]]/g],
  ["mention", /(?<![\w@])@[a-z][a-z0-9_]{3,31}/gi],
  ["bot_command", /(?<![\w/])\/[a-z][a-z0-9_]{0,31}(?:@\w+)?/gi],
];

/** Nodes for a message's text; `on` says what a tapped link or command does. */
export function formatted(text, entities, on) {
  const known = [...(entities ?? [])];
  const all = known.concat(found(text, known));
  all.sort((a, b) => a.offset - b.offset || b.length - a.length);
  return range(text, 0, text.length, all, on);
}

function found(text, known) {
  const entities = [];
  for (const [type, pattern] of FOUND) {
    for (const match of text.matchAll(pattern)) {
      const entity = { type, offset: match.index, length: match[0].length };
      const blocks = (other) => overlaps(entity, other) && (!TAGS[other.type] || /code|pre/.test(other.type));
      if (![...known, ...entities].some(blocks)) entities.push(entity);
    }
  }
  return entities;
}

function overlaps(a, b) {
  return a.offset < b.offset + b.length && b.offset < a.offset + a.length;
}

function range(text, from, to, entities, on) {
  const nodes = [];
  let at = from;
  let rest = entities;
  while (rest.length) {
    const [entity, ...others] = rest;
    const end = Math.min(entity.offset + entity.length, to);
    const start = Math.max(entity.offset, at);
    rest = others.filter((other) => other.offset >= end);
    if (end <= start) continue;
    const inside = others.filter((other) => other.offset < end);
    nodes.push(...withStars(text.slice(at, start)));
    nodes.push(wrap(entity, text.slice(start, end), range(text, start, end, inside, on), on));
    at = end;
  }
  nodes.push(...withStars(text.slice(at, to)));
  return nodes;
}

function wrap(entity, raw, children, on) {
  switch (entity.type) {
    case "url":
      return link(/^[a-z]+:/i.test(raw) ? raw : `https://${raw}`, children, on);
    case "text_link":
      return link(entity.url, children, on);
    case "email":
      return h("a", { href: `mailto:${raw}` }, children);
    case "bot_command":
      return h("button.as-link", { type: "button", onclick: () => on.command(raw) }, children);
    case "mention":
      return link(`https://t.me/${raw.slice(1)}`, children, on);
    case "spoiler":
      return spoiler(children);
    default:
      return h(TAGS[entity.type] ?? "span", {}, children);
  }
}

function link(href, children, on) {
  const follow = (event) => {
    event.preventDefault();
    on.link(href);
  };
  return h("a", { href, rel: "noreferrer", onclick: follow }, children);
}

function spoiler(children) {
  const reveal = (event) => event.currentTarget.classList.add("is-revealed");
  return h(
    "button.spoiler",
    { type: "button", "aria-label": "Show the hidden text", onclick: reveal },
    children,
  );
}
