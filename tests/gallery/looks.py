"""What is looked at on a page for people who read with their ears, magnify, tap roughly or get dizzy."""

from collections.abc import Iterator
from typing import Any

from tests.gallery.visits import Visit
from tests.kit import npm

AXE = npm.read("axe-core@4.14.1", "axe.min.js").decode()
NARROW = {"width": 320, "height": 700}
MOST_MOTION_MILLISECONDS = 50  # what is shortened to nothing for those who ask for rest
# Made by somebody who cannot be trusted with colours: text like its ground, one ground light, one dark.
HOSTILE = {
    "bg_color": "#7d7d7d",
    "secondary_bg_color": "#8a8f70",
    "section_bg_color": "#101010",
    "bottom_bar_bg_color": "#fefefe",
    "text_color": "#808080",
    "hint_color": "#8a8a8a",
    "subtitle_text_color": "#8b9070",
    "link_color": "#7f8f6f",
    "accent_text_color": "#8a8f70",
    "button_color": "#ffee55",
    "button_text_color": "#ffffff",
    "destructive_text_color": "#8a8f71",
    "section_separator_color": "#8a8f70",
}
RUN_AXE = """rules => axe.run(document, rules ? { runOnly: rules } : {}).then(({ violations }) =>
  violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) =>
    [id, html.slice(0, 160), failureSummary])))"""

# What can be tapped and is smaller than a fingertip; links within a sentence are let off (WCAG 2.5.5).
SMALL_TARGETS = """() => [...document.querySelectorAll("a, button, summary, input:not([type=hidden]), label")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }))
  .filter((one) => !one.closest("p, dd, .log") && !(one.matches("input") && one.closest("label")))
  .map((one) => [one.outerHTML.slice(0, 120), one.getBoundingClientRect()])
  .filter(([, { width, height }]) => width < 44 || height < 44)
  .map(([text, { width, height }]) => [text, width, height])"""

# Text alone twice as large, as Android's font size makes it.
DOUBLE_TEXT = """() => {
  const sizes = [...document.querySelectorAll("body, body *:not(svg *)")]
    .map((one) => [one, parseFloat(getComputedStyle(one).fontSize)]);
  for (const [one, size] of sizes) one.style.fontSize = `${2 * size}px`;
}"""
# Text that leaves the page, is cut off, or lies over other text. A card's summary may end early: the card
# leads to the whole of it.
SPOILT_TEXT = """() => {
  const found = [];
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) found.push(["sideways", scrollWidth, clientWidth]);
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    const { nodeValue, parentElement: around } = walker.currentNode;
    if (!nodeValue.trim() || !around.checkVisibility({ visibilityProperty: true })) continue;
    if (around.closest(".tabs, .sr, svg, #problem, .card p")) continue;
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    for (const box of range.getClientRects()) texts.push([nodeValue.trim().slice(0, 40), box, around]);
  }
  for (const [text, box, around] of texts) {
    for (let one = around; one !== document.body; one = one.parentElement) {
      const { overflowX } = getComputedStyle(one);
      if (overflowX === "auto") break; // what is further on is scrolled to
      if (!["hidden", "clip"].includes(overflowX)) continue;
      const frame = one.getBoundingClientRect();
      const isWide = box.left < frame.left - 1 || box.right > frame.right + 1;
      const isHigh = box.top < frame.top - 2 || box.bottom > frame.bottom + 2;
      if (isWide || isHigh) found.push(["cut off", text, one.className]);
    }
  }
  texts.forEach(([text, box], at) => {
    for (const [other, next] of texts.slice(at + 1)) {
      const wide = Math.min(box.right, next.right) - Math.max(box.left, next.left);
      const high = Math.min(box.bottom, next.bottom) - Math.max(box.top, next.top);
      if (wide > 2 && high > Math.min(box.height, next.height) / 2) found.push(["overlap", text, other]);
    }
  });
  return found;
}"""
# What waits, and then is there within a blink, does not move.
MOVING = """() => document.getAnimations()
  .filter(({ playState, effect }) => playState === "running" && effect.getTiming().duration > 20)
  .map(({ animationName, effect }) => [animationName, effect.target.className])"""


def found_by_looking(there: Visit) -> Iterator[tuple[str, list[Any]]]:
    """Return what is to be mended, look by look."""
    page = there.page
    page.evaluate(AXE)
    yield "axe", page.evaluate(RUN_AXE, None)
    for theme in ("dark", "custom", "hostile"):
        there.wear(theme, HOSTILE if theme == "hostile" else None)
        yield f"contrast, {theme}", page.evaluate(RUN_AXE, ["color-contrast"])
    yield "targets", page.evaluate(SMALL_TARGETS)
    page.wait_for_timeout(MOST_MOTION_MILLISECONDS)
    yield "motion", page.evaluate(MOVING)
    page.set_viewport_size(NARROW)
    yield "narrow", page.evaluate(SPOILT_TEXT)
    page.evaluate(DOUBLE_TEXT)
    yield "large text", page.evaluate(SPOILT_TEXT)
