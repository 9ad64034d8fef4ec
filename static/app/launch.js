// The launch. Telegram's script reads it from the address too, but may come late or never.
const root = document.documentElement;
const all = (name, listener) => document.addEventListener(name, listener);
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const main = () => document.getElementById("main");

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
