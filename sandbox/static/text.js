// Message text with its entities, the way Telegram formats it.

import { h } from "./dom.js";
import { withStars } from "./icons.js";
import { now } from "./time.js";

const TAGS = {
  bold: "b",
  italic: "i",
  underline: "u",
  strikethrough: "s",
  code: "code",
  pre: "pre",
  blockquote: "blockquote",
};

/** Nodes for a message's text; `on` says what a tapped link or command does. */
export function formatted(text, entities, on) {
  const all = [...(entities ?? [])];
  all.sort((a, b) => a.offset - b.offset || b.length - a.length);
  return range(text, 0, text.length, all, on);
}

const BLOCKS = ["pre", "blockquote", "expandable_blockquote"];

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
    // A block has its own lines: the break within it at its end, or behind it, is not one more.
    const isBlock = BLOCKS.includes(entity.type);
    const last = isBlock && text[end - 1] === "\n" ? end - 1 : end;
    nodes.push(wrap(entity, text.slice(start, last), range(text, start, last, inside, on), on));
    at = isBlock && last === end && text[end] === "\n" ? end + 1 : end;
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
    case "expandable_blockquote":
      return expandable(children);
    case "date_time":
      return h("time.moment", { datetime: moment(entity).toISOString() }, momentInWords(entity) ?? children);
    case "text_mention":
    case "hashtag":
    case "cashtag":
      return h("span.as-link", {}, children);
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

function expandable(children) {
  const toggle = (event) => event.currentTarget.parentElement.classList.toggle("is-expanded");
  const button = h("button.expand", { type: "button", "aria-label": "Show or hide the rest", onclick: toggle });
  return h("blockquote.is-expandable", {}, children, button);
}

const moment = ({ unix_time: seconds }) => new Date(seconds * 1000);

/** A moment in the reader's own zone; without a format its words stay as they are. */
function momentInWords({ date_time_format: format, ...entity }) {
  if (!format) return null;
  if (format === "r") return relative(moment(entity) - now());
  return new Intl.DateTimeFormat("en-GB", {
    weekday: format.includes("w") ? "long" : undefined,
    ...dateParts(format),
    ...timeParts(format),
  }).format(moment(entity));
}

function dateParts(format) {
  if (format.includes("D")) return { day: "numeric", month: "long", year: "numeric" };
  return format.includes("d") ? { day: "2-digit", month: "2-digit", year: "2-digit" } : {};
}

function timeParts(format) {
  if (format.includes("T")) return { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  return format.includes("t") ? { hour: "2-digit", minute: "2-digit" } : {};
}

const SPANS = [
  ["year", 31_536_000_000],
  ["month", 2_592_000_000],
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];

function relative(milliseconds) {
  const [unit, size] = SPANS.find(([, span]) => Math.abs(milliseconds) >= span) ?? SPANS.at(-1);
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(Math.round(milliseconds / size), unit);
}
