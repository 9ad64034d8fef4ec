// The Mini App on the phone: the sheet with Telegram's header and buttons around the page's frame.

import * as api from "./api.js";
import { createBridge } from "./bridge.js";
import { confirm } from "./dialogs.js";
import { fill, h, settled, wait } from "./dom.js";
import { botAvatar, icon, withStars } from "./icons.js";
import { closeLayer, layer, openLayer } from "./layers.js";
import { answers } from "./protocol.js";
import { store } from "./store.js";
import { isDark, isHexColour, THEMES } from "./theme.js";

// As Telegram's web clients have it: no downloads, no top navigation.
const SANDBOX =
  "allow-scripts allow-same-origin allow-popups allow-forms allow-modals allow-storage-access-by-user-activation";
const ALLOW = "camera; microphone; geolocation; clipboard-write";
const RELOAD_TIMEOUT_MILLISECONDS = 500; // Web A: then the frame is made anew at its first address
const SILENCE_MILLISECONDS = 2500; // a loaded page that has not spoken by then may not be a Mini App
const SWIPE_TO_CLOSE_PIXELS = 110;
const FULLSCREEN_BUTTONS_PIXELS = 46; // what Telegram's own buttons take of a full screen

const screen = document.getElementById("screen");

/** The Mini App window; `on` has buy, openLink, openTelegramLink, openBot, prefill, haptic and told. */
export function createMiniApp(on) {
  const app = { on, launch: null, bridge: null, look: null, frame: null, isMinimised: false };
  const parts = build(app);
  const watched = new ResizeObserver(() => sendViewport(false));
  let steady = null;
  let reloadTimer = null;

  Object.assign(app, {
    parts,
    open,
    close,
    closeNow,
    minimise,
    restore,
    reload,
    redraw,
    send,
    sendTheme,
    sendViewport,
    sendSafeAreas,
    reloading: () => clearTimeout(reloadTimer),
    ready: () => parts.window.classList.add("is-loaded"),
    isOpen: () => Boolean(app.launch),
  });
  return app;

  /** Launch the Mini App as the person who holds the phone; an open one is replaced. */
  async function open(options = {}) {
    const { theme, platform, version } = store.settings;
    const person = store.person;
    const launch = await api.launch(person.id, {
      from: options.from ?? "menu",
      start_param: options.start_param ?? undefined,
      url: options.url ?? undefined,
      theme: THEMES[theme].params,
      platform,
      version,
    });
    app.launch = { ...launch, options, person };
    app.look = {
      isExpanded: !options.compact,
      isFullscreen: false,
      header: { key: "header_bg_color", colour: null },
      background: null,
      bottomBar: null,
      hasBack: false,
      hasSettings: false,
      confirmsClosing: false,
      main: { is_visible: false },
      secondary: { is_visible: false },
      reloads: false,
    };
    parts.title.textContent = store.state.bot.name;
    app.isMinimised = false;
    parts.strip.hidden = true;
    screen.classList.remove("has-strip");
    mount();
    redraw();
    openLayer("app");
    layer.app.hidden = false;
    requestAnimationFrame(() => layer.app.classList.add("is-shown"));
    parts.window.focus({ preventScroll: true });
  }

  function mount() {
    unmount();
    parts.window.classList.remove("is-loaded", "is-silent");
    const frame = h("iframe", {
      src: app.launch.url,
      title: store.state.bot.name,
      sandbox: SANDBOX,
      allow: ALLOW,
      allowfullscreen: true,
      "data-test": "mini-app",
      onload: () => onLoad(frame),
    });
    app.frame = frame;
    let asked = false;
    app.bridge = createBridge(frame, app.launch.url, (type, data) => {
      asked = true;
      parts.window.classList.remove("is-silent");
      on.told(type, data);
      answers[type]?.(app, data);
    });
    app.hasSpoken = () => asked;
    parts.place.append(frame);
    watched.observe(frame);
  }

  function unmount() {
    clearTimeout(reloadTimer);
    app.bridge?.stop();
    if (app.frame) watched.unobserve(app.frame);
    app.frame?.remove();
    app.bridge = app.frame = null;
  }

  async function onLoad(frame) {
    await wait(app.hasSpoken() ? 0 : SILENCE_MILLISECONDS);
    if (frame !== app.frame) return;
    parts.window.classList.add("is-loaded");
    if (app.hasSpoken()) return;
    // A refused connection and a page without Telegram's script look alike from here; asking tells them apart.
    const answered = await fetch(app.launch.url, { mode: "no-cors" }).catch(() => null);
    if (frame !== app.frame || app.hasSpoken() || answered) return;
    parts.silence.querySelector("code").textContent = app.bridge.origin;
    parts.window.classList.add("is-silent");
  }

  /** Tell the page something; before it has spoken there is nobody to hear it. */
  function send(type, data) {
    if (app.bridge && app.hasSpoken()) app.bridge.send(type, data);
  }

  function sendTheme() {
    send("theme_changed", { theme_params: THEMES[store.settings.theme].params });
  }

  /** Tell the page its height now and, once it has come to rest, that this is the stable one. */
  function sendViewport(isStable = true) {
    if (!app.frame) return;
    const { clientWidth: width, clientHeight: height } = app.frame;
    send("viewport_changed", { width, height, is_expanded: app.look.isExpanded, is_state_stable: isStable });
    clearTimeout(steady);
    if (!isStable) steady = setTimeout(() => sendViewport(true), 150);
  }

  /** Tell the page what the phone's edges and Telegram's buttons cover; unasked only when that changed. */
  function sendSafeAreas({ isAsked = false } = {}) {
    if (!app.look) return;
    const { isFullscreen } = app.look;
    const inset = (name) => parseFloat(getComputedStyle(parts.window).getPropertyValue(name)) || 0;
    const bottom = hasButtons() ? 0 : inset("--home-height");
    const none = { top: 0, bottom: 0, left: 0, right: 0 };
    const edges = { ...none, top: isFullscreen ? inset("--status-height") : 0, bottom };
    const looks = JSON.stringify(edges);
    if (!isAsked && looks === app.toldEdges) return;
    app.toldEdges = looks;
    send("safe_area_changed", edges);
    send("content_safe_area_changed", { ...none, top: isFullscreen ? FULLSCREEN_BUTTONS_PIXELS : 0 });
  }

  function hasButtons() {
    return app.look.main.is_visible || app.look.secondary.is_visible;
  }

  /** Close, asking first where the page wants that. */
  async function close() {
    if (!app.launch) return;
    if (app.look.confirmsClosing) {
      const question = {
        message: "Changes that you made may not be saved.",
        yes: "Close Anyway",
        destructive: true,
      };
      if (!(await confirm(question))) return;
    }
    await closeNow();
  }

  async function closeNow() {
    if (!app.launch) return;
    parts.menu.hidden = true;
    parts.strip.hidden = true;
    screen.classList.remove("has-strip", "is-app-fullscreen");
    app.launch = null;
    unmount();
    layer.app.classList.remove("is-shown");
    closeLayer("app");
    await settled(parts.window);
    if (!app.launch) layer.app.hidden = true;
  }

  async function minimise() {
    app.isMinimised = true;
    parts.menu.hidden = true;
    parts.strip.hidden = false;
    parts.stripTitle.textContent = store.state.bot.name;
    screen.classList.add("has-strip");
    layer.app.classList.remove("is-shown");
    closeLayer("app");
    send("visibility_changed", { is_visible: false });
  }

  function restore() {
    app.isMinimised = false;
    parts.strip.hidden = true;
    screen.classList.remove("has-strip");
    layer.app.classList.add("is-shown");
    openLayer("app");
    send("visibility_changed", { is_visible: true });
  }

  /** Ask the page to reload itself where it is; if it does not say so in time, start it over. */
  function reload() {
    if (!app.launch) return;
    parts.window.classList.remove("is-silent");
    if (!app.look.reloads) {
      mount();
      return;
    }
    send("reload_iframe");
    clearTimeout(reloadTimer);
    reloadTimer = setTimeout(mount, RELOAD_TIMEOUT_MILLISECONDS);
  }

  function redraw() {
    const { look } = app;
    if (!look) return;
    const theme = THEMES[store.settings.theme].params;
    const header = look.header.colour ?? theme[look.header.key] ?? theme.header_bg_color;
    const background = look.background ?? theme.bg_color;
    const bar = look.bottomBar ?? theme.bottom_bar_bg_color;
    const { window: sheet } = parts;
    sheet.style.setProperty("--app-header", header);
    sheet.style.setProperty("--app-background", background);
    sheet.style.setProperty("--app-bottom-bar", bar);
    sheet.classList.toggle("has-dark-header", isDark(header));
    sheet.classList.toggle("has-dark-bar", isDark(hasButtons() ? bar : background));
    sheet.classList.toggle("is-compact", !look.isExpanded);
    sheet.classList.toggle("is-fullscreen", look.isFullscreen);
    screen.classList.toggle("is-app-fullscreen", look.isFullscreen);
    screen.classList.toggle("is-app-dark", isDark(background));
    drawClose(look);
    parts.settings.hidden = !look.hasSettings;
    drawButtons(theme);
    sendSafeAreas();
  }

  function drawClose({ hasBack }) {
    if (parts.close.dataset.shows === String(hasBack)) return;
    parts.close.dataset.shows = String(hasBack);
    parts.close.dataset.test = hasBack ? "app-back" : "app-close";
    parts.close.setAttribute("aria-label", hasBack ? "Back" : "Close");
    fill(parts.close, icon(hasBack ? "back" : "close"), hasBack ? "Back" : "Close");
  }

  function drawButtons(theme) {
    const { main, secondary } = app.look;
    drawButton(parts.main, main, { color: theme.button_color, text_color: theme.button_text_color });
    drawButton(parts.secondary, secondary, {
      color: theme.bottom_bar_bg_color,
      text_color: theme.button_color,
    });
    parts.bar.hidden = !hasButtons();
    parts.bar.dataset.position = secondary.is_visible ? (secondary.position ?? "left") : "left";
  }

  function drawButton(button, wanted, usual) {
    button.hidden = !wanted.is_visible;
    if (button.hidden) return;
    button.disabled = !wanted.is_active;
    button.classList.toggle("is-busy", Boolean(wanted.is_progress_visible));
    button.classList.toggle("is-shining", Boolean(wanted.has_shine_effect));
    button.setAttribute("aria-busy", String(Boolean(wanted.is_progress_visible)));
    button.querySelector("span").replaceChildren(...withStars(wanted.text));
    button.style.background = isHexColour(wanted.color) ? wanted.color : usual.color;
    button.style.color = isHexColour(wanted.text_color) ? wanted.text_color : usual.text_color;
  }
}

function build(app) {
  const close = h("button.pill", { type: "button", onclick: () => leave(app) });
  const title = h("strong", { "data-test": "app-title" });
  const subtitle = h("small", {}, "mini app");
  const settings = menuItem("settings", "Settings", "menu-settings", () =>
    app.send("settings_button_pressed"),
  );
  const menu = h(
    "div.menu",
    { role: "menu", hidden: true, "data-test": "app-menu-list" },
    settings,
    menuItem("chats", "Open Bot", "menu-open-bot", async () => {
      await app.close();
      app.on.openBot();
    }),
    menuItem("reload", "Reload Page", "menu-reload", () => app.reload()),
  );
  const more = h(
    "button",
    { type: "button", "aria-label": "Menu", "aria-haspopup": "menu", "data-test": "app-menu" },
    icon("more"),
  );
  const minimise = h(
    "button",
    { type: "button", "aria-label": "Minimise", "data-test": "app-minimise", onclick: () => app.minimise() },
    icon("down"),
  );
  const header = h(
    "header.app-header",
    {},
    close,
    h("div.app-title", {}, title, subtitle),
    h("div.pill.is-split", {}, minimise, more),
    menu,
  );
  const silence = h(
    "div.app-silence",
    { role: "alert" },
    icon("trouble"),
    h("h2", {}, "The shop is not answering"),
    h("p", {}, "Nothing replies at ", h("code", {}), ". Start it, then try again."),
    h("button", { type: "button", onclick: () => app.reload() }, "Try Again"),
  );
  const place = h("div.app-place", {}, h("div.app-wait", {}, botAvatar()), silence);
  const main = bottomButton("main-button", () => app.send("main_button_pressed"));
  const secondary = bottomButton("secondary-button", () => app.send("secondary_button_pressed"));
  const bar = h("footer.app-bar", { hidden: true }, secondary, main);
  const window_ = h(
    "section.app-window",
    { role: "dialog", "aria-label": "Mini App", "data-test": "app-window", tabindex: "-1" },
    header,
    place,
    bar,
  );
  const stripTitle = h("span", {});
  const strip = h(
    "div.app-strip",
    { hidden: true },
    h(
      "button.round",
      { type: "button", "aria-label": "Close the mini app", onclick: () => app.close() },
      icon("close"),
    ),
    h(
      "button.strip-title",
      { type: "button", "data-test": "app-restore", onclick: () => app.restore() },
      stripTitle,
    ),
  );
  fill(layer.app, h("div.app-backdrop", { onclick: () => leave(app, true) }), window_);
  screen.append(strip);

  more.addEventListener("click", (event) => {
    event.stopPropagation();
    menu.hidden = !menu.hidden;
    if (!menu.hidden) menu.querySelector("button:not([hidden])").focus({ preventScroll: true });
  });
  document.addEventListener("click", () => (menu.hidden = true));
  window.addEventListener("blur", () => (menu.hidden = true));
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      menu.hidden = true;
      more.focus();
    }
  });
  swipeToClose(header, window_, app);
  return {
    window: window_,
    close,
    title,
    settings,
    menu,
    place,
    silence,
    main,
    secondary,
    bar,
    strip,
    stripTitle,
  };
}

function leave(app, always = false) {
  if (app.look.hasBack && !always) app.send("back_button_pressed");
  else app.close();
}

function menuItem(name, label, test, onclick) {
  return h("button", { type: "button", role: "menuitem", "data-test": test, onclick }, icon(name), label);
}

function bottomButton(test, onclick) {
  return h(
    "button.bottom-button",
    { type: "button", "data-test": test, hidden: true, onclick },
    h("span", { dir: "auto" }),
    icon("spinner"),
  );
}

/** The header can be pulled down to close, or up to expand, as Telegram's sheet can. */
function swipeToClose(header, sheet, app) {
  let from = null;
  header.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button") || app.look.isFullscreen) return;
    from = event.clientY;
    header.setPointerCapture(event.pointerId);
    sheet.classList.add("is-dragged");
  });
  header.addEventListener("pointermove", (event) => {
    if (from === null) return;
    sheet.style.setProperty("--pull", `${Math.max(event.clientY - from, app.look.isExpanded ? 0 : -120)}px`);
  });
  const drop = (event) => {
    if (from === null) return;
    const pulled = event.clientY - from;
    from = null;
    sheet.classList.remove("is-dragged");
    sheet.style.removeProperty("--pull");
    if (pulled > SWIPE_TO_CLOSE_PIXELS) app.close();
    else if (pulled < -40 && !app.look.isExpanded) answers.web_app_expand(app);
  };
  header.addEventListener("pointerup", drop);
  header.addEventListener("pointercancel", drop);
}
