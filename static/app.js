// Speaks with Telegram's client and keeps the session. What the pages show, the server decides.
(() => {
  "use strict";
  const root = document.documentElement;
  const all = (name, listener) => document.addEventListener(name, listener);
  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const main = () => document.getElementById("main");

  // --- The launch. Telegram's script reads it from the address too, but may come late or never.
  const STORED = "__telegram__initParams"; // its own name for it, so that it finds it there
  const LEFT = "logged out"; // the name of a window whose page before is not to be asked for its launch
  const fromAddress = parse(location.href);
  const launch = { ...stored(), ...fromAddress };
  // A reload finds the launch in the address once more, but leads nowhere else.
  const carried = Boolean(fromAddress.tgWebAppData) && !history.state;
  const isLasting = store();
  let kept = isLasting || !launch.tgWebAppData ? "" : `#${new URLSearchParams(launch)}`;
  stand();
  if (!isLasting && window.parent !== window) recover();

  /** The parameters of the launch, wherever they stand: in a page that routes by its fragment a path comes first. */
  function parse(address) {
    const params = {};
    for (const [, name, value] of address.matchAll(/[#?&](tgWebApp\w+)=([^&#]*)/g)) {
      try { params[name] = decodeURIComponent(value.replace(/\+/g, "%20")); } catch {}
    }
    return params;
  }

  function stored() {
    try { return JSON.parse(sessionStorage.getItem(STORED)) || {}; } catch { return {}; }
  }

  function store() {
    try {
      sessionStorage.setItem(STORED, JSON.stringify(launch));
      return true;
    } catch { return false; } // denied to a frame
  }

  /** Give the page its address. Where nothing else outlasts a reload, the launch stays in it, for Telegram's script too. */
  function stand(path = location.pathname + location.search) {
    history.replaceState(history.state || {}, "", path + kept);
  }

  /** Fetch the launch from the page before: a link tapped before this script was there leaves it behind. */
  function recover() {
    const isLost = !kept && window.navigation?.canGoBack;
    const wanted = window.name;
    if (isLost && wanted === LEFT) return;
    window.name = isLost && !wanted ? location.pathname + location.search : "";
    if (window.name) navigation.back();
    else if (kept && /^\/(\w|$)/.test(wanted)) addEventListener("DOMContentLoaded", () => setTimeout(() => go(wanted, { push: true })));
  }

  const telegram = () => window.Telegram?.WebApp;
  let isOut = false; // logged out: this launch is over, though Telegram's script still holds it
  const initData = () => (isOut ? "" : telegram()?.initData || launch.tgWebAppData || "");
  const launchValue = (name) => new URLSearchParams(initData()).get(name) || "";
  const user = () => { try { return JSON.parse(launchValue("user")) || {}; } catch { return {}; } };
  const person = () => String(user().id || "");

  // Clients are older than they say: nothing asked of them may stop the page.
  function ask(version, task) {
    const app = telegram();
    try {
      if (!app || !app.initData || (version !== "6.0" && !app.isVersionAtLeast(version))) return false;
      task(app);
      return true;
    } catch { return false; }
  }

  // --- The session: a bearer in this page's memory, renewed from the launch.
  let token = "", endsAt = 0, signingIn = null, renewal = 0, speaks = "", turns = 0;
  const fresh = () => token && Date.now() < endsAt - 20000;

  /** A code from the bot's chat is a second proof, where the client goes on showing an old launch. */
  function signIn(code) {
    signingIn = signingIn || exchange(0, typeof code === "string" ? code : "").finally(() => { signingIn = null; });
    return signingIn;
  }

  async function exchange(attempt, code) {
    const told = initData();
    if (!told) return settle("outside");
    if (!token && !attempt) settle("pending");
    const answer = await fetch("/session", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ init_data: told, code }),
    }).catch(() => null);
    if (answer?.ok) {
      const body = await answer.json();
      token = body.token;
      speaks = body.user.language;
      endsAt = Date.now() + body.expires_in * 1000;
      clearTimeout(renewal);
      renewal = setTimeout(signIn, Math.max(body.expires_in - 60, 30) * 1000);
      settle("ready");
      return announce();
    }
    if (answer?.status === 401 || (code && answer?.status === 429)) {
      token = "";
      if (code) root.dataset.code = answer.status === 401 ? "wrong" : "late";
      return settle("stale");
    }
    if (attempt === 4) return settle("failed");
    const wait = Math.max(500 * 2 ** attempt, 1000 * Math.min(Number(answer?.headers.get("Retry-After")) || 0, 60));
    if (answer?.status === 429 && !fresh()) settle("crowded", wait);
    await pause(wait);
    return exchange(attempt + 1, code);
  }

  function settle(state, wait = 0) {
    root.dataset.session = state;
    root.dataset.again = new Date(Date.now() + wait).toLocaleTimeString(root.lang);
    write(main());
    dress();
  }

  /** Say when the next try is, wherever a page asks for it. */
  function write(elt) {
    for (const said of elt.querySelectorAll("[data-again]")) said.textContent = root.dataset.again;
  }

  // The launch is over with the session: this window keeps nothing of it.
  all("session:ended", () => {
    [isOut, token, kept] = [true, "", ""];
    clearTimeout(renewal);
    try { sessionStorage.removeItem(STORED); } catch {}
    window.name = LEFT;
    settle("outside");
  });

  function announce() {
    if (!fresh() || !window.htmx) return;
    const { lang, dataset } = main();
    // Somebody else's page, or one in another language than theirs: the server knows better by now.
    if ((dataset.viewer && dataset.viewer !== person()) || (speaks && speaks !== lang && turns++ < 3)) return go(dataset.path);
    htmx.trigger(document.body, "session:ready");
  }

  // A reloaded page may have been rendered for the account that was here before.
  if (main()?.dataset.viewer && initData() && main().dataset.viewer !== person()) main().classList.add("stranger");

  // --- htmx: who asks, what waits, what is repeated.
  all("htmx:configRequest", ({ detail }) => {
    if (token) detail.headers.Authorization = `Bearer ${token}`;
    detail.headers["Accept-Language"] = root.lang;
    detail.headers["HX-Current-URL"] = location.origin + location.pathname;
    const order = detail.elt.closest("[data-order]");
    if (order && claims[order.id]) detail.parameters.told = claims[order.id];
  });

  all("htmx:confirm", (event) => {
    const { elt, verb, issueRequest } = event.detail;
    if ((verb === "get" && !elt.closest("[data-personal]")) || fresh() || !initData()) return;
    event.preventDefault();
    signIn().then(() => { if (elt.isConnected) issueRequest(true); });
  });

  // A page that may load more is a document of its own; where nothing lasts, the launch goes with it.
  all("htmx:beforeOnLoad", (event) => {
    const path = event.detail.xhr.getResponseHeader("HX-Redirect");
    if (!path) return;
    event.preventDefault();
    location.href = path + kept;
  });

  all("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig } = event.detail;
    if (xhr.status !== 401 || !initData() || requestConfig.headers["Asked-Again"]) return;
    event.detail.shouldSwap = event.detail.isError = false;
    token = "";
    signIn().then(() => {
      const { verb, path, elt, target } = requestConfig;
      if (token && elt.isConnected) htmx.ajax(verb, path, { source: elt, target, headers: { "Asked-Again": "1" } });
    });
  });

  function go(path, { push, swap = "outerHTML show:window:top" } = {}) {
    if (!window.htmx) { location.href = path + kept; return; }
    htmx.ajax("GET", path, { target: "#main", swap, push: push && path });
  }

  // --- History: pages are asked for again, by the same way as any other.
  const scrolls = {};
  let depth = 0, scrollTo = 0;
  all("htmx:beforeHistoryUpdate", () => { scrolls[location.pathname] = scrollY; });
  all("htmx:pushedIntoHistory", () => {
    depth += 1;
    stand();
  });
  all("htmx:historyCacheMiss", (event) => {
    event.preventDefault();
    depth = Math.max(depth - 1, 0);
    scrollTo = scrolls[location.pathname] || 0;
    go(event.detail.path, { swap: "outerHTML" });
  });
  all("language:chosen", ({ detail }) => { speaks = detail.value; });
  const back = () => (depth ? history.back() : go("/", { push: true }));

  // --- What Telegram draws around the page.
  all("htmx:load", ({ detail }) => {
    const elt = detail.elt;
    if (elt.id === "main") {
      [root.lang, root.dir] = [elt.lang, elt.dir];
      elt.focus({ preventScroll: true });
      if (scrollTo) window.scrollTo(0, scrollTo);
      scrollTo = 0;
    }
    if (elt.dataset.order) elt.scrollIntoView({ block: "nearest" });
    if (elt.dataset.order === "paid") feel("success");
    if (elt.id === "said") feel("error");
    elt.querySelector("[data-focus]")?.focus({ preventScroll: true });
    if ("ask" in elt.dataset) inquire(elt);
    present(elt);
    write(elt);
    if (location.search.includes("tgWebApp") || location.pathname !== main().dataset.path) {
      stand(main().dataset.path); // where a start parameter led
    }
    announce();
    dress();
  });
  all("htmx:beforeRequest", () => setTimeout(dress));
  all("htmx:afterRequest", ({ detail }) => {
    setTimeout(dress);
    if (detail.xhr.status) delete root.dataset.offline;
    if (detail.successful) document.getElementById("problem")?.replaceChildren();
    // Did the answer not come, what is shown may be bought all the same: the server looks again.
    else if (detail.elt.matches("[hx-trigger^='session:ready']")) detail.elt.removeAttribute("hx-trigger");
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) all(name, () => { root.dataset.offline = ""; });

  addEventListener("submit", (event) => {
    if (event.target.id !== "proof") return;
    event.preventDefault();
    event.stopPropagation();
    delete root.dataset.code;
    signIn(new FormData(event.target).get("code"));
  }, true);

  // A form that nobody but htmx can send: it has to carry the session. Tapped too early, it waits.
  let early = null;
  all("submit", (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    early = event.target;
  });
  all("htmx:load", () => {
    if (early?.isConnected) early.requestSubmit();
    early = null;
  });

  const feel = (kind) => ask("6.1", (app) => app.HapticFeedback.notificationOccurred(kind));

  // What can be bought is shown at once, but is about to give way to what this person may do.
  const unsettled = (act) => !window.htmx
    || (["pending", "crowded", "ready"].includes(root.dataset.session) && act.closest("[hx-trigger^='session:ready']"));
  const busy = (act) => act.disabled || "busy" in act.dataset || unsettled(act);

  const act = (kind) => document.querySelector(`[data-${kind}-button]`);

  function dress() {
    const shut = ["outside", "stale"].includes(root.dataset.session);
    const draw = (kind, version, name) => {
      const wanted = !shut && act(kind);
      const drawn = ask(version, ({ [name]: button }) => {
        if (!wanted) return button.hide();
        button.setText(wanted.dataset[`${kind}Button`]);
        if (busy(wanted)) button.showProgress(); else button.hideProgress();
        button.show();
      });
      root.classList.toggle(`has-${kind}-button`, Boolean(drawn && wanted));
    };
    draw("main", "6.0", "MainButton");
    const { accent, onAccent } = root.dataset;
    if (accent) ask("6.1", (app) => app.MainButton.setParams({ color: accent, text_color: onAccent }));
    draw("secondary", "7.10", "SecondaryButton");
    const inside = main().dataset.path !== "/";
    const leads = ask("6.1", ({ BackButton }) => (inside ? BackButton.show() : BackButton.hide()));
    root.classList.toggle("has-back-button", leads && inside);
    const paying = Boolean(document.querySelector("[data-order=open]"));
    ask("6.2", (app) => { if (app.isClosingConfirmationEnabled !== paying) app.isClosingConfirmationEnabled = paying; });
  }

  function press(kind) {
    const wanted = act(kind);
    if (wanted && !busy(wanted)) wanted.click();
  }

  // --- What a client may offer besides: each hidden until this one can, and gone once it is done.
  const offers = {
    // To let the bot write: receipts and reminders come by chat. A no is not asked about again.
    write: ["6.9", (offer, app) => app.CloudStorage.getItem("write", (_, answer) => {
      offer.hidden = Boolean(user().allows_write_to_pm) || answer === "no";
    }), (app, offer) => app.requestWriteAccess((allowed) => {
      offer.hidden = true;
      if (!allowed) app.CloudStorage.setItem("write", "no");
    })],
    home: ["8.0", (offer, app) => app.checkHomeScreenStatus((status) => { offer.hidden = status !== "missed"; }),
      (app, offer) => { app.addToHomeScreen(); offer.hidden = true; }],
    // The phone and desk apps follow such links; in a browser nothing would.
    topup: ["6.0", (offer, app) => { offer.hidden = app.platform.startsWith("web"); }],
    fullscreen: ["8.0", (offer) => { offer.hidden = false; }, (app) =>
      (app.isFullscreen ? app.exitFullscreen() : app.requestFullscreen())],
  };
  function present(elt) {
    for (const offer of elt.querySelectorAll("[data-offer]")) {
      const [version, reveal] = offers[offer.dataset.offer];
      ask(version, (app) => reveal(offer, app));
    }
    for (const link of elt.querySelectorAll("[data-more]")) near.observe(link);
  }

  // What comes next is asked for before one has scrolled to it.
  const near = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) if (isIntersecting) target.click();
  }, { rootMargin: "600px" });

  // A question that the page asks by itself, asked by Telegram's own dialog where there is one.
  function inquire(block) {
    const words = (selector) => block.querySelector(selector).textContent.replace(/\s+/g, " ").trim();
    const [title, message, yes] = [words("h2, h3, summary"), words("p"), block.querySelector("form .bad")];
    const keep = block.querySelector("[data-focus]");
    return message.length <= 256 && ask("6.2", (app) => app.showPopup(
      { title: title.slice(0, 64), message, buttons: [{ id: "yes", type: "destructive", text: words("form .bad") }, { type: "cancel" }] },
      (id) => { if (block.isConnected) (id === "yes" ? yes : keep)?.click(); },
    ));
  }

  // To people of one's own choice: the shop prepares the message, the client asks whom it goes to.
  async function share(link) {
    if (!fresh()) await signIn();
    const answer = await fetch(link.dataset.share, { method: "POST", headers: { Authorization: `Bearer ${token}` } })
      .then((told) => told.ok && told.json()).catch(() => null);
    if (!answer || !ask("8.0", (app) => app.shareMessage(answer.id))) ask("6.1", (app) => app.openTelegramLink(link.href));
  }

  function paint() {
    ask("6.0", (app) => { root.dataset.theme = app.colorScheme; });
    ask("6.1", (app) => { app.setHeaderColor("secondary_bg_color"); app.setBackgroundColor("secondary_bg_color"); });
    ask("7.10", (app) => app.setBottomBarColor("bottom_bar_bg_color"));
  }

  function meet() {
    ask("6.0", (app) => {
      app.ready();
      app.expand();
      app.MainButton.onClick(() => press("main"));
      app.onEvent("themeChanged", paint);
      app.onEvent("activated", lookAgain);
    });
    ask("6.1", (app) => app.BackButton.onClick(back));
    ask("7.0", ({ SettingsButton }) => {
      SettingsButton.onClick(() => go("/settings", { push: true }));
      SettingsButton.show();
    });
    ask("7.10", (app) => app.SecondaryButton.setParams({ position: "bottom" }).onClick(() => press("secondary")));
    present(document);
    paint();
    dress();
  }

  // --- Paying. What the client says is only a reason to ask the server.
  const claims = {};
  all("order:opened", ({ detail }) => openInvoice(detail.link, detail.order));

  function openInvoice(link, order) {
    delete claims[`order-${order}`];
    const heard = (status) => { claims[`order-${order}`] = status || "none"; lookAgain(); };
    return ask("6.1", (app) => app.openInvoice(link, heard));
  }

  function lookAgain() {
    if (window.htmx) htmx.trigger(document.body, "order:ask");
  }

  function handle(link) {
    const { dataset } = link;
    if (dataset.invoice) return openInvoice(link.href, dataset.invoice);
    const [version, , take] = offers[dataset.offer] || [];
    if (take) return ask(version, (app) => take(app, link));
    if ("ask" in dataset) return inquire(link.parentElement);
    if (dataset.share && ask("8.0", () => { share(link); })) return true;
    if ("reopen" in dataset && root.dataset.bot) {
      const start = main().dataset.start;
      const reopened = `https://t.me/${root.dataset.bot}${start ? `?startapp=${start}` : "?startapp"}`;
      return ask("6.1", (app) => { app.openTelegramLink(reopened); app.close(); });
    }
    if (!/^https?:$/.test(link.protocol) || link.host === location.host) return false;
    const leave = link.hostname === "t.me" ? "openTelegramLink" : "openLink"; // beside the shop, which stays open
    return ask("6.1", (app) => app[leave](link.href));
  }

  // Caught on its way down: Telegram's own script stumbles over links to t.me.
  addEventListener("click", (event) => {
    const link = event.target.closest("a, button, summary");
    if (!link) return;
    if (link.dataset.mainButton || link.dataset.secondaryButton) ask("6.1", (app) => app.HapticFeedback.impactOccurred("light"));
    if ("signIn" in link.dataset) signIn();
    if (!handle(link)) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  document.addEventListener("visibilitychange", () => { if (!document.hidden) lookAgain(); });
  addEventListener("offline", () => { root.dataset.offline = ""; });
  addEventListener("online", () => {
    delete root.dataset.offline;
    if (fresh()) lookAgain(); else signIn();
  });

  // --- Begin.
  try { // The theme of the launch, so that nothing changes colour when Telegram's script arrives.
    for (const [name, colour] of Object.entries(JSON.parse(launch.tgWebAppThemeParams))) {
      if (/^#[0-9a-f]{6}$/i.test(colour)) root.style.setProperty(`--tg-theme-${name.replace(/_/g, "-")}`, colour);
      const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
      if (name === "bg_color") root.dataset.theme = Math.hypot(0.55 * red, 0.77 * green, 0.34 * blue) < 120 ? "dark" : "light";
    }
  } catch {}
  if (telegram()) meet(); else document.getElementById("telegram")?.addEventListener("load", meet);
  signIn();

  // Some clients give the start parameter only inside the launch.
  const start = launchValue("start_param");
  if (carried && location.pathname === "/" && !location.search && /^[A-Za-z0-9_-]{1,512}$/.test(start)) {
    addEventListener("DOMContentLoaded", () => setTimeout(() => go(`/?tgWebAppStartParam=${start}`)));
  }
})();
