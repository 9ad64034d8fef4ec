// A handful of stars thrown over the screen when a purchase went through.

import { h, prefersStillness, wait } from "./dom.js";
import { icon } from "./icons.js";

const PIECES = 34;

export async function burst(screen) {
  if (prefersStillness()) return;
  const sky = h("div.burst", { "aria-hidden": "true" });
  for (let piece = 0; piece < PIECES; piece += 1) sky.append(star(piece));
  screen.append(sky);
  await wait(2200);
  sky.remove();
}

function star(piece) {
  const angle = (piece / PIECES) * Math.PI * 2 + Math.random() * 0.4;
  const reach = 90 + Math.random() * 190;
  const one = h("i", {}, icon("star"));
  one.style.setProperty("--x", `${Math.cos(angle) * reach}px`);
  one.style.setProperty("--y", `${Math.sin(angle) * reach - 90}px`);
  one.style.setProperty("--turn", `${Math.random() * 540 - 270}deg`);
  one.style.setProperty("--size", `${10 + Math.random() * 20}px`);
  one.style.animationDelay = `${Math.random() * 120}ms`;
  return one;
}
