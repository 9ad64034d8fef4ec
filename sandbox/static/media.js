// What a message carries besides words: a picture, a file, a place, a contact.

import { h } from "./dom.js";
import { avatar, icon } from "./icons.js";

const KILOBYTE = 1024;
const address = (file) => `/sandbox/files/${encodeURIComponent(file.file_id)}`;

/** The element of what a message carries, or null. */
export function mediaElement(message) {
  if (message.photo) return picture(message);
  if (message.document) return file(message.document);
  if (message.location) return place(message.location);
  if (message.contact) return person(message.contact);
  return null;
}

/** What a message carries, in a word. */
export function mediaName({ photo, document: file, location: where, contact }) {
  if (photo) return "Photo";
  if (file) return file.file_name;
  if (where) return "Location";
  return contact ? `Contact: ${contact.first_name}` : "";
}

function picture({ photo, has_media_spoiler: isHidden }) {
  const size = photo.at(-1);
  const image = h("img.photo", {
    src: address(size),
    alt: "Photo",
    style: `aspect-ratio: ${size.width} / ${size.height}`,
  });
  if (!isHidden) return image;
  const reveal = (event) => event.currentTarget.classList.add("is-revealed");
  return h("button.hidden-photo", { type: "button", "aria-label": "Show the photo", onclick: reveal }, image);
}

function file({ file_name: name, file_size: size, ...ids }) {
  return h(
    "a.file",
    { href: address(ids), download: name, "data-test": "file" },
    h("span.file-icon", {}, icon("file")),
    h("span.file-name", {}, h("b", { dir: "auto" }, name), h("small", {}, inWords(size))),
  );
}

function inWords(bytes) {
  if (bytes < KILOBYTE) return `${bytes} B`;
  const kilobytes = bytes / KILOBYTE;
  return kilobytes < KILOBYTE ? `${kilobytes.toFixed(1)} KB` : `${(kilobytes / KILOBYTE).toFixed(1)} MB`;
}

function place({ latitude, longitude }) {
  const where = `${degrees(latitude, "N", "S")}, ${degrees(longitude, "E", "W")}`;
  return h("div.place", {}, h("div.map", { "aria-hidden": "true" }, icon("pin")), h("small", {}, where));
}

const degrees = (value, plus, minus) => `${Math.abs(value).toFixed(4)}° ${value < 0 ? minus : plus}`;

function person({ phone_number: number, first_name: first, last_name: last, user_id: id }) {
  return h(
    "div.file",
    { "data-test": "contact" },
    avatar({ id: id ?? 0, first_name: first, last_name: last }),
    h(
      "span.file-name",
      {},
      h("b", { dir: "auto" }, [first, last].filter(Boolean).join(" ")),
      h("small", {}, number.startsWith("+") ? number : `+${number}`),
    ),
  );
}
