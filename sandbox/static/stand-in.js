// Plays Telegram's client script when that cannot be fetched: what Starfront uses of Telegram.WebApp, in the
// same words to the same phone. Written for this sandbox; other Mini Apps need Telegram's own.
(() => {
  "use strict";
  const inFrame = window.parent !== window;
  const handlers = {};

  // --- The launch: from the address, or from where an earlier page of this visit stored it.
  const PREFIX = "__telegram__"; // the name Telegram's script uses, so that each finds what the other stored
  const launch = { ...stored("initParams"), ...fromFragment(location.hash) };
  store("initParams", launch);
  const initData = launch.tgWebAppData ?? "";
  const version = launch.tgWebAppVersion ?? "6.0";

  function stored(name) {
    try {
      return JSON.parse(sessionStorage.getItem(PREFIX + name)) ?? {};
    } catch {
      return {};
    }
  }

  function store(name, value) {
    try {
      sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
    } catch {
      // A frame can be denied storage; the fragment is all there is then.
    }
  }

  function fromFragment(hash) {
    return Object.fromEntries(new URLSearchParams(hash.slice(hash.indexOf("?") + 1 || 1)));
  }

  function parsed(data) {
    const pairs = [...new URLSearchParams(data)];
    return Object.fromEntries(pairs.map(([key, value]) => [key, /^[[{]/.test(value) ? asJson(value) : value]));
  }

  function asJson(text) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }

  function isVersionAtLeast(wanted) {
    const [have, want] = [version, String(wanted)].map((one) => one.split(".").map(Number));
    const at = have.findIndex((part, index) => part !== (want[index] ?? 0));
    return at < 0 ? want.length <= have.length || !want.slice(have.length).some(Boolean) : have[at] > (want[at] ?? 0);
  }

  function needs(wanted) {
    if (!isVersionAtLeast(wanted)) throw Error("WebAppMethodUnsupported");
  }

  // --- Events, to the phone and from it.
  function post(eventType, eventData = "") {
    if (inFrame) window.parent.postMessage(JSON.stringify({ eventType, eventData }), "*");
  }

  function onEvent(name, callback) {
    handlers[name] ??= new Set();
    handlers[name].add(callback);
  }

  function offEvent(name, callback) {
    handlers[name]?.delete(callback);
  }

  function tell(name, ...facts) {
    for (const callback of [...(handlers[name] ?? [])]) {
      try {
        callback.apply(WebApp, facts);
      } catch (error) {
        console.error(error); // one listener's fault keeps nothing from the next
      }
    }
  }

  window.addEventListener("message", ({ source, data }) => {
    if (source !== window.parent) return;
    const { eventType, eventData } = Object(typeof data === "string" ? asJson(data) : null);
    if (Object.hasOwn(hear, String(eventType))) hear[eventType](eventData ?? {});
  });

  const hear = {
    reload_iframe() {
      post("iframe_will_reload");
      location.reload();
    },
    theme_changed({ theme_params: params }) {
      wear(params ?? {});
      bottomButtons.forEach((button) => button.setParams({}));
      paintAround();
      tell("themeChanged");
    },
    viewport_changed({ height, is_expanded: isExpanded, is_state_stable: isStateStable }) {
      if (!height) return;
      viewport.height = height;
      viewport.isExpanded = Boolean(isExpanded);
      if (isStateStable) viewport.stableHeight = height;
      measure();
      tell("viewportChanged", { isStateStable: Boolean(isStateStable) });
    },
    safe_area_changed(edges) {
      inset("safe-area-inset", Object.assign(safeArea, edges));
      tell("safeAreaChanged");
    },
    content_safe_area_changed(edges) {
      inset("content-safe-area-inset", Object.assign(contentSafeArea, edges));
      tell("contentSafeAreaChanged");
    },
    visibility_changed({ is_visible: isVisible }) {
      isActive = Boolean(isVisible);
      tell(isActive ? "activated" : "deactivated");
    },
    fullscreen_changed({ is_fullscreen: isNow }) {
      isFullscreen = Boolean(isNow);
      tell("fullscreenChanged");
    },
    fullscreen_failed: ({ error }) => tell("fullscreenFailed", { error }),
    main_button_pressed: () => main.press(),
    secondary_button_pressed: () => secondary.press(),
    back_button_pressed: () => tell("backButtonClicked"),
    settings_button_pressed: () => tell("settingsButtonClicked"),
    invoice_closed({ slug, status }) {
      const { url, callback } = invoices.get(slug) ?? {};
      if (!invoices.delete(slug)) return;
      callback?.(status);
      tell("invoiceClosed", { url, status });
    },
    popup_closed({ button_id: id = null }) {
      const answer = take("popup");
      if (!answer) return;
      answer(id);
      tell("popupClosed", { button_id: id });
    },
    write_access_requested({ status }) {
      take("write")?.(status === "allowed");
      tell("writeAccessRequested", { status });
    },
    prepared_message_sent() {
      take("message")?.(true);
      tell("shareMessageSent");
    },
    prepared_message_failed({ error }) {
      take("message")?.(false);
      tell("shareMessageFailed", { error });
    },
    home_screen_added: () => tell("homeScreenAdded"),
    home_screen_checked({ status = "unknown" }) {
      take("home")?.(status);
      tell("homeScreenChecked", { status });
    },
    custom_method_invoked({ req_id: id, result, error }) {
      const answer = take(id);
      if (error) answer?.(error);
      else answer?.(null, result);
    },
  };

  // --- Questions that the phone answers later, one of a kind at a time.
  const asked = new Map();

  function question(name, problem, callback) {
    if (asked.has(name)) throw Error(problem);
    asked.set(name, callback ?? (() => {}));
  }

  function take(name) {
    const callback = asked.get(name);
    asked.delete(name);
    return callback;
  }

  // --- Looks: Telegram's colours and measures as CSS variables.
  const themeParams = {};
  const viewport = { height: null, stableHeight: null, isExpanded: true };
  const safeArea = { top: 0, bottom: 0, left: 0, right: 0 };
  const contentSafeArea = { top: 0, bottom: 0, left: 0, right: 0 };
  const around = { header: "bg_color", background: "bg_color", bottomBar: "bottom_bar_bg_color" };
  const drawn = {};
  let [colorScheme, isActive, isFullscreen] = ["light", true, false];
  let [confirmsClosing, swipes] = [false, true];

  const css = (name, value) => document.documentElement.style.setProperty(`--tg-${name}`, value);
  const isHex = (colour) => /^#[0-9a-f]{6}$/i.test(colour);
  const hex = (colour) => String(colour).trim().toLowerCase().replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3");

  function wear(params) {
    for (const [key, told] of Object.entries(params)) {
      const colour = hex(told);
      if (!isHex(colour)) continue;
      themeParams[key] = colour;
      css(`theme-${key.replaceAll("_", "-")}`, colour);
    }
    if (!themeParams.bg_color) return;
    colorScheme = isDark(themeParams.bg_color) ? "dark" : "light";
    css("color-scheme", colorScheme);
    store("themeParams", themeParams);
  }

  function isDark(colour) {
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    return Math.sqrt(0.299 * red ** 2 + 0.587 * green ** 2 + 0.114 * blue ** 2) < 120; // as Telegram's script
  }

  function measure() {
    css("viewport-height", viewport.height === null ? "100vh" : `${viewport.height}px`);
    css("viewport-stable-height", viewport.stableHeight === null ? "100vh" : `${viewport.stableHeight}px`);
  }

  function inset(name, edges) {
    for (const side of ["top", "bottom", "left", "right"]) css(`${name}-${side}`, `${edges[side] ?? 0}px`);
  }

  const colourOf = (named) => themeParams[named] ?? (isHex(named) ? named : undefined);
  const bottomBarColour = () => colourOf(around.bottomBar) ?? themeParams.secondary_bg_color ?? "#ffffff";

  function setColour(part, wanted, keys, problem) {
    const colour = keys.includes(wanted) ? wanted : hex(wanted);
    if (!keys.includes(colour) && !isHex(colour)) throw Error(problem);
    around[part] = colour;
    paintAround();
    if (part === "bottomBar") secondary.setParams({}); // it takes the colour that it lies on
  }

  /** Tell the phone of each colour that it does not draw yet. */
  function paintAround() {
    const { header } = around;
    draw("web_app_set_header_color", isHex(header) ? { color: header } : { color_key: header });
    draw("web_app_set_background_color", { color: colourOf(around.background) });
    draw("web_app_set_bottom_bar_color", { color: bottomBarColour() });
  }

  function draw(eventType, looks) {
    const told = JSON.stringify(looks);
    if (drawn[eventType] === told) return;
    drawn[eventType] = told;
    post(eventType, looks);
  }

  // --- Buttons that the phone draws.
  function bottomButton(kind, text, usual) {
    const looks = { text, color: null, text_color: null, is_visible: false, is_active: true };
    Object.assign(looks, { is_progress_visible: false, has_shine_effect: false, position: "left" });
    const click = `${kind}ButtonClicked`;
    const button = {
      type: kind,
      setParams(params) {
        const wanted = { ...looks, ...params, text: String(params.text ?? looks.text).trim() };
        for (const key of ["color", "text_color"]) wanted[key] &&= hex(wanted[key]);
        const colours = [wanted.color, wanted.text_color].filter(Boolean);
        if (!wanted.text || wanted.text.length > 64 || !colours.every(isHex)) {
          throw Error("WebAppBottomButtonParamInvalid");
        }
        Object.assign(looks, wanted);
        draw(`web_app_setup_${kind}_button`, shown());
        return button;
      },
      setText: (told) => button.setParams({ text: told }),
      show: () => button.setParams({ is_visible: true }),
      hide: () => button.setParams({ is_visible: false }),
      enable: () => button.setParams({ is_active: true }),
      disable: () => button.setParams({ is_active: false }),
      showProgress: (leaveActive) =>
        button.setParams({ is_progress_visible: true, is_active: Boolean(leaveActive) }),
      hideProgress: () => button.setParams({ is_progress_visible: false, is_active: true }),
      onClick: (callback) => (onEvent(click, callback), button),
      offClick: (callback) => (offEvent(click, callback), button),
      press: () => looks.is_active && tell(click),
    };

    function shown() {
      if (!looks.is_visible) return { is_visible: false };
      const { position, ...rest } = looks;
      const colours = { color: looks.color ?? usual().color, text_color: looks.text_color ?? usual().text_color };
      const shines = looks.has_shine_effect && looks.is_active && !looks.is_progress_visible;
      return { ...rest, ...colours, has_shine_effect: shines, ...(kind === "secondary" && { position }) };
    }

    const named = { text: "text", color: "color", textColor: "text_color", position: "position" };
    const flags = { isVisible: "is_visible", isActive: "is_active", hasShineEffect: "has_shine_effect" };
    for (const [name, key] of Object.entries({ ...named, ...flags, isProgressVisible: "is_progress_visible" })) {
      const get = () => (key in usual() ? (looks[key] ?? usual()[key]) : looks[key]);
      Object.defineProperty(button, name, { get, set: (value) => button.setParams({ [key]: value }), enumerable: true });
    }
    return button;
  }

  function headerButton(kind, since) {
    let isVisible = false;
    const button = {
      show: () => set(true),
      hide: () => set(false),
      onClick: (callback) => (onEvent(`${kind}ButtonClicked`, callback), button),
      offClick: (callback) => (offEvent(`${kind}ButtonClicked`, callback), button),
    };
    function set(value) {
      if (isVersionAtLeast(since)) {
        isVisible = Boolean(value);
        draw(`web_app_setup_${kind}_button`, { is_visible: isVisible });
      }
      return button;
    }
    return Object.defineProperty(button, "isVisible", { get: () => isVisible, set, enumerable: true });
  }

  const main = bottomButton("main", "Continue", () => ({
    color: themeParams.button_color ?? "#2481cc",
    text_color: themeParams.button_text_color ?? "#ffffff",
  }));
  const secondary = bottomButton("secondary", "Cancel", () => ({
    color: bottomBarColour(),
    text_color: themeParams.button_color ?? "#2481cc",
  }));
  const bottomButtons = [main, secondary];

  function haptic(type, told = {}) {
    if (isVersionAtLeast("6.1")) post("web_app_trigger_haptic_feedback", { type, ...told });
    return HapticFeedback;
  }

  const HapticFeedback = {
    impactOccurred(impact_style) {
      const isKnown = ["light", "medium", "heavy", "rigid", "soft"].includes(impact_style);
      if (!isKnown) throw Error("WebAppHapticImpactStyleInvalid");
      return haptic("impact", { impact_style });
    },
    notificationOccurred(notification_type) {
      const isKnown = ["error", "success", "warning"].includes(notification_type);
      if (!isKnown) throw Error("WebAppHapticNotificationTypeInvalid");
      return haptic("notification", { notification_type });
    },
    selectionChanged: () => haptic("selection_change"),
  };

  // --- What the phone keeps for the page.
  function invoke(method, params, callback) {
    needs("6.9");
    const id = `${Date.now()}-${Math.random()}`;
    asked.set(id, callback ?? (() => {}));
    post("web_app_invoke_custom_method", { req_id: id, method, params });
    return CloudStorage;
  }

  const CloudStorage = {
    setItem: (key, value, callback) => invoke("saveStorageValue", { key, value }, callback),
    getItem: (key, callback) =>
      CloudStorage.getItems([key], callback && ((error, found) => callback(error, found?.[key]))),
    getItems: (keys, callback) => invoke("getStorageValues", { keys }, callback),
    removeItem: (key, callback) => CloudStorage.removeItems([key], callback),
    removeItems: (keys, callback) => invoke("deleteStorageValues", { keys }, callback),
    getKeys: (callback) => invoke("getStorageKeys", {}, callback),
  };

  // --- Dialogs, links and payment.
  const invoices = new Map();
  const USUAL_TEXT = new Set(["ok", "close", "cancel"]); // whose words are the client's own

  function popupButton({ type = "default", id = "", text = "" }) {
    const named = USUAL_TEXT.has(type);
    if (String(id).length > 64 || (!named && (!["default", "destructive"].includes(type) || !text.trim()))) {
      throw Error("WebAppPopupParamInvalid");
    }
    return { id: String(id), type, ...(!named && { text: text.trim() }) };
  }

  function showPopup({ title = "", message = "", buttons = [{ type: "close" }] }, callback) {
    needs("6.2");
    const told = { message: message.trim(), buttons: buttons.map(popupButton) };
    const fits = told.message && told.message.length <= 256 && title.trim().length <= 64;
    if (!fits || buttons.length < 1 || buttons.length > 3) throw Error("WebAppPopupParamInvalid");
    question("popup", "WebAppPopupOpened", callback);
    post("web_app_open_popup", { ...(title.trim() && { title: title.trim() }), ...told });
  }

  function showConfirm(message, callback) {
    const buttons = [{ type: "ok", id: "ok" }, { type: "cancel" }];
    showPopup({ message, buttons }, callback && ((id) => callback(id === "ok")));
  }

  function address(url, problem) {
    const link = new URL(url, location.href);
    if (!/^https?:$/.test(link.protocol)) throw Error(problem);
    return link;
  }

  function openTelegramLink(url) {
    const { hostname, pathname, search } = address(url, "WebAppTgUrlInvalid");
    if (hostname !== "t.me") throw Error("WebAppTgUrlInvalid");
    post("web_app_open_tg_link", { path_full: pathname + search });
  }

  function openInvoice(url, callback) {
    const { hostname, pathname } = address(url, "WebAppInvoiceUrlInvalid");
    const slug = hostname === "t.me" && pathname.match(/^\/(?:\$|invoice\/)([\w=-]+)$/)?.[1];
    if (!slug) throw Error("WebAppInvoiceUrlInvalid");
    needs("6.1");
    if (invoices.has(slug)) throw Error("WebAppInvoiceOpened");
    invoices.set(slug, { url, callback });
    post("web_app_open_invoice", { slug });
  }

  const WebApp = {
    initData,
    initDataUnsafe: parsed(initData),
    version,
    platform: launch.tgWebAppPlatform ?? "unknown",
    themeParams,
    safeAreaInset: safeArea,
    contentSafeAreaInset: contentSafeArea,
    BackButton: headerButton("back", "6.1"),
    SettingsButton: headerButton("settings", "6.10"),
    MainButton: main,
    SecondaryButton: secondary,
    HapticFeedback,
    CloudStorage,
    isVersionAtLeast,
    onEvent,
    offEvent,
    ready: () => post("web_app_ready"),
    expand: () => post("web_app_expand"),
    close: () => post("web_app_close", {}),
    setHeaderColor: (colour) =>
      setColour("header", colour, ["bg_color", "secondary_bg_color"], "WebAppHeaderColorInvalid"),
    setBackgroundColor: (colour) =>
      setColour("background", colour, ["bg_color", "secondary_bg_color"], "WebAppBackgroundColorInvalid"),
    setBottomBarColor: (colour) =>
      setColour("bottomBar", colour, ["bg_color", "secondary_bg_color", "bottom_bar_bg_color"], "WebAppBottomBarColorInvalid"),
    enableClosingConfirmation: () => setClosing(true),
    disableClosingConfirmation: () => setClosing(false),
    enableVerticalSwipes: () => setSwipes(true),
    disableVerticalSwipes: () => setSwipes(false),
    requestFullscreen: () => (needs("8.0"), post("web_app_request_fullscreen")),
    exitFullscreen: () => (needs("8.0"), post("web_app_exit_fullscreen")),
    addToHomeScreen: () => (needs("8.0"), post("web_app_add_to_home_screen")),
    checkHomeScreenStatus(callback) {
      needs("8.0");
      asked.set("home", callback ?? (() => {}));
      post("web_app_check_home_screen");
    },
    requestWriteAccess(callback) {
      needs("6.9");
      question("write", "WebAppWriteAccessRequested", callback);
      post("web_app_request_write_access");
    },
    shareMessage(id, callback) {
      needs("8.0");
      question("message", "WebAppShareMessageOpened", callback);
      post("web_app_send_prepared_message", { id });
    },
    openLink: (url) => post("web_app_open_link", { url: address(url, "WebAppTgUrlInvalid").href }),
    openTelegramLink,
    openInvoice,
    showPopup,
    showAlert: (message, callback) => showPopup({ message }, callback && (() => callback())),
    showConfirm,
  };
  const live = {
    colorScheme: () => colorScheme,
    isActive: () => isActive,
    isFullscreen: () => isFullscreen,
    isExpanded: () => viewport.isExpanded,
    viewportHeight: () => viewport.height ?? window.innerHeight,
    viewportStableHeight: () => viewport.stableHeight ?? window.innerHeight,
    headerColor: () => colourOf(around.header),
    backgroundColor: () => colourOf(around.background),
    bottomBarColor: bottomBarColour,
  };
  for (const [name, get] of Object.entries(live)) Object.defineProperty(WebApp, name, { get, enumerable: true });
  const settable = {
    isClosingConfirmationEnabled: [() => confirmsClosing, setClosing],
    isVerticalSwipesEnabled: [() => swipes, setSwipes],
  };
  for (const [name, [get, set]] of Object.entries(settable)) Object.defineProperty(WebApp, name, { get, set, enumerable: true });

  function setClosing(isAsked) {
    if (!isVersionAtLeast("6.2")) return;
    confirmsClosing = Boolean(isAsked);
    post("web_app_setup_closing_behavior", { need_confirmation: confirmsClosing });
  }

  function setSwipes(isAllowed) {
    if (!isVersionAtLeast("7.7")) return;
    swipes = Boolean(isAllowed);
    post("web_app_setup_swipe_behavior", { allow_vertical_swipe: swipes });
  }

  // --- Begin as Telegram's script does: say hello, dress, ask how the phone looks.
  window.Telegram = { WebApp };
  post("iframe_ready", { reload_supported: true });
  wear(asJson(launch.tgWebAppThemeParams ?? "{}"));
  wear(stored("themeParams"));
  paintAround();
  measure();
  for (const wanted of ["theme", "viewport", "safe_area", "content_safe_area"]) post(`web_app_request_${wanted}`);
})();
