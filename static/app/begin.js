// Begin.
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
